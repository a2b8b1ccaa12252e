// The inner payloads of INFORMATIONAL.
#include "ike/informational.h"

#include "ike/ticket_notify.h"

namespace ike {
namespace {

// RFC 7296 §3.11: protocol(1) | SPI size(1) | number(2) | SPIs. IKE has no SPIs there, the others
// four octets each.
ParseError take_delete(crypto::Bytes body, Informational& out) {
  crypto::ByteReader reader(body);
  std::uint8_t protocol = 0, spi_len = 0;
  std::uint16_t count = 0;
  if (!reader.u8(protocol) || !reader.u8(spi_len) || !reader.be16(count))
    return ParseError::bad_delete;
  if (protocol == std::to_underlying(Protocol::ike)) {
    if (spi_len != 0 || count != 0 || !reader.at_end()) return ParseError::bad_delete;
    out.deletes_ike = true;
    return ParseError::none;
  }
  const bool esp = protocol == std::to_underlying(Protocol::esp);
  if (!esp && protocol != std::to_underlying(Protocol::ah)) return ParseError::bad_delete;
  if (spi_len != 4 || reader.remaining() != std::size_t{4} * count) return ParseError::bad_delete;
  if (!esp) {
    out.deletes_ah = true;
    return ParseError::none;
  }
  if (count > kDeleteSpisMax - out.deleted_esp_count) return ParseError::bad_delete;
  for (std::uint32_t spi = 0; reader.be32(spi);)
    out.deleted_esp[out.deleted_esp_count++] = EspSpi(spi);
  return ParseError::none;
}

ParseError take_u32(crypto::Bytes data, std::uint32_t& out) {
  if (data.size() != 4) return ParseError::bad_notify;
  out = crypto::load_be32(data.data());
  return ParseError::none;
}

ParseError take_cookie2(crypto::Bytes data, Informational& out) {
  if (!first_time(out.has_cookie2)) return ParseError::duplicate_payload;
  if (data.size() < kCookie2LenMin || data.size() > kCookie2LenMax) return ParseError::bad_notify;
  out.cookie2 = data;
  return ParseError::none;
}

ParseError take_error(const NotifyView& notify, Informational& out) {
  if (out.error != 0) return ParseError::none;
  out.error = notify.type;
  return notify.is(Notify::invalid_message_id) ? take_u32(notify.data, out.error_message_id)
                                               : ParseError::none;
}

ParseError take_notify(crypto::Bytes body, Informational& out) {
  NotifyView notify;
  ParseError e = parse_notify(body, notify);
  if (e != ParseError::none) return e;
  if (is_error(notify.type)) return take_error(notify, out);
  if (notify.is(Notify::update_sa_addresses)) out.update_sa_addresses = true;
  if (notify.is(Notify::ticket_request)) out.ticket_request = true;
  if (notify.is(Notify::no_nats_allowed)) out.no_nats_allowed = notify.data;
  if (notify.is(Notify::cookie2)) return take_cookie2(notify.data, out);
  if (notify.is(Notify::auth_lifetime)) return take_u32(notify.data, out.auth_lifetime_s);
  e = take_nat_detection(notify, out);
  if (e == ParseError::none) e = take_additional_address(notify, out);
  return e != ParseError::none ? e : take_ticket(notify, out.ticket, out.ticket_lifetime_s);
}

ParseError take_config(crypto::Bytes body, Informational& out) {
  bool is_request = false;
  ConfigRequest config;
  const ParseError e = parse_config(body, is_request, config);
  if (e != ParseError::none) return e;
  if (!is_request) {
    out.has_other_config = true;
    return ParseError::none;
  }
  if (!first_time(out.has_config)) return ParseError::duplicate_payload;
  out.config = config;
  return ParseError::none;
}

ParseError take_payload(const Payload& p, Informational& out) {
  if (p.type == PayloadType::del) return take_delete(p.body, out);
  if (p.type == PayloadType::notify) return take_notify(p.body, out);
  if (p.type == PayloadType::cp) return take_config(p.body, out);
  // RFC 7296 §3.14: no SK inside SK.
  const bool sk = p.type == PayloadType::sk || p.type == PayloadType::skf;
  return sk ? ParseError::bad_sk : ParseError::none;
}

void write_delete(ChainBuilder& chain, Protocol protocol, std::span<const EspSpi> spis) {
  chain.open(PayloadType::del);
  crypto::ByteWriter& writer = chain.writer();
  writer.u8(std::to_underlying(protocol));
  writer.u8(protocol == Protocol::ike ? 0 : 4);
  writer.be16(static_cast<std::uint16_t>(spis.size()));
  for (const EspSpi spi : spis) writer.be32(spi.value());
  chain.close();
}

void write_mobike(ChainBuilder& chain, const InformationalContent& content) {
  if (content.update_sa_addresses) chain.notify(Notify::update_sa_addresses);
  write_nat_detection(chain, content.nat_source, content.nat_destination);
  if (!content.cookie2.empty()) chain.notify(Notify::cookie2, content.cookie2);
  if (content.additional_addresses != nullptr)
    write_additional_addresses(chain, *content.additional_addresses);
}

}  // namespace

ParseError parse_informational(PayloadType first, crypto::Bytes inner, Informational& out,
                               PayloadType& offending) {
  out = {};
  out.is_empty = first == PayloadType::none;
  PayloadChain chain(first, inner);
  Payload p;
  while (chain.next(p)) {
    const ParseError e = take_payload(p, out);
    if (e != ParseError::none) return e;
  }
  if (chain.error() != ParseError::none) offending = chain.offending_type();
  return chain.error();
}

void write_informational(ChainBuilder& chain, const InformationalContent& content) {
  if (content.deletes_ike) write_delete(chain, Protocol::ike, {});
  if (content.deleted_esp.size() > kDeleteSpisMax) {
    static_cast<void>(chain.writer().reserve(chain.writer().room() + 1));  // Makes the writer fail.
  } else if (!content.deleted_esp.empty()) {
    write_delete(chain, Protocol::esp, content.deleted_esp);
  }
  write_mobike(chain, content);
  if (content.has_config) write_config_reply(chain, content.config);
  if (content.error != 0) chain.notify(static_cast<Notify>(content.error), content.error_data);
  if (content.ticket_request) chain.notify(Notify::ticket_request);
  if (content.auth_lifetime_s != 0)
    chain.notify_u32(Notify::auth_lifetime, content.auth_lifetime_s);
  write_ticket_outcome(chain, content.ticket, content.ticket_lifetime_s, content.ticket_refusal);
}

}  // namespace ike
