// Stage deliver: where an inner packet goes that came out of a tunnel.
#include "dataplane/inside.h"

namespace dp {
namespace {

bool is_own(const InnerPacket& inner, const std::uint8_t* packet, const WorkerParts& w) {
  const std::uint8_t* destination = inner.destination(packet);
  return inner.is_ip6 ? w.inside_link.owns6(destination) || w.link.owns6(destination)
                      : w.inside_link.owns4(destination) || w.link.owns4(destination);
}

// Routers do not forward these (RFC 1812 §4.2.2.11 and §5.3.7, RFC 4291 §2.5.6, RFC 3927 §2.6.2).
bool is_unroutable(const InnerPacket& inner, const std::uint8_t* destination) {
  const std::uint8_t* d = destination;
  if (!inner.is_ip6) return d[0] == 0 || d[0] == 127 || d[0] >= 224 || (d[0] == 169 && d[1] == 254);
  return d[0] == 0xff || (d[0] == 0xfe && (d[1] & 0xc0) == 0x80) ||
         (crypto::load_be64(d) == 0 && crypto::load_be64(d + 8) <= 1);
}

}  // namespace

RouteKey route_key(const InnerPacket& inner, const std::uint8_t* address,
                   const LeaseTable& leases) {
  if (inner.is_ip6) {
    ike::Ip6 ip6;
    std::copy_n(address, ip6.size(), ip6.begin());
    return {EspRoutes::Family::ip6, leases.index6(ip6)};
  }
  ike::Ip4 ip4;
  std::copy_n(address, ip4.size(), ip4.begin());
  return {EspRoutes::Family::ip4, leases.index4(ip4)};
}

namespace {

// Sorts out what goes to the inside: lanes that fit the link, lanes to be cut.
struct Inward {
  LaneSet whole, pieces;
};

void inward(Burst& burst, unsigned lane, EspTrip& trip, Inward& out, LaneSet& told,
            WorkerParts& w) {
  const InnerPacket& inner = trip.inner[lane];
  std::uint8_t* packet = trip.packet(burst, lane);
  const std::size_t mtu = w.inside_link.mtu;
  if (w.inside == nullptr)
    burst.drop(lane, Drop::inside_absent);
  else if (is_unroutable(inner, inner.destination(packet)))
    burst.drop(lane, Drop::inner_bad_destination);
  else if (!take_hop(packet, inner.is_ip6))
    tell_sender(burst, lane, trip, {}, Drop::inner_expired, told, w);
  else if (inner.len <= mtu)
    out.whole.add(lane);
  else if (may_cut(inner, packet))
    out.pieces.add(lane);
  else
    tell_sender(burst, lane, trip, {IcmpError::Kind::too_big, mtu}, Drop::inner_too_big, told, w);
}

}  // namespace

Delivery deliver(Burst& burst, LaneSet in, EspTrip& trip, WorkerParts& w) {
  LaneSet own, pooled, told;
  Inward inside;
  for (unsigned lane : in) {
    const InnerPacket& inner = trip.inner[lane];
    std::uint8_t* packet = trip.packet(burst, lane);
    if (is_own(inner, packet, w)) {
      own.add(lane);
      continue;
    }
    // Both ends are told: this way the peer's tunnel, on the other one's way that one's.
    if (w.config.clamp_mss && opens_tcp(inner, packet)) [[unlikely]]
      clamp_mss(inner, packet, inner_max(w.esp.at(trip.place[lane]), w.link));
    if (is_pooled(inner, inner.destination(packet), w.leases))
      pooled.add(lane);
    else
      inward(burst, lane, trip, inside, told, w);
  }
  forward_inside(burst, inside.whole, trip, w);
  const Fit clients = fit_tunnel(burst, route_out(burst, pooled, trip, w), trip, w);
  const Fit answers = fit_answers(burst, answer_inner(burst, own, trip, w), trip, w);
  return {.tunnel = {.whole = clients.whole | answers.whole | route_out(burst, told, trip, w),
                     .pieces = clients.pieces | answers.pieces},
          .inside_pieces = inside.pieces};
}

}  // namespace dp
