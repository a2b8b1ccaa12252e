// Stage classify_inside: a burst from the private network.
#include <cstring>

#include "dataplane/answer_link.h"
#include "dataplane/inside.h"

namespace dp {
namespace {

using crypto::Bytes;
using crypto::load_be16;
using crypto::load_be32;
using crypto::load_be64;

enum class Kind : std::uint8_t { arp, neighbour, own, transit };

constexpr std::size_t kArpLen = 28;

bool is_for_us(const std::uint8_t* mac, const Link& link, std::uint16_t type) {
  if (load_be32(mac) == load_be32(link.mac.data()) && load_be16(mac + 4) == load_be16(&link.mac[4]))
    return true;
  const bool broadcast = std::all_of(mac, mac + 6, [](std::uint8_t o) { return o == 0xff; });
  if (broadcast) return type == kEtherArp;
  return mac[0] == 0x33 && mac[1] == 0x33 && type == kEtherIp6;
}

Drop read_ether(Bytes octets, const Link& link, std::uint16_t& type, std::size_t& l3) {
  if (octets.size() < kEtherLen + kVlanTagLen) return Drop::eth_runt;
  const std::uint8_t* p = octets.data();
  type = load_be16(p + 12);
  l3 = kEtherLen;
  std::uint16_t vlan = 0;
  if (type == kEtherVlan) {
    vlan = load_be16(p + 14) & 0x0fff;
    type = load_be16(p + 16);
    l3 += kVlanTagLen;
  }
  if (vlan != link.vlan) return Drop::vlan_unknown;
  return is_for_us(p, link, type) ? Drop::none : Drop::eth_not_for_us;
}

// Neighbour discovery from the link itself, not through a router.
bool is_discovery(const InnerPacket& inner, const std::uint8_t* packet) {
  if (!inner.is_ip6 || inner.subject.protocol != kProtocolIcmp6 || packet[7] != 255) return false;
  const std::uint8_t type = packet[inner.l4_offset];
  return inner.len > inner.l4_offset && (type == 135 || type == 136);
}

void fill_path(Burst& burst, unsigned lane, const InnerPacket& inner) {
  Path& path = burst.path[lane];
  const std::uint8_t* packet = burst.frame[lane].data + inner.offset;
  std::memcpy(path.source.data(), inner.source(packet), 16);
  std::memcpy(path.destination.data(), inner.destination(packet), 16);
  path.is_ip6 = true;
  path.l4_offset = path.payload_offset = static_cast<std::uint16_t>(inner.offset + inner.l4_offset);
  burst.message[lane] = {packet + inner.l4_offset, std::size_t{inner.len} - inner.l4_offset};
}

// Hosts on the inside speak neither for us nor for our clients, nor for nobody or many. What
// another worker hands over has been seen by it.
bool is_bad_source(const InnerPacket& inner, const std::uint8_t* source, const WorkerParts& w) {
  if (inner.is_ip6) {
    const bool group_or_none = source[0] == 0xff || (load_be64(source) == 0 && source[8] == 0);
    return group_or_none || w.inside_link.owns6(source) || is_pooled(inner, source, w.leases);
  }
  return source[0] == 0 || source[0] == 127 || source[0] >= 224 || w.inside_link.owns4(source) ||
         is_pooled(inner, source, w.leases);
}

Drop read_lane(Burst& burst, unsigned lane, EspTrip& trip, WorkerParts& w, Kind& kind) {
  Path& path = burst.path[lane];
  path = {};
  const Bytes octets{burst.frame[lane].data, burst.frame[lane].len};
  std::uint16_t type = 0;
  std::size_t l3 = 0;
  if (const Drop why = read_ether(octets, w.inside_link, type, l3); why != Drop::none) return why;
  path.l3_offset = static_cast<std::uint16_t>(l3);
  kind = Kind::arp;
  if (type == kEtherArp) return Drop::none;
  if (type != kEtherIp4 && type != kEtherIp6) return Drop::eth_unknown_type;
  InnerPacket& inner = trip.inner[lane];
  if (!read_inner(octets.subspan(l3), inner) || inner.is_ip6 != (type == kEtherIp6))
    return Drop::ip_bad_header;
  inner.offset = static_cast<std::uint16_t>(l3);
  const std::uint8_t* packet = trip.packet(burst, lane);
  const std::uint8_t* destination = inner.destination(packet);
  kind = Kind::neighbour;
  if (is_discovery(inner, packet)) return Drop::none;
  if (!burst.frame[lane].handed_over && is_bad_source(inner, inner.source(packet), w))
    return Drop::ip_bad_source;
  kind = Kind::own;
  if (inner.is_ip6 ? w.inside_link.owns6(destination) : w.inside_link.owns4(destination))
    return Drop::none;
  kind = Kind::transit;
  const RouteKey key = route_key(inner, destination, w.leases);
  w.esp_routes.prefetch(key.family, key.lease);  // for route_out
  return key.lease != LeaseTable::kNone ? Drop::none : Drop::ip_not_for_us;
}

// True when it was an answer, which wants none. Requests tell a sender too (RFC 826).
bool learn_arp(const Burst& burst, unsigned lane, WorkerParts& w) {
  const Frame& frame = burst.frame[lane];
  const std::size_t at = burst.path[lane].l3_offset;
  if (frame.len < at + kArpLen) return false;
  const std::uint8_t* arp = frame.data + at;
  if (load_be64(arp) >> 16 != 0x000108000604 || (arp[8] & 1) != 0) return false;
  NextHop hop;
  std::copy_n(arp + 14, 4, hop.address.begin());
  w.neighbours.learn(hop, arp + 8, w.now.ms);
  return arp[7] == 2;
}

// RFC 4861 §7.1.2 and §7.2.5: an advertisement with the target's link-layer address.
bool learn_advertisement(const Burst& burst, unsigned lane, WorkerParts& w) {
  constexpr std::size_t kLen = 32;
  const Bytes icmp = burst.message[lane];
  if (icmp[0] != 136) return false;
  if (icmp.size() < kLen || icmp[24] != 2 || icmp[25] != 1 || (icmp[26] & 1) != 0) return true;
  const std::uint64_t pseudo = pseudo_header_sum(burst.path[lane], kProtocolIcmp6, icmp.size());
  if (checksum_fold(checksum_add(pseudo, icmp)) != 0) return true;
  NextHop hop{.is_ip6 = true};
  std::copy_n(icmp.data() + 8, 16, hop.address.begin());
  w.neighbours.learn(hop, icmp.data() + 26, w.now.ms);
  return true;
}

// Leased addresses are ours to answer for while a Child SA leads to them.
bool is_proxied4(const void* context, const std::uint8_t* address) {
  const auto& w = *static_cast<const WorkerParts*>(context);
  const RouteKey key = route_key(InnerPacket{}, address, w.leases);
  return w.esp_routes.find(key.family, key.lease) != EspRoutes::kNone;
}
bool is_proxied6(const void* context, const std::uint8_t* address) {
  const auto& w = *static_cast<const WorkerParts*>(context);
  const RouteKey key = route_key(InnerPacket{.is_ip6 = true}, address, w.leases);
  return w.esp_routes.find(key.family, key.lease) != EspRoutes::kNone;
}

}  // namespace

InsideFamilies classify_inside(Burst& burst, EspTrip& trip, WorkerParts& w) {
  InsideFamilies out;
  burst.outside_frame = {};
  LaneSet link;
  for (unsigned lane = 0; lane < kPrefetchAhead; ++lane) burst.prefetch(lane);
  for (unsigned lane = 0; lane < burst.count; ++lane) {
    burst.prefetch(lane + kPrefetchAhead);
    burst.verdict[lane] = Verdict::live;
    burst.reason[lane] = Drop::none;
    Kind kind = Kind::arp;
    if (const Drop why = read_lane(burst, lane, trip, w, kind); why != Drop::none) {
      burst.drop(lane, why);
    } else if (kind == Kind::own) {
      out.own.add(lane);
    } else if (kind == Kind::transit) {
      out.transit.add(lane);
    } else if (kind == Kind::arp) {
      if (learn_arp(burst, lane, w))
        burst.drop(lane, Drop::none);
      else
        link.add(lane);
    } else {
      fill_path(burst, lane, trip.inner[lane]);
      if (learn_advertisement(burst, lane, w))
        burst.drop(lane, Drop::none);
      else
        link.add(lane);
    }
  }
  const Proxied proxied{&w, is_proxied4, is_proxied6};
  if (!link.empty())
    w.counters.link_answers.add(answer_link(burst, link, w.inside_link, &proxied).size());
  return out;
}

void answer_own(Burst& burst, LaneSet in, EspTrip& trip, WorkerParts& w) {
  for (unsigned lane : answer_inner(burst, in, trip, w)) {
    Mac to;
    std::memcpy(to.data(), burst.frame[lane].data + 6, to.size());
    put_inside_ether(burst, lane, trip.inner[lane], to, w.inside_link);
    burst.reply(lane);
  }
}

}  // namespace dp
