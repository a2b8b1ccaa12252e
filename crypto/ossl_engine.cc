// The OpenSSL engine: the reference in tests and the rival in benchmarks. One lane after the other.
//
// Algorithms are fetched once and contexts are kept, and a context that still holds the key of the
// previous lane is not keyed again: this is OpenSSL at its best, so that a comparison with it is
// fair. (OpenSSL 3 itself allocates inside EVP_MAC_final; no setting of ours changes that.)
//
// ExpandedKey holds the raw key. PrfKey holds the key padded with zeroes to one hash block, which
// is the same HMAC key (RFC 2104 §2); a longer key is hashed first.
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <array>
#include <utility>

#include "crypto/base/error.h"
#include "crypto/base/secret.h"
#include "crypto/engine.h"

namespace crypto {
namespace {

struct CipherFree {
  void operator()(EVP_CIPHER* p) const { EVP_CIPHER_free(p); }
  void operator()(EVP_CIPHER_CTX* p) const { EVP_CIPHER_CTX_free(p); }
};
struct MacFree {
  void operator()(EVP_MAC* p) const { EVP_MAC_free(p); }
  void operator()(EVP_MAC_CTX* p) const { EVP_MAC_CTX_free(p); }
};
struct MdFree {
  void operator()(EVP_MD* p) const { EVP_MD_free(p); }
  void operator()(EVP_MD_CTX* p) const { EVP_MD_CTX_free(p); }
};
using Cipher = std::unique_ptr<EVP_CIPHER, CipherFree>;
using CipherCtx = std::unique_ptr<EVP_CIPHER_CTX, CipherFree>;
using Mac = std::unique_ptr<EVP_MAC, MacFree>;
using MacCtx = std::unique_ptr<EVP_MAC_CTX, MacFree>;
using Md = std::unique_ptr<EVP_MD, MdFree>;
using MdCtx = std::unique_ptr<EVP_MD_CTX, MdFree>;

constexpr std::size_t kHashBlockMax = 128;
constexpr std::size_t block_len(Prf alg) { return alg == Prf::hmac_sha256 ? 64 : kHashBlockMax; }

// A cipher context for one algorithm and one direction, and the key that it holds.
struct KeyedCipher {
  CipherCtx ctx;
  Secret<32> key;
  bool keyed = false;

  void open_for(const EVP_CIPHER* cipher, int encrypt) {
    ctx.reset(EVP_CIPHER_CTX_new());
    CHECK(ctx != nullptr);
    CHECK(EVP_CipherInit_ex2(ctx.get(), cipher, nullptr, nullptr, encrypt, nullptr) == 1);
  }
  void start(Bytes raw_key, const std::uint8_t* iv, int encrypt) {
    const bool same = keyed && ct_equal(raw_key, key.reveal().first(raw_key.size()));
    if (!same) {
      std::memcpy(key.fill().data(), raw_key.data(), raw_key.size());
      keyed = true;
    }
    CHECK(EVP_CipherInit_ex2(ctx.get(), nullptr, same ? nullptr : raw_key.data(), iv, encrypt,
                             nullptr) == 1);
  }
};

struct KeyedMac {
  MacCtx ctx;
  Secret<kHashBlockMax> key;
  bool keyed = false;
};

class OsslEngine final : public Engine {
 public:
  OsslEngine();

  const char* name() const override { return name_; }

  void expand(Aead alg, std::span<const ExpandLane> lanes) override;
  void open(Aead alg, std::span<AeadLane> lanes) override;
  void seal(Aead alg, std::span<AeadLane> lanes) override;

  void prepare(Prf alg, std::span<const PrfKeyLane> lanes) override;
  void mac(Prf alg, std::span<const MacLane> lanes) override;
  void sha1(std::span<const Sha1Lane> lanes) override;

  void cbc_encrypt(Bytes key, const std::uint8_t* iv, Bytes in, std::uint8_t* out) override {
    cbc(cbc_encrypt_[key.size() == 32], key, iv, in, out, 1);
  }
  void cbc_decrypt(Bytes key, const std::uint8_t* iv, Bytes in, std::uint8_t* out) override {
    cbc(cbc_decrypt_[key.size() == 32], key, iv, in, out, 0);
  }

