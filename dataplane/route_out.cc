// Stage route_out: the destination of an inner packet -> the Child SA that leads to it.
#include "dataplane/stages.h"

namespace dp {
namespace {

// The SA to send by: a rekeyed one's successor once its time has come.
std::uint32_t current(std::uint32_t place, WorkerParts& w) {
  const EspSa& sa = w.esp.at(place);
  if (sa.successor == kNoPlace || w.now.ms < sa.switch_ms) [[likely]]
    return place;
  const std::uint32_t next = sa.successor;
  use_successor(place, w);
  return next;
}

}  // namespace

LaneSet route_out(Burst& burst, LaneSet in, EspTrip& trip, WorkerParts& w) {
  LaneSet ours;
  for (unsigned lane : in) {
    const InnerPacket& inner = trip.inner[lane];
    const RouteKey key = route_key(inner, inner.destination(trip.packet(burst, lane)), w.leases);
    const std::uint32_t index = w.esp_routes.find(key.family, key.lease);
    if (index == EspRoutes::kNone) {
      burst.drop(lane, Drop::no_child_sa);
      continue;
    }
    const auto where = w.esp.spis().of_index(index);
    if (where.worker != w.index) {
      burst.drop(lane, Drop::inside_absent);
      continue;
    }
    trip.place[lane] = where.place;
    w.esp.prefetch_out(where.place);
    ours.add(lane);
  }
  LaneSet routed;
  for (unsigned lane : ours) {
    // The route may be of an SA that went since.
    if (!w.esp.live(trip.place[lane])) {
      burst.drop(lane, Drop::no_child_sa);
      continue;
    }
    trip.place[lane] = current(trip.place[lane], w);
    routed.add(lane);
  }
  return routed;
}

}  // namespace dp
