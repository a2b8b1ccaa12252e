// Reading and writing the notifies that hand a ticket over.
#include "ike/ticket_notify.h"

namespace ike {

void write_ticket_outcome(ChainBuilder& chain, crypto::Bytes ticket, std::uint32_t lifetime_s,
                          std::uint16_t refusal) {
  if (ticket.empty()) {
    if (refusal != 0) chain.notify(static_cast<Notify>(refusal));
    return;
  }
  chain.open(PayloadType::notify);
  crypto::ByteWriter& writer = chain.writer();
  writer.be16(0);  // no protocol, no SPI
  writer.be16(std::to_underlying(Notify::ticket_lt_opaque));
  writer.be32(lifetime_s);
  writer.bytes(ticket);
  chain.close();
}

ParseError take_ticket(const NotifyView& notify, crypto::Bytes& ticket, std::uint32_t& lifetime_s) {
  if (!notify.is(Notify::ticket_lt_opaque)) return ParseError::none;
  if (!ticket.empty()) return ParseError::duplicate_payload;
  if (notify.data.size() < 5) return ParseError::bad_notify;  // Lifetime and at least one octet.
  lifetime_s = crypto::load_be32(notify.data.data());
  ticket = notify.data.subspan(4);
  return ParseError::none;
}

}  // namespace ike
