// Verifies chains by OpenSSL's X509_STORE, and says in words what it found.
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <utility>

#include "crypto/distinguished_name.h"
#include "crypto/ossl_certificate.h"
#include "crypto/ossl_handle.h"
#include "crypto/small_file.h"
#include "crypto/trust_store.h"

namespace crypto {
namespace {

using Store = OsslHandle<X509_STORE, X509_STORE_free>;
using StoreCtx = OsslHandle<X509_STORE_CTX, X509_STORE_CTX_free>;
using Crl = OsslHandle<X509_CRL, X509_CRL_free>;
using Usages = OsslHandle<EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free>;
// The stack is freed, what lies on it is not.
struct FreeStack {
  void operator()(STACK_OF(X509) * stack) const { sk_X509_free(stack); }
};
using Stack = std::unique_ptr<STACK_OF(X509), FreeStack>;

constexpr std::size_t kCrlFileMax = std::size_t{16} << 20;
constexpr std::size_t kCrlsPerFileMax = 512;
constexpr std::size_t kAuthoritiesMax = 1024;
// OpenSSL counts the certificates between leaf and authority.
constexpr int kDepthMax = kChainMax - 2;
// Level 2 is 112 bits: RSA from 2048 bits on, no SHA-1.
constexpr int kAuthLevel = 2;

std::string subject_of(const X509* x509) {
  unsigned char* raw = nullptr;
  const int len = i2d_X509_NAME(X509_get_subject_name(x509), &raw);
  if (len < 0) return "(a name that cannot be read)";
  const Result<std::string> text = dn_to_text({raw, static_cast<std::size_t>(len)});
  OPENSSL_free(raw);
  return text ? clipped(*text) : "(a name that cannot be read)";
}

// A reason as an operator wants it; OpenSSL's own words for the rare ones.
std::string reason_of(int error) {
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return "it has expired";
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "it is not yet valid";
    case X509_V_ERR_CERT_REVOKED:
      return "it is revoked";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return "no trusted authority has issued it";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      return "it is self-signed and not trusted";
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return "its signature is wrong";
    case X509_V_ERR_INVALID_CA:
      return "it is no CA, but has issued a certificate";
    case X509_V_ERR_CERT_CHAIN_TOO_LONG:
      return "the chain has more than " + std::to_string(kChainMax) + " certificates";
    case X509_V_ERR_UNABLE_TO_GET_CRL:
      return "there is no CRL of its issuer";
    case X509_V_ERR_CRL_HAS_EXPIRED:
      return "the CRL of its issuer has expired";
    case X509_V_ERR_CRL_NOT_YET_VALID:
      return "the CRL of its issuer is not yet valid";
    case X509_V_ERR_CRL_SIGNATURE_FAILURE:
      return "the signature of its issuer's CRL is wrong";
    case X509_V_ERR_CA_MD_TOO_WEAK:
      return "it is signed with a weak hash";
    default:
      return X509_verify_cert_error_string(error);
  }
}

bool is_authority_itself(X509_STORE_CTX* ctx) {
  return X509_STORE_CTX_get_error_depth(ctx) + 1 == sk_X509_num(X509_STORE_CTX_get0_chain(ctx));
}

bool is_about_crls(int error) {
  switch (error) {
    case X509_V_ERR_UNABLE_TO_GET_CRL:
    case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
    case X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE:
    case X509_V_ERR_CRL_SIGNATURE_FAILURE:
    case X509_V_ERR_CRL_HAS_EXPIRED:
    case X509_V_ERR_CRL_NOT_YET_VALID:
    case X509_V_ERR_KEYUSAGE_NO_CRL_SIGN:
    case X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION:
    case X509_V_ERR_DIFFERENT_CRL_SCOPE:
    case X509_V_ERR_CERT_REVOKED:
      return true;
    default:
      return false;
  }
}

// Asked about every error. OpenSSL looks for a CRL for the authority too, which is trusted as it
// stands; and it cannot tell a list that is not there from one that has to be.
int forgive(int ok, X509_STORE_CTX* ctx, bool missing_is_fine) {
  const int error = X509_STORE_CTX_get_error(ctx);
  if (ok == 1) return 1;
  const bool forgiven = (missing_is_fine && error == X509_V_ERR_UNABLE_TO_GET_CRL) ||
                        (is_about_crls(error) && is_authority_itself(ctx));
  if (forgiven) X509_STORE_CTX_set_error(ctx, X509_V_OK);
  return forgiven ? 1 : 0;
}
extern "C" {
static int ossl_trust_store_ifcrl(int ok, X509_STORE_CTX* ctx) { return forgive(ok, ctx, true); }
static int ossl_trust_store_strict(int ok, X509_STORE_CTX* ctx) { return forgive(ok, ctx, false); }
}

void set_policy(X509_STORE_CTX* ctx, CrlPolicy policy, std::int64_t now_s) {
  X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(ctx);
  X509_VERIFY_PARAM_set_time(param, now_s);
  X509_VERIFY_PARAM_set_depth(param, kDepthMax);
  X509_VERIFY_PARAM_set_auth_level(param, kAuthLevel);
  unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN;
  if (policy != CrlPolicy::off) flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
  CHECK(X509_VERIFY_PARAM_set_flags(param, flags) == 1);
  X509_STORE_CTX_set_verify_cb(
      ctx, policy == CrlPolicy::strict ? ossl_trust_store_strict : ossl_trust_store_ifcrl);
}

bool is_for_ike(const ASN1_OBJECT* usage) {
  switch (OBJ_obj2nid(usage)) {
    case NID_server_auth:
    case NID_client_auth:
    case NID_ipsec_IKE:
    case NID_anyExtendedKeyUsage:
      return true;
    default:
      break;
  }
  // iKEIntermediate, which Apple's and older clients want to see, has no number in OpenSSL.
  char dotted[32];
  return OBJ_obj2txt(dotted, sizeof dotted, usage, 1) > 0 &&
         std::string_view(dotted) == "1.3.6.1.5.5.8.2.2";
}

// What the leaf says of its own purpose (RFC 4945 §5.1.3.2, §5.1.3.12).
Status check_usage(X509* leaf) {
  const auto wrong = [&](const char* why) {
    return fail("certificate \"" + subject_of(leaf) + "\": " + why);
  };
  // All bits are set when the extension is not there.
  if ((X509_get_key_usage(leaf) & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)) == 0)
    return wrong("its keyUsage does not allow signatures");
  int critical = 0;
  const Usages usages(static_cast<EXTENDED_KEY_USAGE*>(
      X509_get_ext_d2i(leaf, NID_ext_key_usage, &critical, nullptr)));
  if (usages == nullptr && critical == -1) return {};  // -1: it is not there
  for (int i = 0; i < sk_ASN1_OBJECT_num(usages.get()); ++i)
    if (is_for_ike(sk_ASN1_OBJECT_value(usages.get(), i))) return {};
  return wrong("its extendedKeyUsage is for something else than IKE");
}

}  // namespace

