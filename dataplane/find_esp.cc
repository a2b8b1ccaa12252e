// Stage find_esp: SPI -> worker and place by arithmetic; what is not ours goes to its owner.
//
// After a restart nearly all ESP is of SAs that are gone, so that case is a few instructions and is
// not answered. Nothing of an SA changes here (RFC 4303 §3.4.3).
#include "dataplane/stages.h"

namespace dp {
namespace {

// SPI, sequence number.
constexpr std::size_t kHeaderLen = 8;

LaneSet sort_owners(Burst& burst, LaneSet in, EspTrip& trip, WorkerParts& w) {
  LaneSet ours;
  for (unsigned lane : in) {
    const crypto::Bytes packet = burst.message[lane];
    if (packet.size() < kHeaderLen) {
      burst.drop(lane, Drop::esp_bad_length);
      continue;
    }
    if (burst.outside_frame.has(lane)) {  // put together, and longer than a frame: no place to open
      burst.drop(lane, Drop::ip_fragment_limit);
      continue;
    }
    const auto where = w.esp.spis().decode(ike::EspSpi(crypto::load_be32(packet.data())));
    if (where.worker == w.index) {
      trip.place[lane] = where.place;
      w.esp.prefetch_in(where.place, crypto::load_be32(packet.data() + 4));
      ours.add(lane);
    } else if (where.worker < w.config.worker_count) {
      hand_over(burst, lane, where.worker, w);
    } else {
      burst.drop(lane, Drop::esp_unknown_spi);
    }
  }
  return ours;
}

Drop check(crypto::Bytes packet, const EspSa& sa, std::uint64_t& number) {
  const std::size_t overhead = kHeaderLen + iv_len(sa.cipher) + sa.icv_len();
  const std::size_t block = block_len(sa.cipher);
  if (packet.size() < overhead + block || !is_whole(packet.size() - overhead, block))
    return Drop::esp_bad_length;
  number = sa.window.full(crypto::load_be32(packet.data() + 4), sa.esn);
  return sa.window.may_come(number) ? Drop::none : Drop::esp_replayed;
}

}  // namespace

LaneSet find_esp(Burst& burst, LaneSet in, EspTrip& trip, WorkerParts& w) {
  LaneSet found;
  for (unsigned lane : sort_owners(burst, in, trip, w)) {
    const crypto::Bytes packet = burst.message[lane];
    EspSa* sa = w.esp.find(ike::EspSpi(crypto::load_be32(packet.data())), trip.place[lane]);
    if (sa == nullptr) {
      burst.drop(lane, Drop::esp_unknown_spi);
      continue;
    }
    if (const Drop why = check(packet, *sa, trip.number[lane]); why != Drop::none) {
      ++sa->drops_in;
      burst.drop(lane, why);
      continue;
    }
    if (sa->limited && !may_carry(trip.place[lane], *sa, EspKeyCache::Way::in, w)) {
      ++sa->drops_in;
      burst.drop(lane, Drop::child_spent);
      continue;
    }
    found.add(lane);
  }
  return found;
}

}  // namespace dp
