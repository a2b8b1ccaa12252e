// Reading and writing the fixed IKE header.
#include "ike/header.h"

namespace ike {

ParseError parse_header(crypto::Bytes message, Header& out) {
  if (message.size() < kHeaderLen) return ParseError::runt;
  const std::uint8_t* p = message.data();
  out.spi_i = IkeSpi(crypto::load_be64(p));
  out.spi_r = IkeSpi(crypto::load_be64(p + 8));
  out.next_payload = static_cast<PayloadType>(p[16]);
  out.version = p[17];
  out.exchange = static_cast<Exchange>(p[18]);
  out.flags = p[19];
  out.message_id = MessageId(crypto::load_be32(p + 20));
  out.length = crypto::load_be32(p + 24);
  if (out.length != message.size()) return ParseError::bad_length;
  if ((out.version >> 4) != (kVersion2 >> 4)) return ParseError::bad_version;
  if (out.spi_i == IkeSpi()) return ParseError::bad_spi;
  return ParseError::none;
}

void write_header(const Header& header, std::uint8_t* out) {
  crypto::store_be64(out, header.spi_i.value());
  crypto::store_be64(out + 8, header.spi_r.value());
  out[16] = static_cast<std::uint8_t>(header.next_payload);
  out[17] = header.version;
  out[18] = static_cast<std::uint8_t>(header.exchange);
  out[19] = header.flags;
  crypto::store_be32(out + 20, header.message_id.value());
  crypto::store_be32(out + 24, header.length);
}

}  // namespace ike
