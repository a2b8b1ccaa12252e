// Signs and verifies by OpenSSL, and takes only keys that are worth it.
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <limits>
#include <utility>

#include "crypto/ossl_handle.h"
#include "crypto/signature.h"
#include "crypto/small_file.h"

namespace crypto {
namespace {

using Pkey = OsslHandle<EVP_PKEY, EVP_PKEY_free>;
using MdCtx = OsslHandle<EVP_MD_CTX, EVP_MD_CTX_free>;
using BigNumber = OsslHandle<BIGNUM, BN_free>;
using EcdsaSignature = OsslHandle<ECDSA_SIG, ECDSA_SIG_free>;
using Bio = OsslHandle<BIO, BIO_free_all>;

constexpr std::size_t kKeyFileMax = 65536;
constexpr std::size_t kSpkiMax = 4096;
constexpr int kRsaBitsMin = 2048;
constexpr int kRsaBitsMax = 8192;
constexpr int kRsaExponentBitsMax = 33;

struct Curve {
  std::string_view name;  // as OpenSSL calls it
  KeyKind kind;
};
constexpr Curve kCurves[] = {{"prime256v1", KeyKind::ecdsa_p256},
                             {"secp384r1", KeyKind::ecdsa_p384},
                             {"secp521r1", KeyKind::ecdsa_p521}};

Status check_rsa(const EVP_PKEY* key) {
  const int bits = EVP_PKEY_get_bits(key);
  if (bits < kRsaBitsMin || bits > kRsaBitsMax)
    return fail("the RSA key has " + std::to_string(bits) + " bits; 2048 to 8192 are accepted");
  BIGNUM* raw = nullptr;
  CHECK(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &raw) == 1);
  const BigNumber exponent(raw);
  if (!BN_is_odd(raw) || BN_is_one(raw) || BN_num_bits(raw) > kRsaExponentBitsMax)
    return fail("the public exponent of the RSA key is even, 1, or above 2^33");
  BIGNUM* raw_modulus = nullptr;
  CHECK(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &raw_modulus) == 1);
  const BigNumber modulus(raw_modulus);
  if (!BN_is_odd(raw_modulus)) return fail("the modulus of the RSA key is even");
  return {};
}

Result<KeyKind> kind_of_curve(const EVP_PKEY* key) {
  int is_explicit = 0;
  // A curve spelled out instead of named may be one that somebody made up (CVE-2020-0601).
  if (EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &is_explicit) !=
          1 ||
      is_explicit != 0)
    return fail("the curve of the ECDSA key is not given by its name");
  char name[64];
  std::size_t len = 0;
  if (EVP_PKEY_get_group_name(key, name, sizeof name, &len) == 1) {
    for (const Curve& curve : kCurves)
      if (curve.name == std::string_view(name, len)) return curve.kind;
  }
  return fail("the curve of the ECDSA key is not P-256, P-384 or P-521");
}

Result<KeyKind> kind_of(const EVP_PKEY* key) {
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
      if (Status status = check_rsa(key); !status) return std::unexpected(status.error());
      return KeyKind::rsa;
    case EVP_PKEY_EC:
      return kind_of_curve(key);
    case EVP_PKEY_ED25519:
      return KeyKind::ed25519;
    default:
      return fail("the key is neither RSA nor ECDSA nor Ed25519");
  }
}

std::vector<std::uint8_t> encode_public(const EVP_PKEY* key) {
  std::uint8_t* raw = nullptr;
  const int len = i2d_PUBKEY(key, &raw);
  CHECK(len > 0);
  std::vector<std::uint8_t> octets(raw, raw + len);
  OPENSSL_free(raw);
  return octets;
}

// Octets of r and of s in a raw signature (RFC 4754 §3); 0 when the key is not ECDSA.
std::size_t coordinate_len(KeyKind kind) {
  switch (kind) {
    case KeyKind::ecdsa_p256:
      return 32;
    case KeyKind::ecdsa_p384:
      return 48;
    case KeyKind::ecdsa_p521:
      return 66;
    case KeyKind::rsa:
    case KeyKind::ed25519:
      break;
  }
  return 0;
}

