// Stage fit_tunnel: a hop less, and packets that are too long for their tunnel.
#include "dataplane/inside.h"

namespace dp {
namespace {

// A lane goes on as it is, in pieces, or as an error to its sender.
struct Sorted {
  Fit fit;
  LaneSet told;
};

void by_length(Burst& burst, unsigned lane, EspTrip& trip, Sorted& out, WorkerParts& w) {
  const InnerPacket& inner = trip.inner[lane];
  const std::size_t max = inner_max(w.esp.at(trip.place[lane]), w.link);
  if (inner.len <= max)
    out.fit.whole.add(lane);
  else if (may_cut(inner, trip.packet(burst, lane)))
    out.fit.pieces.add(lane);
  else
    tell_sender(burst, lane, trip, {IcmpError::Kind::too_big, max}, Drop::inner_too_big, out.told,
                w);
}

}  // namespace

Fit fit_tunnel(Burst& burst, LaneSet in, EspTrip& trip, WorkerParts& w) {
  Sorted out;
  for (unsigned lane : in) {
    const InnerPacket& inner = trip.inner[lane];
    std::uint8_t* packet = trip.packet(burst, lane);
    if (!take_hop(packet, inner.is_ip6)) {
      tell_sender(burst, lane, trip, {}, Drop::inner_expired, out.told, w);
      continue;
    }
    if (w.config.clamp_mss && opens_tcp(inner, packet)) [[unlikely]]
      clamp_mss(inner, packet, inner_max(w.esp.at(trip.place[lane]), w.link));
    by_length(burst, lane, trip, out, w);
  }
  out.fit.whole |= route_out(burst, out.told, trip, w);
  return out.fit;
}

Fit fit_answers(Burst& burst, LaneSet in, EspTrip& trip, WorkerParts& w) {
  Sorted out;
  for (unsigned lane : in) by_length(burst, lane, trip, out, w);
  out.fit.whole |= route_out(burst, out.told, trip, w);
  return out.fit;
}

}  // namespace dp