struct TrustStore::Impl {
  Store store;
  std::vector<Certificate> authorities;
  std::size_t crl_count = 0;
};

TrustStore::TrustStore() : impl_(std::make_unique<Impl>(Store(X509_STORE_new()))) {
  CHECK(impl_->store != nullptr);
}
TrustStore::TrustStore(TrustStore&&) noexcept = default;
TrustStore& TrustStore::operator=(TrustStore&&) noexcept = default;
TrustStore::~TrustStore() = default;

Status TrustStore::add_ca(Certificate authority) {
  if (!authority.is_ca())
    return fail("certificate \"" + clipped(authority.subject_text()) + "\" is no CA");
  const auto same = [&](const Certificate& other) {
    return std::ranges::equal(other.der(), authority.der());
  };
  if (std::ranges::any_of(impl_->authorities, same)) return {};
  if (impl_->authorities.size() == kAuthoritiesMax) return fail("there are more than 1024 CAs");
  CHECK(X509_STORE_add_cert(impl_->store.get(), authority.impl_->x509.get()) == 1);
  impl_->authorities.push_back(std::move(authority));
  return {};
}

Status TrustStore::add_ca_file(const std::string& path) {
  Result<std::vector<Certificate>> certificates = Certificate::load(path);
  if (!certificates) return std::unexpected(certificates.error());
  for (Certificate& certificate : *certificates)
    if (Status status = add_ca(std::move(certificate)); !status)
      return fail(path + ": " + status.error().text);
  return {};
}

