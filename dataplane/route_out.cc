// Stage route_out: the destination of an inner packet -> the Child SA that leads to it.
#include "dataplane/inside.h"

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

// The packet comes to the worker that has the SA as one from the inside, whatever side it came from
// here. What did come from there goes on as it is: its sender's MAC address may be needed.
void to_owner(Burst& burst, unsigned lane, const InnerPacket& inner, unsigned worker,
              WorkerParts& w) {
  if (w.inside == nullptr) return burst.drop(lane, Drop::inside_absent);
  const bool untouched = burst.from_inside && inner.offset == burst.path[lane].l3_offset;
  if (!untouched) put_inside_ether(burst, lane, inner, w.inside_link.mac, w.inside_link);
  if (!w.inside->hand_over(worker, burst.frame[lane]))
    return burst.drop(lane, Drop::owner_ring_full);
  burst.verdict[lane] = Verdict::handed_over;
  w.counters.handed_over.add();
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
      to_owner(burst, lane, inner, where.worker, w);
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