std::vector<std::uint8_t> raw_from_der(KeyKind kind, Bytes der) {
  const std::uint8_t* at = der.data();
  const EcdsaSignature signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  CHECK(signature != nullptr);
  const int len = static_cast<int>(coordinate_len(kind));
  std::vector<std::uint8_t> raw(2 * coordinate_len(kind));
  CHECK(BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), raw.data(), len) == len);
  CHECK(BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), raw.data() + len, len) == len);
  return raw;
}

// Empty when the length is not that of the curve.
std::vector<std::uint8_t> der_from_raw(KeyKind kind, Bytes raw) {
  const std::size_t len = coordinate_len(kind);
  if (raw.size() != 2 * len) return {};
  const EcdsaSignature signature(ECDSA_SIG_new());
  BigNumber r(BN_bin2bn(raw.data(), static_cast<int>(len), nullptr));
  BigNumber s(BN_bin2bn(raw.data() + len, static_cast<int>(len), nullptr));
  CHECK(signature != nullptr && r != nullptr && s != nullptr);
  CHECK(ECDSA_SIG_set0(signature.get(), r.release(), s.release()) == 1);
  std::uint8_t* encoded = nullptr;
  const int encoded_len = i2d_ECDSA_SIG(signature.get(), &encoded);
  CHECK(encoded_len > 0);
  std::vector<std::uint8_t> der(encoded, encoded + encoded_len);
  OPENSSL_free(encoded);
  return der;
}

const char* digest_name(SignatureAlgorithm algorithm) {
  switch (hash_of(algorithm)) {
    case SignatureHash::sha1:
      return "SHA1";
    case SignatureHash::sha256:
      return "SHA256";
    case SignatureHash::sha384:
      return "SHA384";
    case SignatureHash::sha512:
      return "SHA512";
    case SignatureHash::identity:
      return nullptr;
  }
  std::unreachable();
}

bool is_pss(SignatureAlgorithm algorithm) {
  return algorithm >= SignatureAlgorithm::rsa_pss_sha256 &&
         algorithm <= SignatureAlgorithm::rsa_pss_sha512;
}

// The padding of RSA; MGF1 takes the hash of the signature by itself.
bool set_padding(EVP_PKEY_CTX* ctx, KeyKind kind, SignatureAlgorithm algorithm) {
  if (kind != KeyKind::rsa) return true;
  if (!is_pss(algorithm)) return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1;
  return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1;
}

// A damaged key would give signatures that betray it.
bool halves_fit(EVP_PKEY* key) {
  const OsslHandle<EVP_PKEY_CTX, EVP_PKEY_CTX_free> ctx(
      EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  const bool fit = ctx != nullptr && EVP_PKEY_pairwise_check(ctx.get()) == 1;
  ERR_clear_error();
  return fit;
}

// Asked for by OpenSSL when a PEM file is encrypted. Without it a terminal would be asked.
int no_password(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

}  // namespace

struct PublicKey::Impl {
  Pkey key;
  KeyKind kind;
  std::vector<std::uint8_t> spki;
};

struct PrivateKey::Impl {
  Pkey key;
};

PublicKey::PublicKey(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PublicKey::PublicKey(PublicKey&&) noexcept = default;
PublicKey& PublicKey::operator=(PublicKey&&) noexcept = default;
PublicKey::~PublicKey() = default;

Result<PublicKey> PublicKey::from_spki(Bytes der) {
  if (der.size() > kSpkiMax) return fail("the public key is too long");
  const std::uint8_t* at = der.data();
  Pkey key(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())));
  if (key == nullptr || at != der.data() + der.size()) {
    ERR_clear_error();
    return fail("the public key is malformed or of an unknown kind");
  }
  const Result<KeyKind> kind = kind_of(key.get());
  if (!kind) return std::unexpected(kind.error());
  return PublicKey(std::make_unique<Impl>(std::move(key), *kind,
                                          std::vector<std::uint8_t>(der.begin(), der.end())));
}

KeyKind PublicKey::kind() const { return impl_->kind; }
unsigned PublicKey::bits() const {
  return static_cast<unsigned>(EVP_PKEY_get_bits(impl_->key.get()));
}
Bytes PublicKey::spki() const { return impl_->spki; }

bool PublicKey::operator==(const PublicKey& other) const {
  const bool equal = EVP_PKEY_eq(impl_->key.get(), other.impl_->key.get()) == 1;
  ERR_clear_error();
  return equal;
}

