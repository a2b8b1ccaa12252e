// Which algorithm combinations this implementation accepts.
#include "ike/suite.h"

namespace ike {
namespace {

bool is_supported_encr(const Suite& suite) {
  switch (suite.encr) {
    case EncrId::aes_cbc:
    case EncrId::aes_gcm_16:
      return suite.key_bits == 128 || suite.key_bits == 256;
    case EncrId::chacha20_poly1305:
      return suite.key_bits == 0;
  }
  return false;
}

bool is_supported_integ(IntegId integ) {
  switch (integ) {
    case IntegId::none:
    case IntegId::hmac_sha2_256_128:
    case IntegId::hmac_sha2_384_192:
    case IntegId::hmac_sha2_512_256:
      return true;
  }
  return false;
}

bool is_supported_prf(PrfId prf) {
  switch (prf) {
    case PrfId::hmac_sha2_256:
    case PrfId::hmac_sha2_384:
    case PrfId::hmac_sha2_512:
      return true;
  }
  return false;
}

bool is_supported_ke(KeId ke) {
  switch (ke) {
    case KeId::none:
    case KeId::modp_2048:
    case KeId::modp_3072:
    case KeId::modp_4096:
    case KeId::ecp_256:
    case KeId::ecp_384:
    case KeId::ecp_521:
    case KeId::curve25519:
    case KeId::ml_kem_768:
      return true;
  }
  return false;
}

bool are_supported(const AdditionalKes& additional) {
  for (std::size_t i = 0; i < AdditionalKes::kMax; ++i)
    if (!is_supported_ke(additional.at(i))) return false;
  return true;
}

}  // namespace

bool kes_differ(const Suite& suite) {
  const AdditionalKes& more = suite.additional;
  for (std::size_t i = more.next(0); i < AdditionalKes::kMax; i = more.next(i + 1)) {
    if (more.at(i) == suite.ke) return false;
    for (std::size_t j = more.next(i + 1); j < AdditionalKes::kMax; j = more.next(j + 1))
      if (more.at(i) == more.at(j)) return false;
  }
  return true;
}

bool is_supported(const Suite& suite) {
  return is_supported_encr(suite) && is_supported_integ(suite.integ) &&
         is_supported_prf(suite.prf) && is_supported_ke(suite.ke) &&
         are_supported(suite.additional) && kes_differ(suite) &&
         is_aead(suite.encr) == (suite.integ == IntegId::none);
}

}  // namespace ike
