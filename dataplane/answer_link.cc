// ARP and echo, and who gets what of the link family.
#include "dataplane/answer_link.h"

#include <cstring>

namespace dp {
namespace {

using crypto::Bytes;
using crypto::load_be16;
using crypto::load_be64;
using crypto::store_be16;

constexpr std::size_t kArpLen = 28;
constexpr std::size_t kIcmpLenMin = 8;
constexpr std::uint8_t kNeighbourSolicitation = 135;

// Short frames go out with zeros up to the Ethernet minimum, so that no device sends octets of a
// former packet as padding.
void pad_to_minimum(Frame& frame) {
  if (frame.len >= kEtherLenMin || frame.capacity < kEtherLenMin) return;
  std::memset(frame.data + frame.len, 0, kEtherLenMin - frame.len);
  frame.len = kEtherLenMin;
}

// A request about an address of ours from somebody who may have one: RFC 826, and probes of RFC
// 5227 §2.1.1.
bool is_answerable_arp(const std::uint8_t* arp, const Link& link, const Proxied* proxied) {
  constexpr std::uint64_t kEthernetIp4Request = 0x0001080006040001;
  if (load_be64(arp) != kEthernetIp4Request) return false;
  const std::uint8_t* sender_mac = arp + 8;
  const std::uint8_t* sender = arp + 14;
  const std::uint8_t* target = arp + 24;
  if ((sender_mac[0] & 1) != 0) return false;
  if (link.owns4(sender)) return false;  // somebody else claims our address
  return link.owns4(target) || (proxied != nullptr && proxied->has4(proxied->context, target));
}

// RFC 826: the sender's fields become the target's, ours the sender's.
Drop answer_arp(Burst& burst, unsigned lane, const Link& link, const Proxied* proxied) {
  Frame& frame = burst.frame[lane];
  const std::size_t offset = burst.path[lane].l3_offset;
  if (frame.len < offset + kArpLen) return Drop::arp_bad;
  std::uint8_t* arp = frame.data + offset;
  if (!is_answerable_arp(arp, link, proxied)) return Drop::arp_bad;

  std::uint8_t target[4];
  std::memcpy(target, arp + 24, sizeof target);
  std::memcpy(arp + 18, arp + 8, 10);
  std::memcpy(arp + 8, link.mac.data(), 6);
  std::memcpy(arp + 14, target, sizeof target);
  store_be16(arp + 6, 2);
  std::memcpy(frame.data, arp + 18, 6);
  std::memcpy(frame.data + 6, link.mac.data(), 6);
  frame.len = static_cast<std::uint32_t>(offset + kArpLen);
  return Drop::none;
}

// Replaces the headers before the ICMP message by plain ones back to the sender.
void address_back(Burst& burst, unsigned lane, std::uint8_t protocol, const Link& link) {
  Frame& frame = burst.frame[lane];
  Path& path = burst.path[lane];
  Flow flow{.local_mac = link.mac,
            .vlan = link.vlan,
            .is_ip6 = path.is_ip6,
            .local = path.destination,
            .peer = path.source};
  std::memcpy(flow.peer_mac.data(), frame.data + 6, flow.peer_mac.size());
  const std::size_t l4_len = burst.message[lane].size();
  std::uint8_t* start = put_headers(frame.data + path.l4_offset, flow, protocol, l4_len, 64);
  frame.capacity -= static_cast<std::uint32_t>(start - frame.data);
  frame.data = start;
  frame.len = static_cast<std::uint32_t>(flow.l2_len() + flow.l3_len() + l4_len);
  path.l3_offset = static_cast<std::uint16_t>(flow.l2_len());
  path.l4_offset = static_cast<std::uint16_t>(flow.l2_len() + flow.l3_len());
  path.payload_offset = path.l4_offset;
}

// Echo requests for ICMP and ICMPv6; `request` and `reply` are the types.
Drop answer_echo(Burst& burst, unsigned lane, std::uint8_t request, std::uint8_t reply,
                 const Link& link) {
  const Path& path = burst.path[lane];
  const Bytes icmp = burst.message[lane];
  if (icmp.size() < kIcmpLenMin || icmp[0] != request || icmp[1] != 0) return Drop::icmp_ignored;
  // Echo to a group is not answered (RFC 4443 §4.2 leaves it open): one request, many replies.
  if (path.is_ip6 && path.destination[0] == 0xff) return Drop::icmp_ignored;
  const std::uint8_t protocol = path.is_ip6 ? kProtocolIcmp6 : kProtocolIcmp;
  const std::uint64_t pseudo = path.is_ip6 ? pseudo_header_sum(path, protocol, icmp.size()) : 0;
  if (checksum_fold(checksum_add(pseudo, icmp)) != 0) return Drop::icmp_ignored;

  std::uint8_t* p = burst.frame[lane].data + path.l4_offset;
  p[0] = reply;
  store_be16(p + 2, 0);
  store_be16(p + 2, checksum_fold(checksum_add(pseudo, icmp)));
  address_back(burst, lane, protocol, link);
  return Drop::none;
}

Drop answer_lane(Burst& burst, unsigned lane, const Link& link, const Proxied* proxied) {
  const Path& path = burst.path[lane];
  // The EtherType stands before the layer 3 header, tagged or not.
  if (load_be16(burst.frame[lane].data + path.l3_offset - 2) == kEtherArp)
    return answer_arp(burst, lane, link, proxied);
  if (!path.is_ip6) return answer_echo(burst, lane, 8, 0, link);
  const Bytes icmp = burst.message[lane];
  if (!icmp.empty() && icmp[0] == kNeighbourSolicitation)
    return answer_neighbour(burst, lane, link, proxied);
  return answer_echo(burst, lane, 128, 129, link);
}

}  // namespace

LaneSet answer_link(Burst& burst, LaneSet in, const Link& link, const Proxied* proxied) {
  LaneSet answered;
  for (unsigned lane : in) {
    const Drop why = answer_lane(burst, lane, link, proxied);
    if (why != Drop::none) {
      burst.drop(lane, why);
      continue;
    }
    burst.frame[lane].offload_checksums = false;
    pad_to_minimum(burst.frame[lane]);
    burst.reply(lane);
    answered.add(lane);
  }
  return answered;
}

}  // namespace dp
