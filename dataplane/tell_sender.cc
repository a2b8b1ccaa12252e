// Tells the sender of a packet what is wrong with it, on the side where it is.
#include <cstring>

#include "dataplane/inside.h"

namespace dp {
namespace {

// RFC 1812 §4.3.2.8, RFC 4443 §2.4 (f): errors are limited in rate, here for each sender.
bool may_tell(const InnerPacket& inner, const std::uint8_t* packet, WorkerParts& w) {
  Path path{.is_ip6 = inner.is_ip6};
  std::memcpy(path.source.data(), inner.source(packet), inner.is_ip6 ? 16 : 4);
  return w.sources.may_answer(path, w.now);
}

}  // namespace

void tell_sender(Burst& burst, unsigned lane, EspTrip& trip, const IcmpError& error, Drop why,
                 LaneSet& to_client, WorkerParts& w) {
  InnerPacket& inner = trip.inner[lane];
  Frame& frame = burst.frame[lane];
  Mac sender;
  std::memcpy(sender.data(), frame.data + 6, sender.size());
  const std::uint8_t* packet = trip.packet(burst, lane);
  const bool is_client =
      route_key(inner, inner.source(packet), w.leases).lease != LeaseTable::kNone;
  if ((!is_client && !burst.from_inside) || !may_tell(inner, packet, w) ||
      !turn_into_error(frame, inner, w.inside_link, error))
    return burst.drop(lane, why);
  w.counters.senders_told.add();
  burst.reason[lane] = why;
  if (is_client) return to_client.add(lane);
  put_inside_ether(burst, lane, inner, sender, w.inside_link);
  burst.reply(lane, why);
}

}  // namespace dp
