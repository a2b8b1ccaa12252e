// Fuzzes the clear part of tickets, the first of a ticket's octets that anybody can choose.
#include <array>

#include "ike/ticket.h"
#include "tests/fuzz/inside.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t len) {
  const crypto::Bytes ticket(octets, len);
  ike::TicketHeader header;
  if (!ike::parse_ticket_header(ticket, header)) return 0;
  CHECK(len <= ike::kTicketLenMax && len >= ike::kTicketOverhead);
  std::array<std::uint8_t, ike::kTicketHeaderLen> again;
  ike::write_ticket_header(header, again.data());
  fuzz::check_same(again, ticket.first(ike::kTicketHeaderLen));
  return 0;
}
