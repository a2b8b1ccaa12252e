// Fuzzes the parser of INFORMATIONAL: first octet = type of the first payload, rest = chain.
#include "ike/informational.h"

#include <vector>

#include "tests/fuzz/inside.h"

namespace {

// What the writer can say is read again.
void check_round_trip(const ike::Informational& seen, std::size_t len) {
  ike::InformationalContent content;
  content.deletes_ike = seen.deletes_ike;
  content.deleted_esp = std::span(seen.deleted_esp).first(seen.deleted_esp_count);
  content.update_sa_addresses = seen.update_sa_addresses;
  content.nat_destination = seen.nat_destination;
  content.cookie2 = seen.cookie2;
  content.additional_addresses = &seen;
  content.ticket_request = seen.ticket_request;
  content.ticket = seen.ticket;
  content.ticket_lifetime_s = seen.ticket_lifetime_s;
  content.auth_lifetime_s = seen.auth_lifetime_s;
  std::vector<std::uint8_t> buffer(len + 64);
  crypto::ByteWriter writer(buffer);
  ike::ChainBuilder chain(writer);
  ike::write_informational(chain, content);
  CHECK(writer.ok());
  ike::Informational again;
  ike::PayloadType offending = ike::PayloadType::none;
  CHECK(ike::parse_informational(chain.first_type(), writer.written(), again, offending) ==
        ike::ParseError::none);
  CHECK(again.deletes_ike == seen.deletes_ike);
  CHECK(std::ranges::equal(std::span(again.deleted_esp).first(again.deleted_esp_count),
                           content.deleted_esp));
  CHECK(again.update_sa_addresses == seen.update_sa_addresses);
  fuzz::check_same(again.nat_destination, seen.nat_destination);
  fuzz::check_same(again.cookie2, seen.cookie2);
  fuzz::check_same(again.ticket, seen.ticket);
  CHECK(again.auth_lifetime_s == seen.auth_lifetime_s);
  CHECK(again.additional_ip4_count == seen.additional_ip4_count);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t len) {
  const fuzz::Input input(octets, len);
  ike::Informational seen;
  ike::PayloadType offending = ike::PayloadType::none;
  if (ike::parse_informational(static_cast<ike::PayloadType>(input.choice), input.rest, seen,
                               offending) != ike::ParseError::none)
    return 0;
  CHECK(seen.deleted_esp_count <= ike::kDeleteSpisMax);
  CHECK(seen.nat_source_count <= ike::kNatSourcesMax);
  fuzz::check_inside(seen.cookie2, input.rest);
  fuzz::check_inside(seen.ticket, input.rest);
  fuzz::check_inside(seen.no_nats_allowed, input.rest);
  fuzz::check_inside(seen.nat_destination, input.rest);
  if (seen.is_empty) CHECK(input.rest.empty());
  check_round_trip(seen, len);
  return 0;
}
