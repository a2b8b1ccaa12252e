// The payload chain: one walker with limits, and typed views of payload bodies.
//
//   | Next Payload  |C|  RESERVED   |         Payload Length        |   RFC 7296 §3.2
//
// The walker checks every length once; views point into the message and own nothing. Reserved
// octets and the critical bit of known payloads are ignored (RFC 7296 §2.5).
#pragma once

#include <utility>

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
// and then `chain.error()` tells whether the walk ended well. Ends after SK/SKF, which must be
// last. Unknown critical payloads stop the walk with critical_unknown; unknown others are skipped.
// Octets behind the last payload are bad_length.
class PayloadChain {
 public:
  PayloadChain(PayloadType first, crypto::Bytes bytes) : next_(first), reader_(bytes) {}
  [[nodiscard]] bool next(Payload& out);
  ParseError error() const { return error_; }
  PayloadType offending_type() const { return offending_; }  // of critical_unknown

 private:
  bool stop(ParseError e) {
    error_ = e;
    next_ = PayloadType::none;
    return false;
  }
  PayloadType next_;
  crypto::ByteReader reader_;
  ParseError error_ = ParseError::none;
  PayloadType offending_ = PayloadType::none;
  std::size_t seen_ = 0;
};

inline bool PayloadChain::next(Payload& out) {
  while (next_ != PayloadType::none) {
    crypto::ByteReader whole = reader_;
    crypto::Bytes generic;
    if (!reader_.take(4, generic)) return stop(ParseError::payload_overrun);
    const std::size_t len = crypto::load_be16(generic.data() + 2);
    if (len < 4 || !reader_.take(len - 4, out.body)) return stop(ParseError::payload_overrun);
    if (++seen_ > kPayloadsMax) return stop(ParseError::too_many_payloads);
    const PayloadType type = next_;
    const bool critical = (generic[1] & 0x80) != 0;
    next_ = static_cast<PayloadType>(generic[0]);
    if (!is_known(type)) {
      if (!critical) continue;
      offending_ = type;
      return stop(ParseError::critical_unknown);
    }
    out.type = type;
    out.critical = critical;
    out.next = next_;
    out.whole = whole.rest().first(len);
    if (type == PayloadType::sk || type == PayloadType::skf) {
      if (!reader_.at_end()) return stop(ParseError::bad_sk);
      next_ = PayloadType::none;
    }
    return true;
  }
  if (error_ == ParseError::none && !reader_.at_end()) error_ = ParseError::bad_length;
  return false;
}

// Marks a payload that may stand once; false when it was marked already.
inline bool first_time(bool& seen) { return !std::exchange(seen, true); }

// Notify (RFC 7296 §3.10). bad_notify when the SPI does not fit.
struct NotifyView {
  Protocol protocol = Protocol::none;
  std::uint16_t type = 0;
  crypto::Bytes spi;
  crypto::Bytes data;

  bool is(Notify wanted) const { return type == static_cast<std::uint16_t>(wanted); }
};
ParseError parse_notify(crypto::Bytes body, NotifyView& out);

// Identification (RFC 7296 §3.5). `body` is type | reserved as received | data: the octets that
// AUTH covers. bad_id when shorter than 5 octets or longer than kIdBodyMax.
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
