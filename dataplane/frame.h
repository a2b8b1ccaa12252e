// Ethernet, VLAN, IPv4, IPv6 and UDP octets: our addresses, checksums, and turning a request frame
// into the frame of its reply in place.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "crypto/base/bytes.h"
#include "dataplane/api/config.h"
#include "dataplane/burst.h"
#include "dataplane/checksum.h"

namespace dp {

inline constexpr std::uint16_t kIkePort = 500;
inline constexpr std::uint16_t kNatPort = 4500;

inline constexpr std::size_t kEtherLen = 14;
inline constexpr std::size_t kVlanTagLen = 4;
inline constexpr std::size_t kIp4Len = 20;  // without options
inline constexpr std::size_t kIp6Len = 40;  // without extension headers
inline constexpr std::size_t kUdpLen = 8;
inline constexpr std::size_t kEtherLenMin = 60;  // shortest frame on the wire, without its CRC

inline constexpr std::uint16_t kEtherIp4 = 0x0800;
inline constexpr std::uint16_t kEtherArp = 0x0806;
inline constexpr std::uint16_t kEtherVlan = 0x8100;
inline constexpr std::uint16_t kEtherIp6 = 0x86dd;

inline constexpr std::uint8_t kProtocolIcmp = 1;
inline constexpr std::uint8_t kProtocolUdp = 17;
inline constexpr std::uint8_t kProtocolEsp = 50;
inline constexpr std::uint8_t kProtocolIcmp6 = 58;

// Who we are on a link. Few addresses: looked up by comparing each.
struct Link {
  Mac mac{};
  std::uint16_t vlan = 0;
  std::uint16_t mtu = 1500;
  std::vector<ike::Ip4> ip4;
  std::vector<ike::Ip6> ip6;

  bool owns4(const std::uint8_t* address) const {
    const std::uint64_t wanted = load_word<std::uint32_t>(address);
    for (const ike::Ip4& ours : ip4)
      if (load_word<std::uint32_t>(ours.data()) == wanted) return true;
    return false;
  }
  bool owns6(const std::uint8_t* address) const {
    const std::uint64_t high = load_word<std::uint64_t>(address);
    const std::uint64_t low = load_word<std::uint64_t>(address + 8);
    for (const ike::Ip6& ours : ip6) {
      const std::uint8_t* p = ours.data();
      if (load_word<std::uint64_t>(p) == high && load_word<std::uint64_t>(p + 8) == low)
        return true;
    }
    return false;
  }
};

Link link_of(const LinkConfig& config, const Mac& mac);

// Sum over the pseudo-header of UDP and ICMPv6 (RFC 768, RFC 8200 §8.1). The same for both
// directions.
std::uint64_t pseudo_header_sum(const Path& path, std::uint8_t protocol, std::size_t l4_len);
// UDP checksum over pseudo-header and datagram, the checksum field taken as it stands: RFC 768,
// RFC 8200 §8.1.
std::uint16_t udp_checksum(const Path& path, crypto::Bytes udp_datagram);

// The two ends of a datagram that we send. IPv4 addresses in the first 4 octets, as in Path.
struct Flow {
  Mac local_mac{};
  Mac peer_mac{};
  std::uint16_t vlan = 0;  // 0 = untagged
  bool is_ip6 = false;
  bool non_esp_marker = false;
  std::uint8_t traffic_class = 0;
  std::array<std::uint8_t, 16> local{};
  std::array<std::uint8_t, 16> peer{};
  std::uint16_t local_port = 0;
  std::uint16_t peer_port = 0;

  std::size_t l2_len() const { return kEtherLen + (vlan != 0 ? kVlanTagLen : 0); }
  std::size_t l3_len() const { return is_ip6 ? kIp6Len : kIp4Len; }
  // Octets in front of the IKE message: Ethernet, tag, IP, UDP and non-ESP marker.
  std::size_t overhead() const { return l2_len() + l3_len() + kUdpLen + (non_esp_marker ? 4 : 0); }
};

// Writes the Ethernet header before `l3` and returns its first octet.
std::uint8_t* put_ether(std::uint8_t* l3, const Flow& flow, std::uint16_t ether_type);
// Writes the IP header, of flow.l3_len() octets, for `l4_len` octets behind it.
void put_ip_header(std::uint8_t* l3, const Flow& flow, std::uint8_t protocol, std::size_t l4_len,
                   std::uint8_t hop_limit);
// Whether an Ethernet frame belongs to this VLAN; 0 = untagged.
bool has_vlan(crypto::Bytes frame, std::uint16_t vlan);
// Makes frame.data point at `start`, before or behind where it pointed, in the same buffer.
void move_front(Frame& frame, std::uint8_t* start);
// Writes Ethernet and IP headers for `l4_len` octets into the octets before `l4` and returns the
// first octet of the frame. IPv4: DF, identification 0 (RFC 6864 §4.1). IPv6: flow label 0.
std::uint8_t* put_headers(std::uint8_t* l4, const Flow& flow, std::uint8_t protocol,
                          std::size_t l4_len, std::uint8_t hop_limit);

// Puts all headers before an IKE message of `ike_len` octets that stands at frame.data +
// payload_offset, and makes frame.data point at them. False, with nothing written, when there is no
// room before or after it, or the packet exceeds `mtu`.
[[nodiscard]] bool write_datagram(Frame& frame, const Flow& flow, std::size_t payload_offset,
                                  std::size_t ike_len, std::size_t mtu, bool offload_checksums);

// Makes the lane's frame the reply to itself: swaps MACs, addresses and ports, sets lengths, TTL,
// and checksums (or asks the device for them), for an IKE message of `ike_len` octets that already
// stands at path.payload_offset. False when the frame cannot hold it or it exceeds the link's MTU.
//
// IP options and extension headers of the request are not copied: the plain headers stand directly
// before the message, so frame.data may have moved towards it. The message does not move; the
// offsets of Path follow, its addresses and ports stay those of the request.
[[nodiscard]] bool turn_into_reply(Burst& burst, unsigned lane, std::size_t ike_len,
                                   const Link& link, bool offload_checksums);

}  // namespace dp
