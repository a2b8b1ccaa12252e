// Stage deliver: where an inner packet goes that came out of a tunnel.
#include "dataplane/stages.h"

namespace dp {
namespace {

bool is_own(const InnerPacket& inner, const std::uint8_t* packet, const WorkerParts& w) {
  const std::uint8_t* destination = inner.destination(packet);
  return inner.is_ip6 ? w.inside_link.owns6(destination) || w.link.owns6(destination)
                      : w.inside_link.owns4(destination) || w.link.owns4(destination);
}

// Whether the destination is an address of the pools.
bool is_pooled(const InnerPacket& inner, const std::uint8_t* packet, const LeaseTable& leases) {
  return route_key(inner, inner.destination(packet), leases).lease != LeaseTable::kNone;
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

LaneSet deliver(Burst& burst, LaneSet in, EspTrip& trip, WorkerParts& w) {
  LaneSet own, pooled, inside;
  for (unsigned lane : in) {
    const InnerPacket& inner = trip.inner[lane];
    std::uint8_t* packet = trip.packet(burst, lane);
    if (is_own(inner, packet, w)) {
      own.add(lane);
    } else if (!take_hop(packet, inner.is_ip6)) {
      burst.drop(lane, Drop::inner_expired);
    } else if (is_pooled(inner, packet, w.leases)) {
      pooled.add(lane);
    } else {
      inside.add(lane);
    }
  }
  for (unsigned lane : inside) burst.drop(lane, Drop::inside_absent);
  return answer_inner(burst, own, trip, w) | route_out(burst, pooled, trip, w);
}

}  // namespace dp
