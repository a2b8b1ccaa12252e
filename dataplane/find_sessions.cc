// Stage find_sessions: our SPI -> owner and slot by arithmetic; what is not ours goes to its owner.
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
  // Both begin an IKE SA and are never protected.
  if (header.exchange == ike::Exchange::ike_sa_init ||
      header.exchange == ike::Exchange::ike_session_resume)
    return burst.drop(lane, Drop::exchange_unexpected);
  out.next.add(lane);
}

// The SPI of a message that is ours. The I flag tells who began the IKE SA: its client, or the
// gateway, when it rekeyed (RFC 7296 §3.1).
ike::IkeSpi our_spi(const ike::Header& header) {
  return header.from_initiator() ? header.spi_r : header.spi_i;
}

// A response that nobody waits for is never answered.
void add_unknown(Burst& burst, unsigned lane, SessionLanes& out) {
  if (burst.header[lane].is_response()) return burst.drop(lane, Drop::ike_response);
  out.unknown.add(lane);
}

// Messages of SAs that a worker has, sorted by owner; those of this worker come back.
LaneSet sort_owners(Burst& burst, LaneSet in, PerLane<SpiParts>& parts, SessionLanes& out,
                    WorkerParts& w) {
  PerLane<unsigned> lane_of;
  PerLane<ike::IkeSpi> spis;
  std::size_t count = 0;
  for (unsigned lane : in) {
    lane_of[count] = lane;
    spis[count++] = our_spi(burst.header[lane]);
  }
  PerLane<SpiParts> decoded;
  w.codec.decode(std::span(spis).first(count), decoded);
  LaneSet ours;
  for (std::size_t i = 0; i < count; ++i) {
    const unsigned lane = lane_of[i];
    parts[lane] = decoded[i];
    if (parts[lane].owner == w.index) {
      w.sessions.prefetch(parts[lane]);
      ours.add(lane);
    } else if (parts[lane].owner < w.config.worker_count) {
      hand_over(burst, lane, parts[lane].owner, w);
    } else if (is_control_spi(parts[lane])) {
      out.control.add(lane);
    } else {
      add_unknown(burst, lane, out);
    }
  }
  return ours;
}

}  // namespace

SessionLanes find_sessions(Burst& burst, LaneSet in, AuthTrip& trip, WorkerParts& w) {
  SessionLanes out;
  PerLane<SpiParts> parts;
  SlotMarks marks;
  for (unsigned lane : sort_owners(burst, in, parts, out, w)) {
    const SessionTable::Found found = w.sessions.find(parts[lane]);
    // The peer of a session of ours began its IKE SA.
    const ike::Header& header = burst.header[lane];
    if (found.state == SlotState::free || !header.from_initiator()) {
      add_unknown(burst, lane, out);
      continue;
    }
    if (found.state == SlotState::adopted) {
      if (w.esp.live(found.slot) && w.esp.at(found.slot).outlives_session) {
        add_unknown(burst, lane, out);  // released: only its Child SA is left
        continue;
      }
      if (w.sessions.session(found.slot).spi_i == header.spi_i)
        out.control.add(lane);
      else
        burst.drop(lane, Drop::spi_unknown);
      continue;
    }
    if (header.is_response()) {
      burst.drop(lane, Drop::ike_response);  // we asked nothing
      continue;
    }
    if (burst.message[lane].size() > ike::kMessageLenMax) {
      burst.drop(lane, Drop::ike_bad_length);
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
    if (const Drop why = sort_half_open(header, *trip.half[lane]); why != Drop::none)
      burst.drop(lane, why);
    else
      out.auth.add(lane);
  }
  return out;
}

}  // namespace dp
