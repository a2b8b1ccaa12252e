// EAP packets (RFC 3748 §4) as far as a pass-through authenticator reads and writes them.
//
//   code(1) | identifier(1) | length(2) [| type(1) | data]       type in requests and responses
//   only
#pragma once

#include "crypto/base/bytes.h"
#include "ike/parse_error.h"
#include "ike/registry.h"

namespace ike {

inline constexpr std::size_t kEapHeaderLen = 4;

struct EapView {
  EapCode code = EapCode::request;
  std::uint8_t identifier = 0;
  EapType type = EapType::identity;  // of requests and responses
  crypto::Bytes data;                // behind the type
};
// `packet` is the body of an EAP payload (RFC 7296 §3.16). bad_eap when the length differs from the
// packet's, the code is unknown, a request or response has no type, or a result has more than 4
// octets.
ParseError parse_eap(crypto::Bytes packet, EapView& out);

// Writers return the length, or 0 when it does not fit.
std::size_t write_eap(EapCode code, std::uint8_t identifier, EapType type, crypto::Bytes data,
                      crypto::MutBytes out);
std::size_t write_eap_identity_request(std::uint8_t identifier, crypto::MutBytes out);
std::size_t write_eap_identity_response(std::uint8_t identifier, crypto::Bytes identity,
                                        crypto::MutBytes out);
// Success or Failure: 4 octets.
std::size_t write_eap_result(bool success, std::uint8_t identifier, crypto::MutBytes out);

}  // namespace ike
