// What the control plane hands to the workers at start: plain structs, checked before they get
// here.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ike/auth_value.h"
#include "ike/config_payload.h"
#include "ike/suite.h"
#include "ike/traffic_selector.h"

namespace dp {

using Mac = std::array<std::uint8_t, 6>;

// One device (PCI address or vdev name as DPDK calls it) and our addresses on it.
struct LinkConfig {
  std::string device;         // DPDK device name, e.g. "0000:3b:00.0" or "net_vhost0"
  std::vector<ike::Ip4> ip4;  // our own addresses
  std::vector<ike::Ip6> ip6;
  std::uint16_t vlan = 0;  // 0 = untagged
  std::uint16_t mtu = 1500;
  std::uint16_t rx_descriptors = 1024;
  std::uint16_t tx_descriptors = 1024;
  bool operator==(const LinkConfig&) const = default;
};

enum class CookieMode : std::uint8_t { automatic, always, never };

struct AdmissionConfig {
  std::uint32_t half_open_max = 65536;  // per worker
  std::uint32_t half_open_per_ticket = 2;
  std::uint32_t half_open_per_prefix = 16384;  // per IPv4 /24 or IPv6 /56; 0 = no limit
  std::uint32_t half_open_timeout_ms = 10000;
  CookieMode cookies = CookieMode::automatic;
  std::uint32_t cookie_on_forged_per_s = 50000;  // forged tickets a second that switch cookies on
  std::uint32_t cookie_on_half_opens = 32768;    // half-opens without proof that switch cookies on
  std::uint32_t cookie_hold_ms = 10000;          // hysteresis
  std::uint32_t answers_per_source_per_s =
      1000;                                // refusals and error notifies to one source address
  std::uint32_t new_issuers_per_s = 1000;  // key derivations for issuers not seen before
  bool operator==(const AdmissionConfig&) const = default;
};

struct TicketConfig {
  std::uint32_t lifetime_s = 24 * 3600;    // of the tickets we issue
  std::uint32_t reauth_s = 7 * 24 * 3600;  // since the last full authentication
  std::uint32_t clock_skew_s = 5;
  std::uint32_t policy_generation = 1;  // older tickets are refused
  std::uint32_t resumptions_max = 0;  // in a chain since the last full authentication; 0 = no limit
  bool require_post_quantum = false;  // tickets without the mark, or that of a PPK, are refused
  bool operator==(const TicketConfig&) const = default;
};

struct AddressPool4 {
  ike::Ip4 base{};
  std::uint32_t count = 0;  // addresses base .. base + count - 1
  bool operator==(const AddressPool4&) const = default;
};
struct AddressPool6 {
  ike::Ip6 base{};
  std::uint32_t count = 0;
  bool operator==(const AddressPool6&) const = default;
};

struct ChildConfig {
  std::vector<ike::Suite> esp_suites;  // preference order
  ike::SelectorList local_ts;          // what clients may reach
  std::vector<ike::Ip4> dns4;
  std::vector<ike::Ip6> dns6;
  AddressPool4 pool4;
  AddressPool6 pool6;
};

// What a Child SA may carry one way before a rekey is due; 0 = no limit. It carries an eighth more
// while the rekey goes on, and then nothing.
struct ChildLimits {
  std::uint64_t packets = 0;
  std::uint64_t octets = 0;  // of ESP packets
  bool operator==(const ChildLimits&) const = default;
};

// One connection as tickets name it. Resumption is allowed only into a connection listed here.
struct ConnectionConfig {
  std::uint32_t id = 0;  // stable hash of the name
  std::string name;
  ike::AuthFormPolicy auth_form = ike::AuthFormPolicy::automatic;
  bool mobike = true;                  // RFC 4555
  std::vector<ike::Suite> ike_suites;  // a ticket with another suite is refused
  // What its clients get when that is not WorkerConfig::child. The pools are those of all; a count
  // of 0 keeps its clients out of one.
  std::optional<ChildConfig> child;
  ChildLimits child_limits;
};

// Where packets to the private network go: straight to hosts of the subnet of our first address
// there, others to a gateway. With `gateway_mac` all go there and nobody is asked.
struct InsideRoute {
  std::uint8_t prefix4 = 24, prefix6 = 64;
  std::optional<ike::Ip4> gateway4;
  std::optional<ike::Ip6> gateway6;
  std::optional<Mac> gateway_mac;
  bool operator==(const InsideRoute&) const = default;
};

// Whether two addresses of one family agree in their first `bits` bits.
inline bool same_prefix(const std::uint8_t* a, const std::uint8_t* b, unsigned bits) {
  const unsigned whole = bits / 8, rest = bits % 8;
  if (!std::equal(a, a + whole, b)) return false;
  return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

struct WorkerConfig {
  unsigned worker_count = 1;
  std::uint32_t sessions_max = 1u << 20;  // per worker, half-opens included
  std::uint32_t children_max = 65536;     // per worker: Child SAs of the control thread
  LinkConfig outside;
  // The private side. Without a device packets go no further than the gateway itself.
  LinkConfig inside;
  InsideRoute inside_route;
  bool clamp_mss = true;  // of TCP through tunnels, to what they carry
  AdmissionConfig admission;
  TicketConfig tickets;
  ChildConfig child;
  std::vector<ConnectionConfig> connections;
  std::string state_dir;  // used-set files
  // Whether every resumed client is told a QCD token (RFC 6290), or only who tells us one.
  bool qcd_unasked = false;

  // One device for both sides, told apart by their VLANs.
  bool shares_port() const { return !inside.device.empty() && inside.device == outside.device; }

  const ChildConfig& child_of(std::size_t connection_index) const {
    const std::optional<ChildConfig>& own = connections[connection_index].child;
    return own ? *own : child;
  }
};

}  // namespace dp
