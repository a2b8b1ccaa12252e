// Stage forward_inside: packets out of tunnels to the next hop on the inside.
#include <cstring>

#include "dataplane/inside.h"

namespace dp {
namespace {

constexpr std::size_t kArpLen = 28;

bool is_on_link(const InnerPacket& inner, const std::uint8_t* destination, const WorkerParts& w) {
  const InsideRoute& route = w.config.inside_route;
  if (inner.is_ip6)
    return !w.inside_link.ip6.empty() &&
           same_prefix(destination, w.inside_link.ip6[0].data(), route.prefix6);
  return !w.inside_link.ip4.empty() &&
         same_prefix(destination, w.inside_link.ip4[0].data(), route.prefix4);
}

bool next_hop(const InnerPacket& inner, const std::uint8_t* destination, const WorkerParts& w,
              NextHop& hop) {
  const InsideRoute& route = w.config.inside_route;
  hop = {.is_ip6 = inner.is_ip6};
  if (is_on_link(inner, destination, w)) {
    std::copy_n(destination, inner.is_ip6 ? 16 : 4, hop.address.begin());
    return true;
  }
  if (inner.is_ip6 && route.gateway6) std::ranges::copy(*route.gateway6, hop.address.begin());
  if (!inner.is_ip6 && route.gateway4) std::ranges::copy(*route.gateway4, hop.address.begin());
  return inner.is_ip6 ? route.gateway6.has_value() : route.gateway4.has_value();
}

// RFC 826: who has the address?
void write_arp_request(Frame& frame, const NextHop& hop, const Link& link) {
  Flow flow{
      .local_mac = link.mac, .peer_mac = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, .vlan = link.vlan};
  const std::size_t at = flow.l2_len();
  std::memset(frame.data, 0, kEtherLenMin);
  std::uint8_t* arp = frame.data + at;
  put_ether(arp, flow, kEtherArp);
  crypto::store_be64(arp, 0x0001080006040001);
  std::ranges::copy(link.mac, arp + 8);
  std::ranges::copy(link.ip4[0], arp + 14);
  std::copy_n(hop.address.data(), 4, arp + 24);
  frame.len = static_cast<std::uint32_t>(std::max(at + kArpLen, kEtherLenMin));
}

// RFC 4861 §4.3, to the solicited-node group (RFC 4291 §2.7.1).
void write_solicitation(Frame& frame, const NextHop& hop, const Link& link) {
  constexpr std::size_t kLen = 32;
  Flow flow{.local_mac = link.mac, .vlan = link.vlan, .is_ip6 = true};
  std::ranges::copy(link.ip6[0], flow.local.begin());
  flow.peer = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff};
  std::copy_n(hop.address.data() + 13, 3, flow.peer.begin() + 13);
  flow.peer_mac = {0x33, 0x33, 0xff, hop.address[13], hop.address[14], hop.address[15]};
  std::uint8_t* p = frame.data + flow.l2_len() + kIp6Len;
  std::memset(p, 0, kLen);
  p[0] = 135;
  std::ranges::copy(hop.address, p + 8);
  p[24] = 1;  // source link-layer address
  p[25] = 1;
  std::ranges::copy(link.mac, p + 26);
  Path ends{.source = flow.local, .destination = flow.peer, .is_ip6 = true};
  const std::uint64_t pseudo = pseudo_header_sum(ends, kProtocolIcmp6, kLen);
  crypto::store_be16(p + 2, checksum_fold(checksum_add(pseudo, {p, kLen})));
  put_headers(p, flow, kProtocolIcmp6, kLen, 255);
  frame.len = static_cast<std::uint32_t>(flow.l2_len() + kIp6Len + kLen);
}

void ask(const NextHop& hop, WorkerParts& w) {
  if (hop.is_ip6 ? w.inside_link.ip6.empty() : w.inside_link.ip4.empty()) return;
  Frame frame;
  if (w.inside->allocate({&frame, 1}) == 0)
    return w.counters.drops[static_cast<std::size_t>(Drop::no_buffer)].add();
  if (hop.is_ip6)
    write_solicitation(frame, hop, w.inside_link);
  else
    write_arp_request(frame, hop, w.inside_link);
  w.counters.tx_packets.add(w.inside->transmit({&frame, 1}));
}

// What is known of a packet's way: its MAC address, or whom that was asked for (or nobody).
struct Way {
  enum class Kind : std::uint8_t { known, asked, none } kind = Kind::none;
  Mac mac{};
  NextHop hop;
};

Way find_way(const InnerPacket& inner, const std::uint8_t* packet, WorkerParts& w) {
  const InsideRoute& route = w.config.inside_route;
  if (route.gateway_mac) return {.kind = Way::Kind::known, .mac = *route.gateway_mac};
  Way way;
  if (!next_hop(inner, inner.destination(packet), w, way.hop)) return way;
  const NeighbourTable::Answer answer = w.neighbours.look_up(way.hop, w.now.ms);
  if (answer.ask) ask(way.hop, w);
  way.kind = answer.known ? Way::Kind::known : Way::Kind::asked;
  way.mac = answer.mac;
  return way;
}

void forward(Burst& burst, unsigned lane, const InnerPacket& inner, const Way& way,
             WorkerParts& w) {
  switch (way.kind) {
    case Way::Kind::known:
      put_inside_ether(burst, lane, inner, way.mac, w.inside_link);
      burst.verdict[lane] = Verdict::forward;
      return;
    case Way::Kind::asked:
      if (!w.waiting.add(burst.frame[lane], inner, way.hop, w.now.ms))
        return burst.drop(lane, Drop::neighbour_unknown);
      burst.verdict[lane] = Verdict::waiting;
      return;
    case Way::Kind::none:
      return burst.drop(lane, Drop::no_gateway);
  }
}

}  // namespace

