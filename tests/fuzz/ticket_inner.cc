// Fuzzes the state of tickets, as if the seal had been broken.
#include <array>

#include "ike/ticket.h"
#include "tests/fuzz/inside.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t len) {
  const crypto::Bytes plaintext(octets, len);
  ike::TicketState state;
  if (!ike::parse_ticket_state(plaintext, state)) return 0;
  fuzz::check_inside(state.sk_d, plaintext);
  fuzz::check_inside(state.id_i, plaintext);
  fuzz::check_inside(state.id_r, plaintext);
  fuzz::check_inside(state.eap_identity, plaintext);
  CHECK(ike::is_supported(state.suite));
  CHECK(ike::ticket_state_len(state) == len);
  std::array<std::uint8_t, ike::kTicketStateMax> again;
  const std::size_t written = ike::write_ticket_state(state, again);
  CHECK(written == len || len > ike::kTicketStateMax);
  if (written != 0) fuzz::check_same(crypto::Bytes(again).first(written), plaintext);
  return 0;
}
