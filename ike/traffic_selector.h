// Traffic selectors (RFC 7296 §3.13) and narrowing (§2.9), for IPv4 and IPv6 ranges.
#pragma once

#include <array>

#include "crypto/base/bytes.h"
#include "ike/builder.h"
#include "ike/parse_error.h"

namespace ike {

inline constexpr std::size_t kSelectorsMax = 16;  // per TS payload

// An address range with protocol and ports. IPv4 addresses use the first 4 octets.
struct Selector {
  TsType type = TsType::ipv4_addr_range;
  std::uint8_t ip_protocol = 0;  // 0 = any
  std::uint16_t start_port = 0;
  std::uint16_t end_port = 65535;
  std::array<std::uint8_t, 16> start{};
  std::array<std::uint8_t, 16> end{};
  bool operator==(const Selector&) const = default;
};
struct SelectorList {
  std::array<Selector, kSelectorsMax> items;
  std::size_t count = 0;
};

// Selectors of unknown type are dropped (RFC 7296 §3.13.1); bad_selector when lengths or the count
// disagree or more than kSelectorsMax stand there.
ParseError parse_selectors(crypto::Bytes ts_body, SelectorList& out);
void write_selectors(ChainBuilder& chain, PayloadType type, const SelectorList& list);

// The part of `offered` that `allowed` covers, in the order offered. Empty means TS_UNACCEPTABLE.
// `out` is another list than the arguments; only what is counted in it is written.
void narrow(const SelectorList& offered, const SelectorList& allowed, SelectorList& out);

// Does the selector cover exactly this address (4 or 16 octets), with any protocol and port?
bool is_one_address(const Selector& s, crypto::Bytes address);

// One selector for all of an address block: addr/prefix_len, any protocol and port.
Selector selector_of(TsType type, crypto::Bytes address, unsigned prefix_len);

}  // namespace ike
