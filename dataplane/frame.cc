// Checksums, header writing and our own addresses.
#include "dataplane/frame.h"

#include <immintrin.h>

#include <cstring>

namespace dp {

using crypto::load_be16;
using crypto::store_be16;

Link link_of(const LinkConfig& config, const Mac& mac) {
  return {.mac = mac, .vlan = config.vlan, .mtu = config.mtu, .ip4 = config.ip4, .ip6 = config.ip6};
}

// The sum is kept in the machine's order: the ones' complement sum of swapped words is the swapped
// sum (RFC 1071 §2 (B)), so only fold() swaps. The tail has no loop, because most pieces are short.
std::uint64_t checksum_add(std::uint64_t sum, crypto::Bytes octets) {
  const std::uint8_t* p = octets.data();
  std::size_t left = octets.size();
  if (left >= 32) {
    const __m256i low = _mm256_set1_epi64x(0xffffffff);
    __m256i even = _mm256_setzero_si256(), odd = even;
    for (; left >= 32; p += 32, left -= 32) {
      __m256i block;
      std::memcpy(&block, p, sizeof block);
      even = _mm256_add_epi64(even, _mm256_and_si256(block, low));
      odd = _mm256_add_epi64(odd, _mm256_srli_epi64(block, 32));
    }
    const __m256i both = _mm256_add_epi64(even, odd);
    const __m128i two =
        _mm_add_epi64(_mm256_castsi256_si128(both), _mm256_extracti128_si256(both, 1));
    sum += static_cast<std::uint64_t>(_mm_extract_epi64(two, 0)) +
           static_cast<std::uint64_t>(_mm_extract_epi64(two, 1));
  }
  if ((left & 16) != 0) {
    sum += halves(load_word<std::uint64_t>(p)) + halves(load_word<std::uint64_t>(p + 8));
    p += 16;
  }
  if ((left & 8) != 0) {
    sum += halves(load_word<std::uint64_t>(p));
    p += 8;
  }
  if ((left & 4) != 0) {
    sum += load_word<std::uint32_t>(p);
    p += 4;
  }
  if ((left & 2) != 0) {
    sum += load_word<std::uint16_t>(p);
    p += 2;
  }
  return (left & 1) != 0 ? sum + *p : sum;
}

namespace {

constexpr std::uint16_t kDontFragment = 0x4000;

// A field of a header as the sum has it.
std::uint64_t swapped(std::uint16_t field) { return __builtin_bswap16(field); }

std::uint64_t pseudo_sum(bool is_ip6, const std::uint8_t* a, const std::uint8_t* b,
                         std::uint8_t protocol, std::size_t l4_len) {
  const std::uint64_t sum =
      swapped(static_cast<std::uint16_t>(l4_len)) + (std::uint64_t{protocol} << 8);
  if (!is_ip6) return sum + load_word<std::uint32_t>(a) + load_word<std::uint32_t>(b);
  return sum + halves(load_word<std::uint64_t>(a)) + halves(load_word<std::uint64_t>(a + 8)) +
         halves(load_word<std::uint64_t>(b)) + halves(load_word<std::uint64_t>(b + 8));
}

// A UDP checksum that comes out as 0 is sent as all ones (RFC 768).
std::uint16_t udp_on_wire(std::uint16_t checksum) { return checksum == 0 ? 0xffff : checksum; }

// Sums are made from the values, not read back: a wide load of what narrow stores have just written
// waits until all stores before it have left the core.
void put_ip4(std::uint8_t* p, const Flow& flow, std::uint8_t protocol, std::size_t l4_len,
             std::uint8_t ttl) {
  const auto len = static_cast<std::uint16_t>(kIp4Len + l4_len);
  p[0] = 0x45;
  p[1] = flow.traffic_class;
  store_be16(p + 2, len);
  store_be16(p + 4, 0);
  store_be16(p + 6, kDontFragment);
  p[8] = ttl;
  p[9] = protocol;
  std::memcpy(p + 12, flow.local.data(), 4);
  std::memcpy(p + 16, flow.peer.data(), 4);
  const std::uint64_t sum =
      swapped(static_cast<std::uint16_t>(0x4500 | flow.traffic_class)) + swapped(len) +
      swapped(kDontFragment) + swapped(static_cast<std::uint16_t>(ttl << 8 | protocol)) +
      load_word<std::uint32_t>(flow.local.data()) + load_word<std::uint32_t>(flow.peer.data());
  store_be16(p + 10, checksum_fold(sum));
}

void put_ip6(std::uint8_t* p, const Flow& flow, std::uint8_t protocol, std::size_t l4_len,
             std::uint8_t hop_limit) {
  crypto::store_be32(p, 0x60000000u | std::uint32_t{flow.traffic_class} << 20);
  store_be16(p + 4, static_cast<std::uint16_t>(l4_len));
  p[6] = protocol;
  p[7] = hop_limit;
  std::memcpy(p + 8, flow.local.data(), 16);
  std::memcpy(p + 24, flow.peer.data(), 16);
}

}  // namespace

std::uint64_t pseudo_header_sum(const Path& path, std::uint8_t protocol, std::size_t l4_len) {
  return pseudo_sum(path.is_ip6, path.source.data(), path.destination.data(), protocol, l4_len);
}

std::uint16_t udp_checksum(const Path& path, crypto::Bytes udp_datagram) {
  const std::uint64_t sum = pseudo_header_sum(path, kProtocolUdp, udp_datagram.size());
  return checksum_fold(checksum_add(sum, udp_datagram));
}

std::uint8_t* put_ether(std::uint8_t* l3, const Flow& flow, std::uint16_t ether_type) {
  std::uint8_t* p = l3 - flow.l2_len();
  std::memcpy(p, flow.peer_mac.data(), 6);
  std::memcpy(p + 6, flow.local_mac.data(), 6);
  if (flow.vlan != 0) {
    store_be16(p + 12, kEtherVlan);
    store_be16(p + 14, flow.vlan);
  }
  store_be16(l3 - 2, ether_type);
  return p;
}

void put_ip_header(std::uint8_t* l3, const Flow& flow, std::uint8_t protocol, std::size_t l4_len,
                   std::uint8_t hop_limit) {
  if (flow.is_ip6)
    put_ip6(l3, flow, protocol, l4_len, hop_limit);
  else
    put_ip4(l3, flow, protocol, l4_len, hop_limit);
}

bool has_vlan(crypto::Bytes frame, std::uint16_t vlan) {
  if (frame.size() < kEtherLen + kVlanTagLen) return false;  // a runt, whosever
  const bool tagged = load_be16(frame.data() + 12) == kEtherVlan;
  return (tagged ? load_be16(frame.data() + 14) & 0x0fff : 0) == vlan;
}

void move_front(Frame& frame, std::uint8_t* start) {
  const auto moved = static_cast<std::int32_t>(start - frame.data);
  frame.capacity = static_cast<std::uint32_t>(static_cast<std::int32_t>(frame.capacity) - moved);
  frame.headroom = static_cast<std::uint32_t>(static_cast<std::int32_t>(frame.headroom) + moved);
  frame.data = start;
}

std::uint8_t* put_headers(std::uint8_t* l4, const Flow& flow, std::uint8_t protocol,
                          std::size_t l4_len, std::uint8_t hop_limit) {
  std::uint8_t* l3 = l4 - flow.l3_len();
  put_ip_header(l3, flow, protocol, l4_len, hop_limit);
  return put_ether(l3, flow, flow.is_ip6 ? kEtherIp6 : kEtherIp4);
}

bool write_datagram(Frame& frame, const Flow& flow, std::size_t payload_offset, std::size_t ike_len,
                    std::size_t mtu, bool offload_checksums) {
  const std::size_t overhead = flow.overhead();
  if (payload_offset < overhead || payload_offset > frame.capacity) return false;
  if (ike_len > frame.capacity - payload_offset) return false;
  if (overhead - flow.l2_len() + ike_len > mtu) return false;

  std::uint8_t* payload = frame.data + payload_offset;
  const std::size_t marker_len = flow.non_esp_marker ? ike::kNonEspMarkerLen : 0;
  std::memset(payload - marker_len, 0, marker_len);
  std::uint8_t* udp = payload - marker_len - kUdpLen;
  const std::size_t udp_len = kUdpLen + marker_len + ike_len;
  store_be16(udp, flow.local_port);
  store_be16(udp + 2, flow.peer_port);
  store_be16(udp + 4, static_cast<std::uint16_t>(udp_len));
  const std::uint64_t pseudo =
      pseudo_sum(flow.is_ip6, flow.local.data(), flow.peer.data(), kProtocolUdp, udp_len);
  const std::uint64_t header = swapped(flow.local_port) + swapped(flow.peer_port) +
                               swapped(static_cast<std::uint16_t>(udp_len));
  // The device goes on from the pseudo-header's sum, which stands uninverted in the field.
  const std::uint16_t checksum =
      offload_checksums
          ? static_cast<std::uint16_t>(~checksum_fold(pseudo))
          : udp_on_wire(checksum_fold(checksum_add(pseudo + header, {payload, ike_len})));
  store_be16(udp + 6, checksum);

  std::uint8_t* start = put_headers(udp, flow, kProtocolUdp, udp_len, 64);
  if (offload_checksums && !flow.is_ip6) store_be16(udp - kIp4Len + 10, 0);
  frame.capacity -= static_cast<std::uint32_t>(start - frame.data);
  frame.data = start;
  frame.len = static_cast<std::uint32_t>(overhead + ike_len);
  frame.offload_checksums = offload_checksums;
  frame.l2_len = static_cast<std::uint8_t>(flow.l2_len());
  frame.l3_len = static_cast<std::uint16_t>(flow.l3_len());
  frame.is_ip6 = flow.is_ip6;
  return true;
}

bool turn_into_reply(Burst& burst, unsigned lane, std::size_t ike_len, const Link& link,
                     bool offload_checksums) {
  Frame& frame = burst.frame[lane];
  Path& path = burst.path[lane];
  Flow flow{.local_mac = link.mac,
            .vlan = link.vlan,
            .is_ip6 = path.is_ip6,
            .non_esp_marker = path.non_esp_marker,
            .local = path.destination,
            .peer = path.source,
            .local_port = path.destination_port,
            .peer_port = path.source_port};
  std::memcpy(flow.peer_mac.data(), frame.data + 6, flow.peer_mac.size());
  if (!write_datagram(frame, flow, path.payload_offset, ike_len, link.mtu, offload_checksums))
    return false;
  path.l3_offset = static_cast<std::uint16_t>(flow.l2_len());
  path.l4_offset = static_cast<std::uint16_t>(flow.l2_len() + flow.l3_len());
  path.payload_offset = static_cast<std::uint16_t>(flow.overhead());
  return true;
}

}  // namespace dp
