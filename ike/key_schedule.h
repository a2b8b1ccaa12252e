// Key schedule: where the parts of a prf+ output lie, and the octets that go into each derivation.
// RFC 7296 §2.14, §2.17; RFC 5723 §5.1. Pure layout; the HMACs are run by crypto::prf_plus over
// lanes.
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
void derive_child_keys(crypto::Engine& engine, const Suite& ike, crypto::Bytes sk_d,
                       crypto::Bytes ni, crypto::Bytes nr, crypto::MutBytes keymat);

}  // namespace ike
