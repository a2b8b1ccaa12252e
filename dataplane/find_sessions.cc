// Stage find_sessions: SPIr -> owner and slot by arithmetic; what is not ours goes to its owner.
//
// A packet is sorted by the state of its session and its Message ID before any cryptography.
// Nothing of the session changes here (RFC 7296 §2.3: a forged packet must not move a window).
#include "dataplane/stages.h"

namespace dp {
namespace {

// Sessions that this pass has a lane for, as a small set of slot numbers: a false "yes" only puts a
// lane off to the next pass.
class SlotMarks {
 public:
  bool first(std::uint32_t slot) {
    std::uint64_t& word = words_[(slot >> 6) % words_.size()];
    const std::uint64_t bit = std::uint64_t{1} << (slot & 63);
    if ((word & bit) != 0) return false;
    word |= bit;
    return true;
  }

 private:
  std::array<std::uint64_t, 16> words_{};
};

Drop sort_half_open(const ike::Header& header, const HalfOpen& half) {
  if (header.spi_i != half.spi_i) return Drop::spi_unknown;
  // Nothing but IKE_AUTH is legal on a half-open session (RFC 7296 §1.2).
  if (header.exchange != ike::Exchange::ike_auth) return Drop::exchange_unexpected;
  return header.message_id.value() == 1 ? Drop::none : Drop::message_id_unexpected;
}

void sort_established(Burst& burst, unsigned lane, const Session& session, SessionLanes& out) {
  const ike::Header& header = burst.header[lane];
  const std::uint32_t id = header.message_id.value();
  if (header.spi_i != session.spi_i) return burst.drop(lane, Drop::spi_unknown);
  if (id + 1 == session.next_message_id) return out.repeated.add(lane);
  // RFC 7296 §2.3: the window is 1, anything else is neither executed nor answered.
  if (id != session.next_message_id) return burst.drop(lane, Drop::message_id_unexpected);
  if (header.exchange == ike::Exchange::informational) return out.dpd.add(lane);
  burst.drop(lane, Drop::ike_other_exchange);
}

}  // namespace

SessionLanes find_sessions(Burst& burst, LaneSet in, AuthTrip& trip, WorkerParts& w) {
  SessionLanes out;
  PerLane<unsigned> lane_of;
  PerLane<ike::IkeSpi> spis;
  std::size_t count = 0;
  for (unsigned lane : in) {
    if (burst.message[lane].size() > ike::kMessageLenMax) {
      burst.drop(lane, Drop::ike_bad_length);
      continue;
    }
    lane_of[count] = lane;
    spis[count++] = burst.header[lane].spi_r;
  }
  PerLane<SpiParts> decoded;
  w.codec.decode(std::span(spis).first(count), decoded);
  PerLane<SpiParts> parts;
  LaneSet ours;
  for (std::size_t i = 0; i < count; ++i) {
    const unsigned lane = lane_of[i];
    parts[lane] = decoded[i];
    if (parts[lane].owner != w.index) {
      if (parts[lane].owner < w.config.worker_count)
        hand_over(burst, lane, parts[lane].owner, w);
      else
        burst.drop(lane, Drop::spi_unknown);
      continue;
    }
    w.sessions.prefetch(parts[lane]);
    ours.add(lane);
  }
  SlotMarks marks;
  for (unsigned lane : ours) {
    const SessionTable::Found found = w.sessions.find(parts[lane]);
    if (found.state == SlotState::free) {
      burst.drop(lane, Drop::spi_unknown);
      continue;
    }
    if (!marks.first(found.slot)) {
      out.later.add(lane);
      continue;
    }
    if (found.state == SlotState::established) {
      sort_established(burst, lane, w.sessions.session(found.slot), out);
      continue;
    }
    trip.half[lane] = &w.sessions.half_open(found.slot);
    if (const Drop why = sort_half_open(burst.header[lane], *trip.half[lane]); why != Drop::none)
      burst.drop(lane, why);
    else
      out.auth.add(lane);
  }
  return out;
}

}  // namespace dp
