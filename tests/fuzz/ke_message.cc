// Fuzzes the payloads of IKE_INTERMEDIATE and IKE_FOLLOWUP_KE, and what IntAuth takes of a message:
// first octet = type of the first payload, rest = chain; and all of it as a message.
#include <vector>

#include "ike/intermediate.h"
#include "tests/fuzz/inside.h"

namespace {

void check_round_trip(const ike::KeMessage& message) {
  std::vector<std::uint8_t> buffer(message.ke_data.size() + message.link.size() + 64);
  crypto::ByteWriter writer(buffer);
  ike::ChainBuilder chain(writer);
  ike::write_ke_message(chain,
                        {.ke = message.ke, .ke_data = message.ke_data, .link = message.link});
  CHECK(writer.ok());
  ike::KeMessage again;
  ike::PayloadType offending = ike::PayloadType::none;
  CHECK(ike::parse_ke_message(chain.first_type(), writer.written(), again, offending) ==
        ike::ParseError::none);
  // A KE payload of group 0 is read as one, but is not written; nor is an empty link.
  CHECK(again.ke == message.ke);
  if (message.ke != ike::KeId::none) fuzz::check_same(again.ke_data, message.ke_data);
  fuzz::check_same(again.link, message.link);
}

void check_int_auth(crypto::Bytes octets) {
  ike::Header header;
  if (ike::parse_header(octets, header) != ike::ParseError::none) return;
  ike::IntAuthInput input;
  if (!ike::read_int_auth_head(octets, header, input)) return;
  fuzz::check_inside(input.head, octets);
  CHECK(input.head.size() >= ike::kHeaderLen && input.head.size() + 4 <= octets.size());
  input.inner = octets.subspan(input.head.size() + 4);
  input.first_inner = ike::PayloadType::ke;
  std::vector<std::uint8_t> out(ike::int_auth_octets_len(input));
  CHECK(ike::write_int_auth_octets(input, out) == out.size());
  ike::Header again;
  CHECK(ike::parse_header(out, again) == ike::ParseError::none);
  CHECK(again.message_id == header.message_id && again.flags == header.flags);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t len) {
  const fuzz::Input input(octets, len);
  ike::KeMessage message;
  ike::PayloadType offending = ike::PayloadType::none;
  if (ike::parse_ke_message(static_cast<ike::PayloadType>(input.choice), input.rest, message,
                            offending) == ike::ParseError::none) {
    fuzz::check_inside(message.ke_data, input.rest);
    fuzz::check_inside(message.link, input.rest);
    CHECK(message.link.size() <= ike::kKeLinkMax);
    CHECK(message.has_ke || message.ke == ike::KeId::none);
    check_round_trip(message);
  }
  check_int_auth({octets, len});
  return 0;
}
