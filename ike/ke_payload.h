// The Key Exchange payload (RFC 7296 §3.4) and the Nonce payload (§3.9).
#pragma once

#include "ike/builder.h"
#include "ike/payload.h"

namespace ike {

struct KeView {
  KeId group = KeId::none;  // as sent; may be a number that KeId does not name
  crypto::Bytes data;
};
// bad_ke when no octet of data stands there.
ParseError parse_ke(crypto::Bytes body, KeView& out);
void write_ke(ChainBuilder& chain, KeId group, crypto::Bytes data);

// bad_nonce_length outside 16..256 octets.
ParseError parse_nonce(crypto::Bytes body, crypto::Bytes& out);

}  // namespace ike