Status TrustStore::add_crl_file(const std::string& path) {
  const auto content = read_file(path, kCrlFileMax);
  if (!content) return std::unexpected(content.error());
  std::vector<PemBlock> blocks;
  if (is_pem(*content)) {
    const auto* const chars = static_cast<const char*>(static_cast<const void*>(content->data()));
    auto read = read_pem({chars, content->size()}, kCrlsPerFileMax);
    if (!read) return fail(path + ": " + read.error().text);
    blocks = std::move(*read);
    std::erase_if(blocks, [](const PemBlock& block) { return block.label != "X509 CRL"; });
  } else {
    blocks.push_back({"", *content});
  }
  if (blocks.empty()) return fail(path + ": there is no CRL in it");
  for (const PemBlock& block : blocks) {
    const unsigned char* at = block.der.data();
    const Crl crl(d2i_X509_CRL(nullptr, &at, static_cast<long>(block.der.size())));
    const bool whole = crl != nullptr && at == block.der.data() + block.der.size();
    ERR_clear_error();
    if (!whole) return fail(path + ": the CRL is malformed");
    CHECK(X509_STORE_add_crl(impl_->store.get(), crl.get()) == 1);
    ++impl_->crl_count;
  }
  return {};
}

Status TrustStore::verify(const Certificate& leaf, std::span<const Certificate> intermediates,
                          CrlPolicy policy, std::int64_t now_s) const {
  if (intermediates.size() > kIntermediatesMax)
    return fail("there are more than " + std::to_string(kIntermediatesMax) +
                " certificates beside \"" + clipped(leaf.subject_text()) + "\"");
  const Stack between(sk_X509_new_null());
  const StoreCtx ctx(X509_STORE_CTX_new());
  CHECK(between != nullptr && ctx != nullptr);
  for (const Certificate& certificate : intermediates)
    CHECK(sk_X509_push(between.get(), certificate.impl_->x509.get()) > 0);
  X509* const x509 = leaf.impl_->x509.get();
  CHECK(X509_STORE_CTX_init(ctx.get(), impl_->store.get(), x509, between.get()) == 1);
  set_policy(ctx.get(), policy, now_s);
  const bool verified = X509_verify_cert(ctx.get()) == 1;
  ERR_clear_error();
  if (verified) return check_usage(x509);
  const X509* failing = X509_STORE_CTX_get_current_cert(ctx.get());
  return fail("certificate \"" + subject_of(failing == nullptr ? x509 : failing) +
              "\": " + reason_of(X509_STORE_CTX_get_error(ctx.get())));
}

std::span<const Certificate> TrustStore::authorities() const { return impl_->authorities; }

std::vector<AuthorityHash> TrustStore::authority_hashes() const {
  std::vector<AuthorityHash> hashes;
  for (const Certificate& authority : impl_->authorities)
    hashes.push_back(authority.authority_hash());
  return hashes;
}

const Certificate* TrustStore::find_authority(Bytes hash) const {
  const auto found = std::ranges::find_if(impl_->authorities, [&](const Certificate& authority) {
    return std::ranges::equal(authority.authority_hash(), hash);
  });
  return found == impl_->authorities.end() ? nullptr : &*found;
}

std::size_t TrustStore::crl_count() const { return impl_->crl_count; }

}  // namespace crypto
