// The Configuration payload (RFC 7296 §2.19, §3.15): what a remote-access client asks and is given.
#pragma once

#include <array>

#include "crypto/base/bytes.h"
#include "ike/builder.h"
#include "ike/parse_error.h"

namespace ike {

using Ip4 = std::array<std::uint8_t, 4>;
using Ip6 = std::array<std::uint8_t, 16>;
inline constexpr std::size_t kDnsMax = 4;  // per family

// CFG_REQUEST as far as a gateway serves it; unknown attributes are ignored.
struct ConfigRequest {
  bool wants_ip4 = false;
  bool wants_ip6 = false;
  bool wants_ip4_dns = false;
  bool wants_ip6_dns = false;
  bool has_ip4_wish = false;  // a non-zero address stood in the attribute
  bool has_ip6_wish = false;
  Ip4 ip4_wish{};
  Ip6 ip6_wish{};
};
// bad_config on malformed attributes or an attribute of a wrong length. `is_request` is false for
// another CFG type, which a responder ignores.
ParseError parse_config(crypto::Bytes cp_body, bool& is_request, ConfigRequest& out);

// CFG_REPLY.
struct ConfigReply {
  bool has_ip4 = false;
  bool has_ip6 = false;
  Ip4 ip4{};
  Ip6 ip6{};
  std::uint8_t ip6_prefix_len = 128;
  std::span<const Ip4> ip4_dns;
  std::span<const Ip6> ip6_dns;
};
void write_config_reply(ChainBuilder& chain, const ConfigReply& reply);
// For initiators: request with optional wishes; and reading the reply (addresses only).
void write_config_request(ChainBuilder& chain, const ConfigRequest& request);
ParseError parse_config_reply(crypto::Bytes cp_body, ConfigReply& out);

}  // namespace ike
