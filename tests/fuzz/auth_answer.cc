// Fuzzes the inner payloads of message 4: first octet = type of the first payload, rest = chain.
#include <vector>

#include "ike/auth_exchange.h"
#include "tests/fuzz/inside.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t len) {
  const fuzz::Input input(octets, len);
  ike::AuthAnswer answer;
  if (ike::parse_auth_answer(static_cast<ike::PayloadType>(input.choice), input.rest, answer) !=
      ike::ParseError::none)
    return 0;
  fuzz::check_inside(answer.id_r.body, input.rest);
  fuzz::check_inside(answer.auth.data, input.rest);
  fuzz::check_inside(answer.sa, input.rest);
  fuzz::check_inside(answer.ticket, input.rest);
  CHECK(answer.error < 16384);
  if (!answer.has_id_r || !answer.has_auth || answer.ts_i.count == 0 || answer.ts_r.count == 0)
    return 0;

  ike::AuthResponse response;
  response.id_r_body = answer.id_r.body;
  response.auth = answer.auth.data;
  response.has_config = answer.has_config;
  response.config = answer.config;
  response.ts_i = &answer.ts_i;
  response.ts_r = &answer.ts_r;
  response.ticket = answer.ticket;
  response.ticket_lifetime_s = answer.ticket_lifetime_s;
  std::vector<std::uint8_t> buffer(len + 256);
  crypto::ByteWriter writer(buffer);
  ike::ChainBuilder chain(writer);
  ike::write_auth_response(chain, response);
  CHECK(writer.ok());
  ike::AuthAnswer again;
  CHECK(ike::parse_auth_answer(chain.first_type(), writer.written(), again) ==
        ike::ParseError::none);
  fuzz::check_same(again.id_r.body, answer.id_r.body);
  fuzz::check_same(again.auth.data, answer.auth.data);
  fuzz::check_same(again.ticket, answer.ticket);
  CHECK(again.ticket_lifetime_s == answer.ticket_lifetime_s);
  CHECK(again.has_config == answer.has_config && again.config.ip4 == answer.config.ip4);
  CHECK(again.ts_i.count == answer.ts_i.count && again.ts_r.count == answer.ts_r.count);
  return 0;
}
