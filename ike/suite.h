// Suite: the algorithms of one IKE SA or Child SA and every length that follows from them.
#pragma once

#include <array>
#include <cstdint>

#include "crypto/engine.h"
#include "ike/registry.h"

namespace ike {

// Additional key exchanges ADDKE1 to ADDKE7 (RFC 9370 §2.2.1): at(0) is ADDKE1, none where there is
// none. Octets, because every KeId is below 256 and a session keeps its suite.
class AdditionalKes {
 public:
  static constexpr std::size_t kMax = 7;
  constexpr KeId at(std::size_t i) const { return static_cast<KeId>(ids_[i]); }
  constexpr void set(std::size_t i, KeId ke) { ids_[i] = static_cast<std::uint8_t>(ke); }
  constexpr bool empty() const { return next(0) == kMax; }
  // The first at or behind `from` that is not none; kMax without one.
  constexpr std::size_t next(std::size_t from) const {
    while (from < kMax && ids_[from] == 0) ++from;
    return from;
  }
  bool operator==(const AdditionalKes&) const = default;

 private:
  std::array<std::uint8_t, kMax> ids_{};
};

// key_bits is 128 or 256 for AES and 0 for ChaCha20. integ is none exactly for AEAD ciphers.
// For a Child SA prf is unused, ke and additional are of CREATE_CHILD_SA alone, and esn tells the
// sequence-number form.
struct Suite {
  EncrId encr = EncrId::aes_gcm_16;
  std::uint16_t key_bits = 256;
  PrfId prf = PrfId::hmac_sha2_256;
  IntegId integ = IntegId::none;
  KeId ke = KeId::none;
  bool esn = false;
  AdditionalKes additional;
  bool operator==(const Suite&) const = default;
};

// One of its key exchanges withstands a quantum computer, and so do keys that come of all of them.
constexpr bool is_post_quantum(const Suite& suite) {
  bool found = suite.ke == KeId::ml_kem_768;
  for (std::size_t i = 0; i < AdditionalKes::kMax; ++i)
    found = found || suite.additional.at(i) == KeId::ml_kem_768;
  return found;
}

// True when every member is one we implement and the combination is legal (AEAD without INTEG,
// ...).
bool is_supported(const Suite& suite);
// True when all key exchanges are different methods, as they must be (RFC 9370 §2.2.1).
bool kes_differ(const Suite& suite);
// The same without any key exchange: a Child SA of IKE_AUTH has none (RFC 7296 §1.2).
constexpr Suite without_ke(Suite suite) {
  suite.ke = KeId::none;
  suite.additional = {};
  return suite;
}

constexpr bool is_aead(EncrId e) { return e != EncrId::aes_cbc; }
// Only for AEAD suites.
constexpr crypto::Aead aead_of(const Suite& s) {
  if (s.encr == EncrId::chacha20_poly1305) return crypto::Aead::chacha20_poly1305;
  return s.key_bits == 128 ? crypto::Aead::aes128_gcm : crypto::Aead::aes256_gcm;
}
constexpr crypto::Prf prf_of(PrfId id) {
  return id == PrfId::hmac_sha2_256   ? crypto::Prf::hmac_sha256
         : id == PrfId::hmac_sha2_384 ? crypto::Prf::hmac_sha384
                                      : crypto::Prf::hmac_sha512;
}
constexpr crypto::Prf integ_prf_of(IntegId id) {
  return id == IntegId::hmac_sha2_256_128   ? crypto::Prf::hmac_sha256
         : id == IntegId::hmac_sha2_384_192 ? crypto::Prf::hmac_sha384
                                            : crypto::Prf::hmac_sha512;
}
constexpr std::size_t prf_len(const Suite& s) { return crypto::prf_len(prf_of(s.prf)); }
// SK_e: cipher key plus the 4-octet salt of the AEAD ciphers (RFC 5282 §7.1).
constexpr std::size_t encr_key_len(const Suite& s) {
  if (s.encr == EncrId::aes_cbc) return s.key_bits / 8u;
  return crypto::aead_key_len(aead_of(s)) + 4;
}
// SK_a: 0 for AEAD (RFC 7296 §2.14).
constexpr std::size_t integ_key_len(const Suite& s) {
  return s.integ == IntegId::none ? 0 : crypto::prf_len(integ_prf_of(s.integ));
}
constexpr std::size_t iv_len(const Suite& s) { return s.encr == EncrId::aes_cbc ? 16 : 8; }
constexpr std::size_t icv_len(const Suite& s) {
  return s.integ == IntegId::none ? 16 : integ_key_len(s) / 2;
}
// Octets of prf+ output for one IKE SA: SK_d | SK_ai | SK_ar | SK_ei | SK_er | SK_pi | SK_pr.
constexpr std::size_t ike_keymat_len(const Suite& s) {
  return 3 * prf_len(s) + 2 * integ_key_len(s) + 2 * encr_key_len(s);
}
// Octets of prf+ output for one Child SA, both directions.
constexpr std::size_t child_keymat_len(const Suite& child) {
  return 2 * (encr_key_len(child) + integ_key_len(child));
}
inline constexpr std::size_t kIkeKeymatMax = 3 * 64 + 2 * 64 + 2 * 36;
inline constexpr std::size_t kChildKeymatMax = 2 * (36 + 64);

}  // namespace ike
