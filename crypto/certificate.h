// Certificates: X.509 as IKE needs it (RFC 4945): names, keys, and the identities they prove.
//
// Cold path: OpenSSL allocates. Any thread; one object may be read by several at once.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/base/bytes.h"
#include "crypto/base/error.h"
#include "crypto/signature.h"

namespace crypto {

inline constexpr std::size_t kCertificateMax = 16384;    // octets of one certificate
inline constexpr std::size_t kPemCertificatesMax = 512;  // certificates in one file

// What an identity is; the octets are those of an ID payload (RFC 7296 §3.5).
enum class NameKind : std::uint8_t {
  dn,      // a DER Name
  fqdn,    // letters, no zero at the end
  rfc822,  // user@host
  ip4,     // 4 octets
  ip6,     // 16 octets
};

// SHA-1 of a SubjectPublicKeyInfo: how a CERTREQ names an authority (RFC 7296 §3.7).
using AuthorityHash = std::array<std::uint8_t, 20>;

class Certificate {
 public:
  // One certificate, nothing behind it. Errors: malformed, over kCertificateMax, a key that
  // PublicKey::from_spki() refuses.
  static Result<Certificate> from_der(Bytes der);
  // Every certificate of a PEM text, in its order; text between them is ignored. Errors: none in
  // it, one malformed (with its number), over kPemCertificatesMax.
  static Result<std::vector<Certificate>> from_pem(std::string_view pem);
  // A file: PEM, or one certificate in DER. Errors name the file.
  static Result<std::vector<Certificate>> load(const std::string& path);

  Certificate(Certificate&&) noexcept;
  Certificate& operator=(Certificate&&) noexcept;
  ~Certificate();

  Bytes der() const;
  Bytes subject_der() const;
  Bytes issuer_der() const;
  const std::string& subject_text() const;  // for logs, as dn_to_text()
  const std::string& issuer_text() const;
  std::string serial_text() const;    // hexadecimal
  std::int64_t not_before_s() const;  // Unix seconds
  std::int64_t not_after_s() const;
  bool is_ca() const;  // basicConstraints say so
  const PublicKey& public_key() const;
  const AuthorityHash& authority_hash() const;  // of its own key

  // Does the certificate prove this identity? dn: equal to the subject (dn_equal). The others: a
  // subjectAltName of that kind, never the CN (RFC 4945 §5.1.2). No wildcards. The case of letters
  // makes no difference in host names and makes one before an @.
  bool matches_identity(NameKind kind, Bytes value) const;

 private:
  friend class TrustStore;
  struct Impl;
  explicit Certificate(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace crypto
