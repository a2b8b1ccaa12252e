// Signatures of IKE_AUTH: private and public keys, and the AlgorithmIdentifiers of RFC 7427.
//
// RSA (2048 to 8192 bits), ECDSA on P-256, P-384 and P-521, Ed25519. What signs is named by
// SignatureAlgorithm; which of them a key can do says can_use(). The curve of an ECDSA key is not
// part of the algorithm: RFC 7427 lets any curve go with any hash, the classic methods 9 to 11 (RFC
// 4754) fix both, which the caller checks with kind().
//
// Cold path: OpenSSL allocates. Any thread; one object may be used by several at once.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/base/bytes.h"
#include "crypto/base/error.h"

namespace crypto {

enum class KeyKind : std::uint8_t { rsa, ecdsa_p256, ecdsa_p384, ecdsa_p521, ed25519 };
const char* key_kind_name(KeyKind kind);  // "RSA", "ECDSA P-256", ...

enum class SignatureAlgorithm : std::uint8_t {
  rsa_pkcs1_sha1,  // only for authentication method 1 (RFC 7296 §2.15) of peers without RFC 7427
  rsa_pkcs1_sha256,
  rsa_pkcs1_sha384,
  rsa_pkcs1_sha512,
  rsa_pss_sha256,  // MGF1 with the same hash, salt as long as the hash
  rsa_pss_sha384,
  rsa_pss_sha512,
  ecdsa_sha256,
  ecdsa_sha384,
  ecdsa_sha512,
  ed25519,
};
inline constexpr std::size_t kSignatureAlgorithmCount = 11;

enum class SignatureHash : std::uint8_t { sha1, sha256, sha384, sha512, identity };
SignatureHash hash_of(SignatureAlgorithm algorithm);
const char* signature_algorithm_name(SignatureAlgorithm algorithm);  // "rsa-pss-sha256", ...

bool can_use(KeyKind kind, SignatureAlgorithm algorithm);

// ECDSA signatures: SEQUENCE { r, s } (RFC 7427 §3), or r | s, each padded to the length of the
// curve's order (RFC 4754 §7). Other algorithms have one form.
enum class EcdsaForm : std::uint8_t { der, raw };

inline constexpr std::size_t kSignatureMax = 1024;  // octets: RSA with 8192 bits

// The DER octets in front of a signature of authentication method 14 (RFC 7427 §3, appendix A).
Bytes algorithm_identifier(SignatureAlgorithm algorithm);
// The way back. Parameters that may be NULL or absent are accepted in both forms (RFC 4055 §5).
// Nothing for an unknown algorithm, RSASSA-PSS with two hashes, a salt of another length than the
// hash or another trailer, and for octets behind the end.
std::optional<SignatureAlgorithm> parse_algorithm_identifier(Bytes der);

class PublicKey {
 public:
  // A SubjectPublicKeyInfo (RFC 5280 §4.1), nothing behind it. Errors: malformed, not one of the
  // kinds, RSA with less than 2048 or more than 8192 bits or an exponent that is even, below 3 or
  // above 2^32.
  static Result<PublicKey> from_spki(Bytes der);

  PublicKey(PublicKey&&) noexcept;
  PublicKey& operator=(PublicKey&&) noexcept;
  ~PublicKey();

  KeyKind kind() const;
  unsigned bits() const;
  Bytes spki() const;  // a SubjectPublicKeyInfo; one key may have more than one form
  bool operator==(const PublicKey& other) const;  // the same key, in whatever form

  // False also when the key cannot do `algorithm` or the signature has another length.
  [[nodiscard]] bool verify(SignatureAlgorithm algorithm, Bytes data, Bytes signature,
                            EcdsaForm form = EcdsaForm::der) const;

 private:
  friend class PrivateKey;
  struct Impl;
  explicit PublicKey(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

class PrivateKey {
 public:
  // Reads one key from a PEM file (PKCS #8, or the older "RSA PRIVATE KEY" and "EC PRIVATE KEY").
  // Errors name the file: those of read_secret_file(), encrypted (a gateway that starts alone
  // cannot ask), malformed, not one of the kinds.
  static Result<PrivateKey> load(const std::string& path);
  // The part of load() that reads text; wiping the text is the caller's.
  static Result<PrivateKey> parse(std::string_view pem);

  PrivateKey(PrivateKey&&) noexcept;
  PrivateKey& operator=(PrivateKey&&) noexcept;
  ~PrivateKey();

  KeyKind kind() const { return public_.kind(); }
  const PublicKey& public_key() const { return public_; }

  // Errors: the key cannot do `algorithm`.
  Result<std::vector<std::uint8_t>> sign(SignatureAlgorithm algorithm, Bytes data,
                                         EcdsaForm form = EcdsaForm::der) const;

 private:
  struct Impl;
  PrivateKey(std::unique_ptr<Impl> impl, PublicKey public_key);
  std::unique_ptr<Impl> impl_;
  PublicKey public_;
};

}  // namespace crypto
