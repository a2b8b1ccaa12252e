// TrustStore: the authorities a gateway trusts, their CRLs, and the verdict on a peer's chain.
//
// Filled once, then read: a reload makes a new store and lets the old one go. Cold path. One thread
// fills it; then any number may verify at once.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "crypto/certificate.h"

namespace crypto {

enum class CrlPolicy : std::uint8_t {
  off,     // CRLs are not looked at
  ifcrl,   // an issuer whose CRL is there has its certificates checked against it
  strict,  // every certificate below the trusted authority needs a CRL of its issuer
};

inline constexpr std::size_t kChainMax = 8;  // certificates from the leaf to the authority, both in
inline constexpr std::size_t kIntermediatesMax = 16;  // what one peer may send beside its own

class TrustStore {
 public:
  TrustStore();
  TrustStore(TrustStore&&) noexcept;
  TrustStore& operator=(TrustStore&&) noexcept;
  ~TrustStore();

  // All CA certificates of a file (PEM with one or more, or DER). They are trusted as they stand,
  // self-signed or not. Errors name the file: unreadable, malformed, a certificate that is no CA.
  // One that is there already is not added again.
  Status add_ca_file(const std::string& path);
  Status add_ca(Certificate authority);

  // All CRLs of a file (PEM or DER). Errors name the file. The signature of a CRL is checked when
  // it is used, since its issuer may come later.
  Status add_crl_file(const std::string& path);

  // Is there a chain from `leaf` by way of `intermediates` to an authority of this store, valid at
  // `now_s`? An error names the certificate that fails and the reason. Checked are signatures (at
  // least 112 bits of strength: no SHA-1, no RSA below 2048 bits), validity periods,
  // basicConstraints, path length, name constraints, critical extensions, revocation by `policy`;
  // of the leaf keyUsage (digitalSignature or nonRepudiation, if there) and extendedKeyUsage
  // (serverAuth, clientAuth, ipsecIKE, iKEIntermediate or any, if there: RFC 4945 §5.1.3). A CRL
  // that counts under `policy` and is past its nextUpdate fails the chain: a list that is not
  // renewed says nothing. The identity is the caller's: Certificate::matches_identity().
  Status verify(const Certificate& leaf, std::span<const Certificate> intermediates,
                CrlPolicy policy, std::int64_t now_s) const;

  std::span<const Certificate> authorities() const;
  // authority_hash() of each of them: the body of a CERTREQ.
  std::vector<AuthorityHash> authority_hashes() const;
  // The authority that a CERTREQ names; null when it is not one of ours.
  const Certificate* find_authority(Bytes hash) const;
  std::size_t crl_count() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace crypto
