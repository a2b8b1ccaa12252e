// Reading and writing the fixed part of EAP packets.
#include "ike/eap.h"

#include <utility>

namespace ike {

ParseError parse_eap(crypto::Bytes packet, EapView& out) {
  crypto::ByteReader reader(packet);
  std::uint8_t code = 0;
  std::uint16_t length = 0;
  out = {};
  if (!reader.u8(code) || !reader.u8(out.identifier) || !reader.be16(length) ||
      length != packet.size() || code < std::to_underlying(EapCode::request) ||
      code > std::to_underlying(EapCode::failure))
    return ParseError::bad_eap;
  out.code = static_cast<EapCode>(code);
  if (out.code == EapCode::success || out.code == EapCode::failure)
    return reader.at_end() ? ParseError::none : ParseError::bad_eap;
  std::uint8_t type = 0;
  if (!reader.u8(type)) return ParseError::bad_eap;
  out.type = static_cast<EapType>(type);
  out.data = reader.rest();
  return ParseError::none;
}

std::size_t write_eap(EapCode code, std::uint8_t identifier, EapType type, crypto::Bytes data,
                      crypto::MutBytes out) {
  const std::size_t len = kEapHeaderLen + 1 + data.size();
  if (len > 0xffff) return 0;  // The Length field cannot say it.
  crypto::ByteWriter writer(out);
  writer.u8(std::to_underlying(code));
  writer.u8(identifier);
  writer.be16(static_cast<std::uint16_t>(len));
  writer.u8(std::to_underlying(type));
  writer.bytes(data);
  return writer.ok() ? len : 0;
}

std::size_t write_eap_identity_request(std::uint8_t identifier, crypto::MutBytes out) {
  return write_eap(EapCode::request, identifier, EapType::identity, {}, out);
}

std::size_t write_eap_identity_response(std::uint8_t identifier, crypto::Bytes identity,
                                        crypto::MutBytes out) {
  return write_eap(EapCode::response, identifier, EapType::identity, identity, out);
}

std::size_t write_eap_result(bool success, std::uint8_t identifier, crypto::MutBytes out) {
  crypto::ByteWriter writer(out);
  writer.u8(std::to_underlying(success ? EapCode::success : EapCode::failure));
  writer.u8(identifier);
  writer.be16(kEapHeaderLen);
  return writer.ok() ? writer.size() : 0;
}

}  // namespace ike
