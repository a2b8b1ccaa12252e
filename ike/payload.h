// The payload chain: one walker with limits, and typed views of payload bodies.
//
//   | Next Payload  |C|  RESERVED   |         Payload Length        |   RFC 7296 §3.2
//
// The walker checks every length once; views point into the message and own nothing. Reserved octets
// and the critical bit of known payloads are ignored (RFC 7296 §2.5).
#pragma once

#include "crypto/base/bytes.h"
#include "ike/ids.h"
#include "ike/parse_error.h"
#include "ike/registry.h"

namespace ike {

struct Payload {
  PayloadType type = PayloadType::none;
  bool critical = false;
  PayloadType next = PayloadType::none;  // for SK/SKF: type of the first inner payload
  crypto::Bytes body;                    // after the generic header
  crypto::Bytes whole;                   // with the generic header
};

// Walks a chain:  PayloadChain chain(first, bytes); Payload p; while (chain.next(p)) {...}
// and then `chain.error()` tells whether the walk ended well. Ends after SK/SKF, which must be last.
// Unknown critical payloads stop the walk with critical_unknown; unknown others are skipped.
class PayloadChain {
 public:
  PayloadChain(PayloadType first, crypto::Bytes bytes) : next_(first), reader_(bytes) {}
  [[nodiscard]] bool next(Payload& out);
  ParseError error() const { return error_; }
  PayloadType offending_type() const { return offending_; }  // of critical_unknown

 private:
  bool stop(ParseError e) {
    error_ = e;
    return false;
  }
  PayloadType next_;
  crypto::ByteReader reader_;
  ParseError error_ = ParseError::none;
  PayloadType offending_ = PayloadType::none;
  std::size_t seen_ = 0;
};

// Notify (RFC 7296 §3.10). bad_notify when the SPI does not fit.
struct NotifyView {
  Protocol protocol = Protocol::none;
  std::uint16_t type = 0;
  crypto::Bytes spi;
  crypto::Bytes data;
};
ParseError parse_notify(crypto::Bytes body, NotifyView& out);

// Identification (RFC 7296 §3.5). `body` is type | reserved as received | data: the octets that AUTH
// covers. bad_id when shorter than 5 octets or longer than kIdBodyMax.
inline constexpr std::size_t kIdBodyMax = 4 + 512;
struct IdView {
  IdType type = IdType::fqdn;
  crypto::Bytes data;
  crypto::Bytes body;
};
ParseError parse_id(crypto::Bytes body, IdView& out);

// Authentication (RFC 7296 §3.8).
struct AuthView {
  AuthMethod method = AuthMethod::shared_key;
  crypto::Bytes data;
};
ParseError parse_auth(crypto::Bytes body, AuthView& out);

}  // namespace ike
