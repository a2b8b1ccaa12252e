// Reading and writing KE and Nonce payloads.
#include "ike/ke_payload.h"

namespace ike {

ParseError parse_ke(crypto::Bytes body, KeView& out) {
  if (body.size() < 5) return ParseError::bad_ke;
  out.group = static_cast<KeId>(crypto::load_be16(body.data()));
  out.data = body.subspan(4);
  return ParseError::none;
}

void write_ke(ChainBuilder& chain, KeId group, crypto::Bytes data) {
  chain.open(PayloadType::ke);
  chain.writer().be16(std::to_underlying(group));
  chain.writer().be16(0);
  chain.writer().bytes(data);
  chain.close();
}

ParseError parse_nonce(crypto::Bytes body, crypto::Bytes& out) {
  if (body.size() < kNonceLenMin || body.size() > kNonceLenMax) return ParseError::bad_nonce_length;
  out = body;
  return ParseError::none;
}

}  // namespace ike
