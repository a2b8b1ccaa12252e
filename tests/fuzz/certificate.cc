// Fuzzes certificates in DER and PEM, and the names in them.
#include "crypto/certificate.h"

#include "crypto/distinguished_name.h"
#include "crypto/trust_store.h"
#include "tests/fuzz/inside.h"

namespace {

void check_name(crypto::Bytes der) {
  const auto text = crypto::dn_to_text(der);
  if (!text) return;
  for (const char c : *text) CHECK(c >= ' ' && c <= '~');
  // Names that cannot be compared (a string of no known kind) are not even equal to themselves.
  if (crypto::dn_equal(der, der)) CHECK(crypto::dn_matches(der, der));
}

void check_certificate(const crypto::Certificate& certificate) {
  check_name(certificate.subject_der());
  check_name(certificate.issuer_der());
  const auto key = crypto::PublicKey::from_spki(certificate.public_key().spki());
  CHECK(key.has_value() && *key == certificate.public_key());
  CHECK(!certificate.matches_identity(crypto::NameKind::fqdn, {}));
  CHECK(!certificate.matches_identity(crypto::NameKind::ip4, certificate.der()));
  // Nobody has issued it, whatever it says and whoever stands beside it.
  static const crypto::TrustStore kEmpty;
  const auto verdict = kEmpty.verify(certificate, {&certificate, 1}, crypto::CrlPolicy::ifcrl,
                                     certificate.not_before_s());
  CHECK(!verdict.has_value() && !verdict.error().text.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t len) {
  const crypto::Bytes input(octets, len);
  if (const auto certificate = crypto::Certificate::from_der(input)) {
    fuzz::check_same(certificate->der(), input);
    check_certificate(*certificate);
  }
  const auto* const chars = static_cast<const char*>(static_cast<const void*>(octets));
  if (const auto certificates = crypto::Certificate::from_pem({chars, len})) {
    for (const crypto::Certificate& certificate : *certificates) check_certificate(certificate);
  }
  check_name(input);
  return 0;
}
