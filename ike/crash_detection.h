// Quick crash detection (RFC 6290): the token, and the unprotected answer to a message for an IKE
// SA that is not there.
//
//   answer  HDR(SPIs, exchange and Message ID of the request, R), N(INVALID_IKE_SPI) [, N(QCD
//   token)]
#pragma once

#include "crypto/base/bytes.h"
#include "crypto/engine.h"
#include "ike/full_auth.h"
#include "ike/header.h"

namespace ike {

inline constexpr std::size_t kQcdTokenLen = 32;  // of the tokens we make

// The token of an IKE SA (RFC 6290 §5.1): HMAC-SHA-256(secret, SPIi | SPIr). The secret survives
// restarts. `out` receives kQcdTokenLen octets.
void derive_qcd_token(crypto::Engine& engine, crypto::Bytes secret, IkeSpi spi_i, IkeSpi spi_r,
                      std::uint8_t* out);
void write_qcd_token(ChainBuilder& chain, crypto::Bytes token);

// Answers the request with header `request`. Not for SPIs that are alive: the token would kill
// them. `token` may be empty: INVALID_IKE_SPI alone. Returns the length, or 0 when it does not fit.
inline constexpr std::size_t kCrashAnswerMax = kHeaderLen + 8 + 8 + kQcdTokenLenMax;
std::size_t write_crash_answer(const Header& request, crypto::Bytes token, crypto::MutBytes out);

struct CrashAnswer {
  Header header;
  bool invalid_ike_spi = false;
  crypto::Bytes token;  // empty = none
};
// Reads an unprotected response: bad_flags for a request, missing_payload without INVALID_IKE_SPI
// and token, bad_notify for a token of a wrong length, bad_sk when it is a protected message.
ParseError parse_crash_answer(crypto::Bytes message, CrashAnswer& out);
// True when `token` is the one that was received for the SA; in constant time.
[[nodiscard]] bool is_qcd_token(crypto::Bytes token, crypto::Bytes known);

}  // namespace ike
