// Fuzzes the inner payloads of message 3: first octet = type of the first payload, rest = chain.
#include <vector>

#include "ike/auth_exchange.h"
#include "ike/proposal.h"
#include "tests/fuzz/inside.h"

namespace {

void write(ike::ChainBuilder& chain, const ike::AuthRequest& r) {
  if (r.has_id_i) chain.payload(ike::PayloadType::id_i, r.id_i.body);
  if (r.has_id_r) chain.payload(ike::PayloadType::id_r, r.id_r.body);
  if (r.has_auth) chain.auth(r.auth.method, r.auth.data);
  if (r.has_config) ike::write_config_request(chain, r.config);
  if (r.has_sa) chain.payload(ike::PayloadType::sa, r.sa);
  if (r.ts_i.count != 0) ike::write_selectors(chain, ike::PayloadType::ts_i, r.ts_i);
  if (r.ts_r.count != 0) ike::write_selectors(chain, ike::PayloadType::ts_r, r.ts_r);
  if (r.ticket_request) chain.notify(ike::Notify::ticket_request);
}

bool same(const ike::SelectorList& a, const ike::SelectorList& b) {
  return std::ranges::equal(std::span(a.items).first(a.count), std::span(b.items).first(b.count));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t len) {
  const fuzz::Input input(octets, len);
  ike::AuthRequest request;
  ike::PayloadType offending = ike::PayloadType::none;
  if (ike::parse_auth_request(static_cast<ike::PayloadType>(input.choice), input.rest, request,
                              offending) != ike::ParseError::none)
    return 0;
  fuzz::check_inside(request.id_i.body, input.rest);
  fuzz::check_inside(request.id_r.body, input.rest);
  fuzz::check_inside(request.auth.data, input.rest);
  fuzz::check_inside(request.sa, input.rest);
  ike::Choice choice;
  if (request.has_sa &&
      ike::choose(request.sa, ike::Protocol::esp, ike::default_esp_suites(), choice))
    fuzz::check_inside(choice.spi, request.sa);

  // 128: a configuration request may be written longer than it was read.
  std::vector<std::uint8_t> buffer(len + 128);
  crypto::ByteWriter writer(buffer);
  ike::ChainBuilder chain(writer);
  write(chain, request);
  CHECK(writer.ok());
  ike::AuthRequest again;
  CHECK(ike::parse_auth_request(chain.first_type(), writer.written(), again, offending) ==
        ike::ParseError::none);
  fuzz::check_same(again.id_i.body, request.id_i.body);
  fuzz::check_same(again.id_r.body, request.id_r.body);
  fuzz::check_same(again.auth.data, request.auth.data);
  fuzz::check_same(again.sa, request.sa);
  CHECK(again.config.ip4_wish == request.config.ip4_wish);
  CHECK(again.config.ip6_wish == request.config.ip6_wish);
  CHECK(same(again.ts_i, request.ts_i) && same(again.ts_r, request.ts_r));
  CHECK(again.ticket_request == request.ticket_request);
  return 0;
}