void put_inside_ether(Frame& frame, const InnerPacket& inner, const Mac& to, const Link& link) {
  const Flow flow{.local_mac = link.mac, .peer_mac = to, .vlan = link.vlan};
  std::uint8_t* start =
      put_ether(frame.data + inner.offset, flow, inner.is_ip6 ? kEtherIp6 : kEtherIp4);
  move_front(frame, start);
  frame.len = static_cast<std::uint32_t>(flow.l2_len() + inner.len);
  frame.offload_checksums = false;
  if (frame.len >= kEtherLenMin || frame.capacity < kEtherLenMin) return;
  std::memset(frame.data + frame.len, 0, kEtherLenMin - frame.len);
  frame.len = kEtherLenMin;
}

void forward_inside(Burst& burst, LaneSet in, EspTrip& trip, WorkerParts& w) {
  for (unsigned lane : in) {
    const InnerPacket& inner = trip.inner[lane];
    const std::uint8_t* packet = trip.packet(burst, lane);
    forward(burst, lane, inner, find_way(inner, packet, w), w);
  }
}

void send_waiting(WorkerParts& w) {
  if (w.waiting.empty()) [[likely]]
    return;
  w.waiting.visit(w.now.ms, [&w](NeighbourQueue::Waiting& one) {
    const NeighbourTable::Answer answer = w.neighbours.look_up(one.hop, w.now.ms);
    if (answer.ask) ask(one.hop, w);
    if (answer.known) {
      put_inside_ether(one.frame, one.inner, answer.mac, w.inside_link);
      w.counters.tx_octets.add(one.frame.len);
      const unsigned sent = w.inside->transmit({&one.frame, 1});
      w.counters.tx_packets.add(sent);
      w.counters.forwarded.add(sent);
      w.counters.drops[static_cast<std::size_t>(Drop::tx_full)].add(1 - sent);
      return true;
    }
    if (w.now.ms - one.since_ms < NeighbourQueue::kWaitMs) return false;
    w.inside->release({&one.frame, 1});
    w.counters.drops[static_cast<std::size_t>(Drop::neighbour_unknown)].add();
    return true;
  });
}

}  // namespace dp