 private:
  void hash(const EVP_MD* md, Bytes message, std::uint8_t* out);
  void cbc(KeyedCipher& cipher, Bytes key, const std::uint8_t* iv, Bytes in, std::uint8_t* out,
           int encrypt);

  const char* name_ = OpenSSL_version(OPENSSL_VERSION);
  std::array<KeyedCipher, kAeadCount> open_;
  std::array<KeyedCipher, kAeadCount> seal_;
  std::array<KeyedCipher, 2> cbc_encrypt_;  // [0] 128-bit keys, [1] 256-bit keys
  std::array<KeyedCipher, 2> cbc_decrypt_;
  std::array<KeyedMac, kPrfCount> mac_;
  std::array<Md, kPrfCount> hash_;
  Md sha1_;
  MdCtx hash_ctx_;
};

OsslEngine::OsslEngine() {
  constexpr const char* kAeadNames[] = {"AES-128-GCM", "AES-256-GCM", "ChaCha20-Poly1305"};
  constexpr const char* kCbcNames[] = {"AES-128-CBC", "AES-256-CBC"};
  constexpr const char* kHashNames[] = {"SHA256", "SHA384", "SHA512"};
  for (std::size_t i = 0; i < kAeadCount; ++i) {
    const Cipher cipher(EVP_CIPHER_fetch(nullptr, kAeadNames[i], nullptr));
    CHECK(cipher != nullptr);
    open_[i].open_for(cipher.get(), 0);
    seal_[i].open_for(cipher.get(), 1);
  }
  for (std::size_t i = 0; i < 2; ++i) {
    const Cipher cipher(EVP_CIPHER_fetch(nullptr, kCbcNames[i], nullptr));
    CHECK(cipher != nullptr);
    cbc_encrypt_[i].open_for(cipher.get(), 1);
    cbc_decrypt_[i].open_for(cipher.get(), 0);
    CHECK(EVP_CIPHER_CTX_set_padding(cbc_encrypt_[i].ctx.get(), 0) == 1);
    CHECK(EVP_CIPHER_CTX_set_padding(cbc_decrypt_[i].ctx.get(), 0) == 1);
  }
  const Mac hmac(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
  CHECK(hmac != nullptr);
  for (std::size_t i = 0; i < kPrfCount; ++i) {
    char digest[8] = {};
    std::memcpy(digest, kHashNames[i], 6);
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                 OSSL_PARAM_construct_end()};
    mac_[i].ctx.reset(EVP_MAC_CTX_new(hmac.get()));
    CHECK(mac_[i].ctx != nullptr && EVP_MAC_CTX_set_params(mac_[i].ctx.get(), params) == 1);
    hash_[i].reset(EVP_MD_fetch(nullptr, kHashNames[i], nullptr));
    CHECK(hash_[i] != nullptr);
  }
  sha1_.reset(EVP_MD_fetch(nullptr, "SHA1", nullptr));
  hash_ctx_.reset(EVP_MD_CTX_new());
  CHECK(sha1_ != nullptr && hash_ctx_ != nullptr);
}

void OsslEngine::expand(Aead alg, std::span<const ExpandLane> lanes) {
  for (const ExpandLane& lane : lanes)
    std::memcpy(lane.out->storage(), lane.raw_key, aead_key_len(alg));
}

Bytes raw_key_of(const AeadLane& lane, Aead alg) {
  return {lane.key != nullptr ? lane.key->storage() : lane.raw_key, aead_key_len(alg)};
}

// AAD, then text. OpenSSL wants no call at all for an empty part.
void update(EVP_CIPHER_CTX* ctx, const AeadLane& lane) {
  int written = 0;
  if (!lane.aad.empty())
    CHECK(EVP_CipherUpdate(ctx, nullptr, &written, lane.aad.data(),
                           static_cast<int>(lane.aad.size())) == 1);
  if (lane.len != 0)
    CHECK(EVP_CipherUpdate(ctx, lane.out, &written, lane.in, static_cast<int>(lane.len)) == 1);
}

void OsslEngine::open(Aead alg, std::span<AeadLane> lanes) {
  KeyedCipher& cipher = open_[std::to_underlying(alg)];
  for (AeadLane& lane : lanes) {
    cipher.start(raw_key_of(lane, alg), lane.nonce, 0);
    CHECK(EVP_CIPHER_CTX_ctrl(cipher.ctx.get(), EVP_CTRL_AEAD_SET_TAG, kAeadTagLen, lane.tag) == 1);
    update(cipher.ctx.get(), lane);
    int written = 0;
    std::uint8_t rest[16];
    lane.ok = EVP_CipherFinal_ex(cipher.ctx.get(), rest, &written) == 1;
    if (!lane.ok) secure_zero(lane.out, lane.len);
  }
}

void OsslEngine::seal(Aead alg, std::span<AeadLane> lanes) {
  KeyedCipher& cipher = seal_[std::to_underlying(alg)];
  for (AeadLane& lane : lanes) {
    cipher.start(raw_key_of(lane, alg), lane.nonce, 1);
    update(cipher.ctx.get(), lane);
    int written = 0;
    std::uint8_t rest[16];
    CHECK(EVP_CipherFinal_ex(cipher.ctx.get(), rest, &written) == 1);
    CHECK(EVP_CIPHER_CTX_ctrl(cipher.ctx.get(), EVP_CTRL_AEAD_GET_TAG, kAeadTagLen, lane.tag) == 1);
    lane.ok = true;
  }
}

void OsslEngine::hash(const EVP_MD* md, Bytes message, std::uint8_t* out) {
  CHECK(EVP_DigestInit_ex2(hash_ctx_.get(), md, nullptr) == 1);
  CHECK(EVP_DigestUpdate(hash_ctx_.get(), message.data(), message.size()) == 1);
  CHECK(EVP_DigestFinal_ex(hash_ctx_.get(), out, nullptr) == 1);
}

void OsslEngine::prepare(Prf alg, std::span<const PrfKeyLane> lanes) {
  for (const PrfKeyLane& lane : lanes) {
    std::uint8_t* padded = lane.out->storage();
    std::memset(padded, 0, block_len(alg));
    if (lane.key.size() > block_len(alg)) {
      hash(hash_[std::to_underlying(alg)].get(), lane.key, padded);
    } else if (!lane.key.empty()) {
      std::memcpy(padded, lane.key.data(), lane.key.size());
    }
  }
}

void OsslEngine::mac(Prf alg, std::span<const MacLane> lanes) {
  KeyedMac& mac = mac_[std::to_underlying(alg)];
  const std::size_t key_len = block_len(alg);
  for (const MacLane& lane : lanes) {
    const Bytes key(lane.key->storage(), key_len);
    const bool same = mac.keyed && ct_equal(key, mac.key.reveal().first(key_len));
    if (!same) {
      std::memcpy(mac.key.fill().data(), key.data(), key_len);
      mac.keyed = true;
    }
    CHECK(EVP_MAC_init(mac.ctx.get(), same ? nullptr : key.data(), same ? 0 : key_len, nullptr) ==
          1);
    CHECK(EVP_MAC_update(mac.ctx.get(), lane.message.data(), lane.message.size()) == 1);
    std::size_t written = 0;
    CHECK(EVP_MAC_final(mac.ctx.get(), lane.out, &written, prf_len(alg)) == 1);
  }
}

void OsslEngine::sha1(std::span<const Sha1Lane> lanes) {
  for (const Sha1Lane& lane : lanes) hash(sha1_.get(), lane.message, lane.out);
}

void OsslEngine::cbc(KeyedCipher& cipher, Bytes key, const std::uint8_t* iv, Bytes in,
                     std::uint8_t* out, int encrypt) {
  CHECK((key.size() == 16 || key.size() == 32) && in.size() % 16 == 0);
  cipher.start(key, iv, encrypt);
  int written = 0;
  CHECK(EVP_CipherUpdate(cipher.ctx.get(), out, &written, in.data(), static_cast<int>(in.size())) ==
        1);
}

}  // namespace

std::unique_ptr<Engine> make_ossl_engine() { return std::make_unique<OsslEngine>(); }

}  // namespace crypto
