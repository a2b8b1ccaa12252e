// Ethernet, VLAN, IPv4, IPv6, UDP, ARP and ICMP octets: our addresses, checksums, and turning a request
// frame into the frame of its reply in place.
#pragma once

#include <cstdint>
#include <vector>

#include "crypto/base/bytes.h"
#include "dataplane/api/config.h"
#include "dataplane/burst.h"

namespace dp {

inline constexpr std::uint16_t kIkePort = 500;
inline constexpr std::uint16_t kNatPort = 4500;

// Who we are on a link. Few addresses: looked up by comparing each.
struct Link {
  Mac mac{};
  std::uint16_t vlan = 0;
  std::uint16_t mtu = 1500;
  std::vector<ike::Ip4> ip4;
  std::vector<ike::Ip6> ip6;
  bool owns4(const std::uint8_t* address) const;
  bool owns6(const std::uint8_t* address) const;
};

// Ones' complement sum of RFC 1071; fold() makes the 16-bit checksum.
std::uint64_t checksum_add(std::uint64_t sum, crypto::Bytes octets);
std::uint16_t checksum_fold(std::uint64_t sum);
// UDP checksum over pseudo-header and datagram (checksum field taken as it stands). RFC 768, RFC 8200 §8.1.
std::uint16_t udp_checksum(const Path& path, crypto::Bytes udp_datagram);

// Makes the lane's frame the reply to itself: swaps MACs, addresses and ports, sets lengths, TTL, and
// checksums (or asks the device for them), for an IKE message of `ike_len` octets that already stands at
// path.payload_offset. False when the frame cannot hold it or it exceeds the link's MTU.
[[nodiscard]] bool turn_into_reply(Burst& burst, unsigned lane, std::size_t ike_len, const Link& link,
                                   bool offload_checksums);

}  // namespace dp
