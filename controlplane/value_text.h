// The values of a configuration as people write them: durations, addresses, pools and selectors.
//
// Every function takes the whole text and either understands all of it or says, in words for an
// operator, what was expected. Any thread; nothing here touches a file or a clock.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "crypto/base/error.h"
#include "dataplane/api/config.h"

namespace cp {

// "90s", "500ms", "15m", "12h", "7d", "2w" and sums of them, largest unit first ("1h30m"). A bare
// "0" is zero. Milliseconds.
crypto::Result<std::uint64_t> parse_duration_ms(std::string_view text);
// The shortest text that parse_duration_ms reads back to the same value.
std::string duration_text(std::uint64_t ms);

using Address = std::variant<ike::Ip4, ike::Ip6>;
// One address in the usual notation, without prefix length or zone.
crypto::Result<Address> parse_address(std::string_view text);
std::string address_text(const ike::Ip4& address);
std::string address_text(const ike::Ip6& address);

// Pools: "10.0.0.0/16" leaves out the first and the last address (network and broadcast; /31 and
// /32 are taken whole), "10.0.0.1-10.0.63.255" is taken as it stands. IPv6 likewise; a prefix
// leaves out the first address (the Subnet-Router anycast address, RFC 4291 §2.6.1).
inline constexpr std::uint32_t kPoolMax = 1u << 24;  // addresses; each costs 8 octets per gateway
crypto::Result<dp::AddressPool4> parse_pool4(std::string_view text);
crypto::Result<dp::AddressPool6> parse_pool6(std::string_view text);
std::string pool_text(const dp::AddressPool4& pool);
std::string pool_text(const dp::AddressPool6& pool);

// A traffic selector: prefix, range or single address; any protocol and port.
crypto::Result<ike::Selector> parse_selector(std::string_view text);
// A prefix where it is one, else a range; "[protocol/ports]" behind it when they are not any.
std::string selector_text(const ike::Selector& selector);

}  // namespace cp
