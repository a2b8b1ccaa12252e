// Fuzzes both parsers of CREATE_CHILD_SA: first octet = type of the first payload, rest = chain.
#include "ike/create_child.h"

#include <vector>

#include "tests/fuzz/inside.h"

namespace {

// A request whose suites we take is offered again and read again.
void check_round_trip(const ike::CreateChildRequest& request, std::size_t len) {
  const bool is_ike = request.kind == ike::CreateChildKind::rekey_ike;
  ike::Choice choice;
  bool fits = false;
  if (!ike::choose_with_ke(request.sa, is_ike ? ike::Protocol::ike : ike::Protocol::esp,
                           is_ike ? ike::default_ike_suites() : ike::default_esp_suites(),
                           request.ke, ike::KePolicy::strict, choice, fits))
    return;
  ike::CreateChildOffer offer;
  offer.kind = request.kind;
  offer.rekey_spi = request.rekey_spi;
  offer.suites = {&choice.suite, 1};
  offer.nonce = request.nonce;
  offer.ke = request.ke;
  offer.ke_data = request.ke_data;
  if (!is_ike) {
    offer.ts_i = &request.ts_i;
    offer.ts_r = &request.ts_r;
  }
  offer.transport_mode = request.transport_mode;
  offer.ticket_request = request.ticket_request;
  std::vector<std::uint8_t> buffer(len + 128);
  crypto::ByteWriter writer(buffer);
  ike::ChainBuilder chain(writer);
  ike::write_create_child_offer(chain, offer);
  CHECK(writer.ok());
  // A KE payload of group 0 is read as one, but is not written; selectors of unknown types are
  // dropped, and a TS payload without any is malformed.
  if (request.has_ke && request.ke == ike::KeId::none) return;
  if (!is_ike && (request.ts_i.count == 0 || request.ts_r.count == 0)) return;
  ike::CreateChildRequest again;
  ike::PayloadType offending = ike::PayloadType::none;
  CHECK(ike::parse_create_child_request(chain.first_type(), writer.written(), again, offending) ==
        ike::ParseError::none);
  CHECK(again.kind == request.kind && again.has_ke == request.has_ke && again.ke == request.ke);
  CHECK(again.rekey_spi == request.rekey_spi || request.kind != ike::CreateChildKind::rekey_child);
  fuzz::check_same(again.nonce, request.nonce);
  fuzz::check_same(again.ke_data, request.ke_data);
  CHECK(again.ts_i.count == request.ts_i.count && again.ts_r.count == request.ts_r.count);
  CHECK(again.transport_mode == request.transport_mode);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t len) {
  const fuzz::Input input(octets, len);
  const auto first = static_cast<ike::PayloadType>(input.choice);
  ike::CreateChildRequest request;
  ike::PayloadType offending = ike::PayloadType::none;
  if (ike::parse_create_child_request(first, input.rest, request, offending) ==
      ike::ParseError::none) {
    fuzz::check_inside(request.sa, input.rest);
    fuzz::check_inside(request.nonce, input.rest);
    fuzz::check_inside(request.ke_data, input.rest);
    CHECK(request.has_ke || request.kind != ike::CreateChildKind::rekey_ike);
    check_round_trip(request, len);
  }
  ike::CreateChildAnswer answer;
  if (ike::parse_create_child_answer(first, input.rest, answer) != ike::ParseError::none) return 0;
  fuzz::check_inside(answer.sa, input.rest);
  fuzz::check_inside(answer.nonce, input.rest);
  fuzz::check_inside(answer.ke_data, input.rest);
  fuzz::check_inside(answer.ticket, input.rest);
  if (answer.error == 0) CHECK(!answer.sa.empty() && !answer.nonce.empty());
  ike::Choice chosen;
  for (const ike::Protocol protocol : {ike::Protocol::ike, ike::Protocol::esp})
    if (!answer.sa.empty() && ike::check_sa(answer.sa) == ike::ParseError::none &&
        ike::read_chosen(answer.sa, protocol, chosen) == ike::ParseError::none)
      CHECK(ike::is_supported(chosen.suite));
  return 0;
}
