// Reads certificates by OpenSSL; everything that is asked of them later is taken out at once.
#include "crypto/ossl_certificate.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <limits>
#include <optional>

#include "crypto/digest.h"
#include "crypto/distinguished_name.h"
#include "crypto/ossl_handle.h"
#include "crypto/small_file.h"

namespace crypto {
namespace {

using Bio = OsslHandle<BIO, BIO_free_all>;
using Names = OsslHandle<GENERAL_NAMES, GENERAL_NAMES_free>;
using BigNumber = OsslHandle<BIGNUM, BN_free>;

constexpr std::size_t kCertificateFileMax = std::size_t{4} << 20;
constexpr std::size_t kClippedLen = 200;

std::vector<std::uint8_t> octets_of(const ASN1_STRING* string) {
  const unsigned char* data = ASN1_STRING_get0_data(string);
  return {data, data + ASN1_STRING_length(string)};
}

// DER of an object, by its i2d function.
template <class T>
std::vector<std::uint8_t> encode(const T* object, int (*i2d)(const T*, unsigned char**)) {
  unsigned char* raw = nullptr;
  const int len = i2d(object, &raw);
  if (len < 0) return {};
  std::vector<std::uint8_t> der(raw, raw + len);
  OPENSSL_free(raw);
  return der;
}

std::optional<std::int64_t> seconds_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return std::nullopt;
  return timegm(&parts);
}

void add_name(const GENERAL_NAME* general, std::vector<AlternativeName>& names) {
  int type = 0;
  const auto* const value =
      static_cast<const ASN1_STRING*>(GENERAL_NAME_get0_value(general, &type));
  if (type == GEN_DNS) names.push_back({NameKind::fqdn, octets_of(value)});
  if (type == GEN_EMAIL) names.push_back({NameKind::rfc822, octets_of(value)});
  if (type != GEN_IPADD) return;
  std::vector<std::uint8_t> address = octets_of(value);
  if (address.size() == 4) names.push_back({NameKind::ip4, std::move(address)});
  if (address.size() == 16) names.push_back({NameKind::ip6, std::move(address)});
}

// Whether the extension is malformed says EXFLAG_INVALID.
std::vector<AlternativeName> read_names(const X509* x509) {
  std::vector<AlternativeName> names;
  const Names found(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(x509, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; found != nullptr && i < sk_GENERAL_NAME_num(found.get()); ++i)
    add_name(sk_GENERAL_NAME_value(found.get(), i), names);
  return names;
}

std::string text_of(Bytes name) {
  Result<std::string> text = dn_to_text(name);
  return text ? std::move(*text) : "(a name that cannot be read)";
}

bool same_without_case(Bytes a, Bytes b) {
  const auto lower = [](std::uint8_t c) {
    return c >= 'A' && c <= 'Z' ? static_cast<std::uint8_t>(c + ('a' - 'A')) : c;
  };
  return std::ranges::equal(a, b, {}, lower, lower);
}

// The part before the last @ is the mail server's own business (RFC 5280 §7.5).
bool same_mailbox(Bytes a, Bytes b) {
  const auto local_len = [](Bytes address) {
    std::size_t len = address.size();
    while (len > 0 && address[len - 1] != '@') --len;
    return len;
  };
  const std::size_t len = local_len(a);
  return len == local_len(b) && std::ranges::equal(a.first(len), b.first(len)) &&
         same_without_case(a.subspan(len), b.subspan(len));
}

bool same_name(NameKind kind, Bytes a, Bytes b) {
  switch (kind) {
    case NameKind::dn:
      return dn_equal(a, b);
    case NameKind::fqdn:
      return same_without_case(a, b);
    case NameKind::rfc822:
      return same_mailbox(a, b);
    case NameKind::ip4:
    case NameKind::ip6:
      return std::ranges::equal(a, b);
  }
  std::unreachable();
}

}  // namespace

void Certificate::Impl::Free::operator()(x509_st* object) const { X509_free(object); }

std::string clipped(const std::string& subject) {
  return subject.size() <= kClippedLen ? subject : subject.substr(0, kClippedLen) + "...";
}

bool is_pem(Bytes content) {
  constexpr std::string_view kBegin = "-----BEGIN ";
  return !std::ranges::search(content, kBegin).empty();
}

Result<std::vector<PemBlock>> read_pem(std::string_view text, std::size_t count_max) {
  CHECK(text.size() <= std::size_t{std::numeric_limits<int>::max()});
  const Bio bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  CHECK(bio != nullptr);
  std::vector<PemBlock> blocks;
  while (blocks.size() <= count_max) {
    char* label = nullptr;
    char* header = nullptr;
    unsigned char* data = nullptr;
    long len = 0;
    ERR_clear_error();
    if (PEM_read_bio(bio.get(), &label, &header, &data, &len) != 1) {
      const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
      ERR_clear_error();
      if (at_end) return blocks;
      return fail("PEM block " + std::to_string(blocks.size() + 1) + " is cut or malformed");
    }
    blocks.push_back({label, {data, data + len}});
    OPENSSL_free(label);
    OPENSSL_free(header);
    OPENSSL_clear_free(data, static_cast<std::size_t>(len));
  }
  return fail("there are more than " + std::to_string(count_max) + " PEM blocks");
}

Certificate::Certificate(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Certificate::Certificate(Certificate&&) noexcept = default;
Certificate& Certificate::operator=(Certificate&&) noexcept = default;
Certificate::~Certificate() = default;

Result<Certificate> Certificate::from_der(Bytes der) {
  if (der.size() > kCertificateMax)
    return fail("the certificate has more than " + std::to_string(kCertificateMax) + " octets");
  const unsigned char* at = der.data();
  std::unique_ptr<x509_st, Impl::Free> x509(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  const bool whole = x509 != nullptr && at == der.data() + der.size();
  ERR_clear_error();
  if (!whole) return fail("the certificate is malformed");
  std::vector<std::uint8_t> subject = encode(X509_get_subject_name(x509.get()), i2d_X509_NAME);
  const std::string subject_text = text_of(subject);
  const auto wrong = [&](const std::string& why) {
    ERR_clear_error();
    return fail("certificate \"" + clipped(subject_text) + "\": " + why);
  };
  // Computes the flags of the extensions, which are kept in the object.
  if ((X509_get_extension_flags(x509.get()) & EXFLAG_INVALID) != 0)
    return wrong("an extension is malformed or there twice");
  std::vector<AlternativeName> names = read_names(x509.get());
  const auto not_before_s = seconds_of(X509_get0_notBefore(x509.get()));
  const auto not_after_s = seconds_of(X509_get0_notAfter(x509.get()));
  if (!not_before_s || !not_after_s) return wrong("the validity is malformed");
  const auto spki = encode(X509_get_X509_PUBKEY(x509.get()), i2d_X509_PUBKEY);
  Result<PublicKey> key = PublicKey::from_spki(spki);
  if (!key) return wrong(key.error().text);
  std::vector<std::uint8_t> issuer = encode(X509_get_issuer_name(x509.get()), i2d_X509_NAME);
  ERR_clear_error();
  std::string issuer_text = text_of(issuer);
  return Certificate(std::make_unique<Impl>(
      std::move(x509), std::vector<std::uint8_t>(der.begin(), der.end()), std::move(subject),
      std::move(issuer), subject_text, std::move(issuer_text), *not_before_s, *not_after_s,
      std::move(names), std::move(*key), sha1(spki)));
}

Result<std::vector<Certificate>> Certificate::from_pem(std::string_view pem) {
  const Result<std::vector<PemBlock>> blocks = read_pem(pem, kPemCertificatesMax);
  if (!blocks) return std::unexpected(blocks.error());
  std::vector<Certificate> certificates;
  for (const PemBlock& block : *blocks) {
    if (block.label != "CERTIFICATE") continue;
    Result<Certificate> certificate = from_der(block.der);
    if (!certificate)
      return fail("certificate number " + std::to_string(certificates.size() + 1) + ": " +
                  certificate.error().text);
    certificates.push_back(std::move(*certificate));
  }
  if (certificates.empty()) return fail("there is no certificate in it");
  return certificates;
}

Result<std::vector<Certificate>> Certificate::load(const std::string& path) {
  const auto content = read_file(path, kCertificateFileMax);
  if (!content) return std::unexpected(content.error());
  if (is_pem(*content)) {
    const auto* const chars = static_cast<const char*>(static_cast<const void*>(content->data()));
    auto certificates = from_pem({chars, content->size()});
    if (!certificates) return fail(path + ": " + certificates.error().text);
    return certificates;
  }
  Result<Certificate> certificate = from_der(*content);
  if (!certificate) return fail(path + ": " + certificate.error().text);
  std::vector<Certificate> one;
  one.push_back(std::move(*certificate));
  return one;
}

Bytes Certificate::der() const { return impl_->der; }
Bytes Certificate::subject_der() const { return impl_->subject; }
Bytes Certificate::issuer_der() const { return impl_->issuer; }
const std::string& Certificate::subject_text() const { return impl_->subject_text; }
const std::string& Certificate::issuer_text() const { return impl_->issuer_text; }
std::int64_t Certificate::not_before_s() const { return impl_->not_before_s; }
std::int64_t Certificate::not_after_s() const { return impl_->not_after_s; }
bool Certificate::is_ca() const {
  return (X509_get_extension_flags(impl_->x509.get()) & EXFLAG_CA) != 0;
}
const PublicKey& Certificate::public_key() const { return impl_->key; }
const AuthorityHash& Certificate::authority_hash() const { return impl_->key_hash; }

std::string Certificate::serial_text() const {
  std::string text;
  for (const std::uint8_t octet : octets_of(X509_get0_serialNumber(impl_->x509.get())))
    text += {"0123456789abcdef"[octet >> 4], "0123456789abcdef"[octet & 15]};
  return text;
}

bool Certificate::matches_identity(NameKind kind, Bytes value) const {
  if (value.empty()) return false;
  if (kind == NameKind::dn) {
    // A subject without parts is allowed (RFC 5280 §4.1.2.6) and is nobody's name.
    constexpr std::size_t kEmptyNameLen = 2;
    return impl_->subject.size() > kEmptyNameLen && dn_equal(impl_->subject, value);
  }
  return std::ranges::any_of(impl_->names, [&](const AlternativeName& name) {
    return name.kind == kind && same_name(kind, name.octets, value);
  });
}

}  // namespace crypto
