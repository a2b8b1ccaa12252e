// Fuzzes Configuration payloads in both directions.
#include "ike/config_payload.h"

#include <array>

#include "tests/fuzz/inside.h"

namespace {

void check_request(crypto::Bytes body) {
  ike::ConfigRequest request;
  bool is_request = false;
  if (ike::parse_config(body, is_request, request) != ike::ParseError::none || !is_request) return;
  CHECK(request.wants_ip4 || !request.has_ip4_wish);
  CHECK(request.wants_ip6 || !request.has_ip6_wish);
  std::array<std::uint8_t, 128> buffer;
  crypto::ByteWriter writer(buffer);
  ike::ChainBuilder chain(writer);
  ike::write_config_request(chain, request);
  CHECK(writer.ok());
  ike::ConfigRequest again;
  CHECK(ike::parse_config(crypto::Bytes(writer.written()).subspan(4), is_request, again) ==
        ike::ParseError::none);
  CHECK(is_request);
  CHECK(again.wants_ip4 == request.wants_ip4 && again.wants_ip6 == request.wants_ip6);
  CHECK(again.wants_ip4_dns == request.wants_ip4_dns);
  CHECK(again.wants_ip6_dns == request.wants_ip6_dns);
  CHECK(again.ip4_wish == request.ip4_wish && again.ip6_wish == request.ip6_wish);
}

void check_reply(crypto::Bytes body) {
  ike::ConfigReply reply;
  if (ike::parse_config_reply(body, reply) != ike::ParseError::none) return;
  std::array<std::uint8_t, 128> buffer;
  crypto::ByteWriter writer(buffer);
  ike::ChainBuilder chain(writer);
  ike::write_config_reply(chain, reply);
  CHECK(writer.ok());
  ike::ConfigReply again;
  CHECK(ike::parse_config_reply(crypto::Bytes(writer.written()).subspan(4), again) ==
        ike::ParseError::none);
  CHECK(again.has_ip4 == reply.has_ip4 && again.ip4 == reply.ip4);
  CHECK(again.has_ip6 == reply.has_ip6 && again.ip6 == reply.ip6);
  CHECK(again.ip6_prefix_len == reply.ip6_prefix_len);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t len) {
  check_request({octets, len});
  check_reply({octets, len});
  return 0;
}
