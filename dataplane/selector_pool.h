// SelectorPool: the traffic selectors of a worker's Child SAs. Thousands of SAs have the same ones,
// so each distinct pair of lists is kept once and counted.
//
// A bounded table, made once; `secret` keys its hash. Worker thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "crypto/base/bytes.h"
#include "dataplane/arena.h"
#include "ike/traffic_selector.h"

namespace dp {

struct SelectorPair {
  std::uint32_t users = 0;
  std::uint64_t hash = 0;
  ike::SelectorList local;   // what the peer may reach
  ike::SelectorList remote;  // what the peer may be; empty: exactly its leased addresses
};

// The packet as selectors see it. ICMP's type and code stand in both ports (RFC 4301 §4.4.1.1).
// Without ports (a later fragment, or too short) only selectors for all ports match.
struct SelectorSubject {
  bool is_ip6 = false;
  bool has_ports = false;
  std::uint8_t protocol = 0;
  std::uint16_t source_port = 0, destination_port = 0;
};

// Addresses compare as numbers.
inline bool in_range(const std::uint8_t* address, const ike::Selector& s, bool is_ip6) {
  if (!is_ip6) {
    const std::uint32_t value = crypto::load_be32(address);
    return value >= crypto::load_be32(s.start.data()) && value <= crypto::load_be32(s.end.data());
  }
  const auto number = [](const std::uint8_t* p) {
    return std::pair(crypto::load_be64(p), crypto::load_be64(p + 8));
  };
  return number(address) >= number(s.start.data()) && number(address) <= number(s.end.data());
}

// Whether an address with this protocol and port is covered.
inline bool covers(const ike::SelectorList& list, const SelectorSubject& subject,
                   const std::uint8_t* address, std::uint16_t port) {
  const auto type = subject.is_ip6 ? ike::TsType::ipv6_addr_range : ike::TsType::ipv4_addr_range;
  for (std::size_t i = 0; i < list.count; ++i) {
    const ike::Selector& s = list.items[i];
    if (s.type != type || (s.ip_protocol != 0 && s.ip_protocol != subject.protocol)) continue;
    const bool all_ports = s.start_port == 0 && s.end_port == 0xffff;
    if (!all_ports && (!subject.has_ports || port < s.start_port || port > s.end_port)) continue;
    if (in_range(address, s, subject.is_ip6)) return true;
  }
  return false;
}

class SelectorPool {
 public:
  static constexpr std::uint32_t kSize = 4096;
  static constexpr std::uint32_t kNone = 0xffffffff;

  static crypto::Result<std::unique_ptr<SelectorPool>> make(std::uint64_t secret);
  // kNone when the pool is full.
  std::uint32_t intern(const ike::SelectorList& local, const ike::SelectorList& remote);
  void leave(std::uint32_t id);
  const SelectorPair& at(std::uint32_t id) const { return pairs()[id]; }
  std::uint32_t used() const { return used_; }

 private:
  SelectorPair* pairs() const { return static_cast<SelectorPair*>(arena_.data()); }
  Arena arena_;
  std::uint64_t secret_ = 0;
  std::uint32_t used_ = 0;
};

}  // namespace dp
