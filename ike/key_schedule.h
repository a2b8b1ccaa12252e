// Key schedule: where the parts of a prf+ output lie, and the octets that go into each derivation.
// RFC 7296 §2.14, §2.17, §2.18; RFC 5723 §5.1; RFC 9370. The batch forms are pure layout, their
// HMACs are run by crypto::prf_plus over lanes; the scalar forms do all of it.
#pragma once

#include "ike/ids.h"
#include "ike/suite.h"

namespace ike {

// Slices of one prf+ output of ike_keymat_len(suite) octets. Valid while that buffer is.
struct IkeKeys {
  crypto::Bytes sk_d, sk_ai, sk_ar, sk_ei, sk_er, sk_pi, sk_pr;
};
IkeKeys split_ike_keymat(const Suite& suite, crypto::Bytes keymat);

// RFC 7296 §2.17: keys of the initiator-to-responder direction come first.
struct ChildKeys {
  crypto::Bytes encr_i, integ_i, encr_r, integ_r;
};
ChildKeys split_child_keymat(const Suite& child, crypto::Bytes keymat);

// "Resumption" | Ni | Nr (RFC 5723 §5.1): the message of SKEYSEED = prf(SK_d_old, ...). Returns its
// length.
inline constexpr std::size_t kResumeSeedMax = 10 + 2 * kNonceLenMax;
std::size_t write_resume_seed(crypto::Bytes ni, crypto::Bytes nr, std::uint8_t* out);
// Ni | Nr | SPIi | SPIr: the seed of prf+(SKEYSEED, ...). Returns its length.
std::size_t write_keymat_seed(crypto::Bytes ni, crypto::Bytes nr, IkeSpi spi_i, IkeSpi spi_r,
                              std::uint8_t* out);
// Ni | Nr: the seed of the first Child SA's KEYMAT. Returns its length.
std::size_t write_child_seed(crypto::Bytes ni, crypto::Bytes nr, std::uint8_t* out);

// One whole resumption key derivation, scalar: for tests, tools and cold code. `keymat` has
// ike_keymat_len(suite) octets.
void derive_resumed_keys(crypto::Engine& engine, const Suite& suite, crypto::Bytes sk_d_old,
                         crypto::Bytes ni, crypto::Bytes nr, IkeSpi spi_i, IkeSpi spi_r,
                         crypto::MutBytes keymat);
// Child SA without a key exchange of its own. `ike` is the suite of the IKE SA, `keymat` has
// child_keymat_len(child) octets; split_child_keymat() cuts it.
void derive_child_keys(crypto::Engine& engine, const Suite& ike, crypto::Bytes sk_d,
                       crypto::Bytes ni, crypto::Bytes nr, crypto::MutBytes keymat);

// The scalar derivations of full IKEv2. `shared` is g^ir or another shared secret as the key
// exchange gives it (leading zeroes kept), at most kSharedSecretMax octets; `keymat` has
// ike_keymat_len(suite) octets for split_ike_keymat(). Nonces and SPIs are those of the initiator
// and responder of the exchange that makes the keys.
inline constexpr std::size_t kSharedSecretMax = 1024;
// Beside it, the secrets of IKE_FOLLOWUP_KE one behind the other: SK(1) | ... | SK(n) (RFC 9370
// §2.2.4); empty without.
inline constexpr std::size_t kAdditionalSecretsMax = AdditionalKes::kMax * 512;

// Initial keys (RFC 7296 §2.14): SKEYSEED = prf(Ni | Nr, g^ir). The key of an HMAC may have any
// length, so nonces are used whole; only PRFs with keys of fixed length, of which we have none, cut
// them.
void derive_ike_keys(crypto::Engine& engine, const Suite& suite, crypto::Bytes shared,
                     crypto::Bytes ni, crypto::Bytes nr, IkeSpi spi_i, IkeSpi spi_r,
                     crypto::MutBytes keymat);

// Keys of a rekeyed IKE SA (RFC 7296 §2.18, RFC 9370 §2.2.4): SKEYSEED = prf(SK_d old, g^ir | Ni |
// Nr | additional) under the PRF of `old_suite`, then prf+ under that of `suite`. SPIs are the new
// ones.
void derive_rekeyed_keys(crypto::Engine& engine, const Suite& old_suite, crypto::Bytes sk_d_old,
                         const Suite& suite, crypto::Bytes shared, crypto::Bytes ni,
                         crypto::Bytes nr, IkeSpi spi_i, IkeSpi spi_r, crypto::MutBytes keymat,
                         crypto::Bytes additional = {});

// Keys after one more key exchange in IKE_INTERMEDIATE (RFC 9370 §2.2.2): SKEYSEED(n) =
// prf(SK_d(n-1), SK(n) | Ni | Nr). `sk_d` may lie in `keymat`.
void derive_updated_keys(crypto::Engine& engine, const Suite& suite, crypto::Bytes sk_d,
                         crypto::Bytes shared, crypto::Bytes ni, crypto::Bytes nr, IkeSpi spi_i,
                         IkeSpi spi_r, crypto::MutBytes keymat);

// KEYMAT of a Child SA with key exchanges of its own (RFC 7296 §2.17, RFC 9370 §2.2.4): prf+(SK_d,
// g^ir | Ni | Nr | additional). With `shared` empty the same as derive_child_keys().
void derive_child_keys_with_ke(crypto::Engine& engine, const Suite& ike, crypto::Bytes sk_d,
                               crypto::Bytes shared, crypto::Bytes ni, crypto::Bytes nr,
                               crypto::MutBytes keymat, crypto::Bytes additional = {});

}  // namespace ike
