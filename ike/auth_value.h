// The AUTH value of a resumed SA in its two forms, as octets to be HMACed under SK_pi or SK_pr.
//
//   rfc        prf(SK_px, RealMessage | peer nonce | prf(SK_px, ID body))   RFC 5723 §4.3.3
//   libreswan  prf(SK_px, RealMessage)                                      libreswan 5.2
//
// RealMessage is that of RFC 7296 §2.15: the last IKE_SESSION_RESUME message of the sender. Neither
// uses "Key Pad for IKEv2". The forms differ, so a responder answers in the form it was asked in.
#pragma once

#include "crypto/engine.h"

namespace ike {

enum class AuthForm : std::uint8_t { rfc, libreswan };
enum class AuthFormPolicy : std::uint8_t { automatic, rfc, libreswan };

// Octets of RealMessage | nonce | MACed ID behind each other; `out` needs the sum. Returns the
// length.
std::size_t write_signed_octets(crypto::Bytes real_message, crypto::Bytes peer_nonce,
                                crypto::Bytes maced_id, std::uint8_t* out);

// Scalar form for tests, tools and cold code; `out` receives prf_len octets.
void auth_value(crypto::Engine& engine, crypto::Prf prf, AuthForm form, crypto::Bytes sk_p,
                crypto::Bytes real_message, crypto::Bytes peer_nonce, crypto::Bytes id_body,
                std::uint8_t* out);

}  // namespace ike
