// Typed views of payload bodies.
#include "ike/payload.h"

namespace ike {

ParseError parse_notify(crypto::Bytes body, NotifyView& out) {
  crypto::ByteReader reader(body);
  crypto::Bytes fixed;
  if (!reader.take(4, fixed) || !reader.take(fixed[1], out.spi)) return ParseError::bad_notify;
  out.protocol = static_cast<Protocol>(fixed[0]);
  out.type = crypto::load_be16(fixed.data() + 2);
  out.data = reader.rest();
  return ParseError::none;
}

ParseError parse_id(crypto::Bytes body, IdView& out) {
  if (body.size() < 5 || body.size() > kIdBodyMax) return ParseError::bad_id;
  out.type = static_cast<IdType>(body[0]);
  out.data = body.subspan(4);
  out.body = body;
  return ParseError::none;
}

ParseError parse_auth(crypto::Bytes body, AuthView& out) {
  if (body.size() < 5) return ParseError::bad_auth;
  out.method = static_cast<AuthMethod>(body[0]);
  out.data = body.subspan(4);
  return ParseError::none;
}

}  // namespace ike