bool PublicKey::verify(SignatureAlgorithm algorithm, Bytes data, Bytes signature,
                       EcdsaForm form) const {
  if (!can_use(impl_->kind, algorithm) || signature.empty() || signature.size() > kSignatureMax)
    return false;
  std::vector<std::uint8_t> der;
  if (form == EcdsaForm::raw && coordinate_len(impl_->kind) != 0) {
    der = der_from_raw(impl_->kind, signature);
    if (der.empty()) return false;
    signature = der;
  }
  const MdCtx ctx(EVP_MD_CTX_new());
  EVP_PKEY_CTX* key_ctx = nullptr;  // owned by ctx
  CHECK(ctx != nullptr);
  const bool verified = EVP_DigestVerifyInit_ex(ctx.get(), &key_ctx, digest_name(algorithm),
                                                nullptr, nullptr, impl_->key.get(), nullptr) == 1 &&
                        set_padding(key_ctx, impl_->kind, algorithm) &&
                        EVP_DigestVerify(ctx.get(), signature.data(), signature.size(), data.data(),
                                         data.size()) == 1;
  if (!verified) ERR_clear_error();
  return verified;
}

PrivateKey::PrivateKey(std::unique_ptr<Impl> impl, PublicKey public_key)
    : impl_(std::move(impl)), public_(std::move(public_key)) {}
PrivateKey::PrivateKey(PrivateKey&&) noexcept = default;
PrivateKey& PrivateKey::operator=(PrivateKey&&) noexcept = default;
PrivateKey::~PrivateKey() = default;

Result<PrivateKey> PrivateKey::parse(std::string_view pem) {
  CHECK(pem.size() <= std::size_t{std::numeric_limits<int>::max()});
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  CHECK(bio != nullptr);
  bool encrypted = false;
  Pkey key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, &encrypted));
  ERR_clear_error();
  if (encrypted) return fail("the private key is encrypted: store it without a passphrase");
  if (key == nullptr) return fail("there is no private key in PEM form");
  Result<PublicKey> public_key = PublicKey::from_spki(encode_public(key.get()));
  if (!public_key) return std::unexpected(public_key.error());
  if (!halves_fit(key.get())) return fail("the halves of the private key do not fit");
  return PrivateKey(std::make_unique<Impl>(std::move(key)), std::move(*public_key));
}

Result<PrivateKey> PrivateKey::load(const std::string& path) {
  const Result<SecretBytes> text = read_secret_file(path, kKeyFileMax);
  if (!text) return std::unexpected(text.error());
  const auto* const chars =
      static_cast<const char*>(static_cast<const void*>(text->reveal().data()));
  Result<PrivateKey> key = parse({chars, text->size()});
  if (!key) return fail(path + ": " + key.error().text);
  return key;
}

Result<std::vector<std::uint8_t>> PrivateKey::sign(SignatureAlgorithm algorithm, Bytes data,
                                                   EcdsaForm form) const {
  if (!can_use(kind(), algorithm))
    return fail(std::string("an ") + key_kind_name(kind()) + " key cannot sign with " +
                signature_algorithm_name(algorithm));
  const MdCtx ctx(EVP_MD_CTX_new());
  EVP_PKEY_CTX* key_ctx = nullptr;  // owned by ctx
  CHECK(ctx != nullptr);
  std::vector<std::uint8_t> signature(kSignatureMax);
  std::size_t len = signature.size();
  const bool is_signed =
      EVP_DigestSignInit_ex(ctx.get(), &key_ctx, digest_name(algorithm), nullptr, nullptr,
                            impl_->key.get(), nullptr) == 1 &&
      set_padding(key_ctx, kind(), algorithm) &&
      EVP_DigestSign(ctx.get(), signature.data(), &len, data.data(), data.size()) == 1;
  if (!is_signed) {
    ERR_clear_error();
    return fail(std::string("OpenSSL refuses to sign with the ") + key_kind_name(kind()) + " key");
  }
  signature.resize(len);
  if (form == EcdsaForm::raw && coordinate_len(kind()) != 0) return raw_from_der(kind(), signature);
  return signature;
}

}  // namespace crypto
