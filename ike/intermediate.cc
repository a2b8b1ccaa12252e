// The payloads of additional key exchanges, and the octets that IntAuth covers.
#include "ike/intermediate.h"

#include "ike/ke_payload.h"
#include "ike/ticket_notify.h"

namespace ike {
namespace {

constexpr std::size_t kNextPayloadAt = 16;  // in the IKE header
constexpr std::size_t kGenericLen = 4;

ParseError take_notify(crypto::Bytes body, KeMessage& out) {
  NotifyView notify;
  const ParseError e = parse_notify(body, notify);
  if (e != ParseError::none) return e;
  if (is_error(notify.type) && out.error == 0) out.error = notify.type;
  if (!notify.is(Notify::additional_key_exchange)) return ParseError::none;
  if (!first_time(out.has_link)) return ParseError::duplicate_payload;
  out.link = notify.data;
  return out.link.size() <= kKeLinkMax ? ParseError::none : ParseError::bad_notify;
}

ParseError take_ke(crypto::Bytes body, KeMessage& out) {
  if (!first_time(out.has_ke)) return ParseError::duplicate_payload;
  KeView ke;
  const ParseError e = parse_ke(body, ke);
  out.ke = ke.group;
  out.ke_data = ke.data;
  return e;
}

}  // namespace

ParseError parse_ke_message(PayloadType first, crypto::Bytes inner, KeMessage& out,
                            PayloadType& offending) {
  out = {};
  PayloadChain chain(first, inner);
  Payload p;
  while (chain.next(p)) {
    ParseError e = ParseError::none;
    if (p.type == PayloadType::ke) e = take_ke(p.body, out);
    if (p.type == PayloadType::notify) e = take_notify(p.body, out);
    // RFC 7296 §3.14: no SK inside SK.
    if (p.type == PayloadType::sk || p.type == PayloadType::skf) e = ParseError::bad_sk;
    if (e != ParseError::none) return e;
  }
  if (chain.error() != ParseError::none) offending = chain.offending_type();
  return chain.error();
}

void write_ke_message(ChainBuilder& chain, const KeMessageContent& content) {
  if (content.ke != KeId::none) write_ke(chain, content.ke, content.ke_data);
  if (!content.link.empty()) chain.notify(Notify::additional_key_exchange, content.link);
  write_ticket_outcome(chain, content.ticket, content.ticket_lifetime_s, content.ticket_refusal);
}

bool read_int_auth_head(crypto::Bytes message, const Header& header, IntAuthInput& out) {
  if (message.size() < kHeaderLen) return false;
  PayloadChain chain(header.next_payload, message.subspan(kHeaderLen));
  Payload p;
  do {
    if (!chain.next(p)) return false;
  } while (p.type != PayloadType::sk && p.type != PayloadType::skf);
  out.head = message.first(message.size() - p.whole.size());
  // Fragments are as if there were none: their own generic headers say nothing.
  out.sk_reserved = p.type == PayloadType::sk ? p.whole[1] : std::uint8_t{0};
  return true;
}

// RFC 9242 §3.3.2.
std::size_t write_int_auth_octets(const IntAuthInput& input, crypto::MutBytes out) {
  if (input.head.size() < kHeaderLen) return 0;
  crypto::ByteWriter writer(out);
  writer.bytes(input.previous);
  const std::size_t at = writer.size();
  writer.bytes(input.head);
  writer.u8(static_cast<std::uint8_t>(input.first_inner));
  writer.u8(input.sk_reserved);
  writer.be16(static_cast<std::uint16_t>(kGenericLen + input.inner.size()));
  writer.bytes(input.inner);
  if (!writer.ok()) return 0;
  patch_length(writer.at(at), input.head.size() + kGenericLen + input.inner.size());
  std::uint8_t* next_payload = writer.at(at + kNextPayloadAt);
  if (*next_payload == static_cast<std::uint8_t>(PayloadType::skf))
    *next_payload = static_cast<std::uint8_t>(PayloadType::sk);
  return writer.size();
}

}  // namespace ike
