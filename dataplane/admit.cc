// Stage admit: load, cookies, retransmissions and limits; everything cheaper than opening a ticket.
//
// The upper half of the receive ring is kept for message 3: when the ring is more than half full,
// message 1 is shed before any work is put into it, and the client's own retransmission is the
// queue.
#include <algorithm>

#include "dataplane/stages.h"

namespace dp {
namespace {

constexpr unsigned kShedAbovePermille = 500;

// Lanes with a good cookie go on; the others are challenged (RFC 7296 §2.6). A wrong cookie counts
// as none.
LaneSet demand_cookies(Burst& burst, LaneSet in, ResumeTrip& trip, WorkerParts& w) {
  std::array<CookieJar::Request, kBurstMax> requests;
  std::array<unsigned, kBurstMax> lane_of;
  std::size_t count = 0;
  for (unsigned lane : in) {
    const ike::ResumeRequest& r = trip.request[lane];
    lane_of[count] = lane;
    requests[count++] = {.path = &burst.path[lane],
                         .exchange = ike::Exchange::ike_session_resume,
                         .spi_i = r.spi_i,
                         .nonce_i = r.nonce,
                         .cookie = r.cookie};
  }
  w.cookies.check({requests.data(), count});
  w.cookies.bake({requests.data(), count});
  LaneSet good;
  for (std::size_t i = 0; i < count; ++i) {
    const unsigned lane = lane_of[i];
    if (requests[i].good) {
      good.add(lane);
      continue;
    }
    trip.cookie[lane] = requests[i].fresh;
    trip.challenged.add(lane);
  }
  return good;
}

// A repeated message 1 (RFC 7296 §2.1) gets the kept message 2, octet for octet; after message 3 it
// is ignored. True when the lane was recognised.
bool recognise_repeat(Burst& burst, unsigned lane, ResumeTrip& trip, WorkerParts& w) {
  const std::uint32_t slot = w.requests.find(trip.request_hash[lane]);
  if (slot == kNoIndex) return false;
  if (w.sessions.state(slot) == SlotState::half_open) {
    HalfOpen& half = w.sessions.half_open(slot);
    if (half.request_hash != trip.request_hash[lane]) return false;
    // Same SPIi and Ni but other octets is another exchange, not a retransmission.
    if (!std::ranges::equal(trip.request[lane].message, half.real_message1())) return false;
    trip.half[lane] = &half;
    trip.repeated.add(lane);
    return true;
  }
  if ((w.sessions.state(slot) == SlotState::established ||
       w.sessions.state(slot) == SlotState::adopted) &&
      w.sessions.session(slot).request_hash == trip.request_hash[lane]) {
    burst.drop(lane, Drop::duplicate_request);
    return true;
  }
  return false;
}

}  // namespace

LaneSet admit(Burst& burst, LaneSet in, ResumeTrip& trip, WorkerParts& w) {
  if (in.empty()) return in;
  if (w.port.backlog_permille() > kShedAbovePermille) {
    for (unsigned lane : in) burst.drop(lane, Drop::shed_overload);
    return {};
  }
  if (w.cookies.demanded()) in = demand_cookies(burst, in, trip, w);
  for (unsigned lane : in) {
    trip.request_hash[lane] =
        w.requests.hash(burst.path[lane], trip.request[lane].spi_i, trip.request[lane].nonce);
    w.requests.prefetch(trip.request_hash[lane]);
  }
  LaneSet admitted;
  for (unsigned lane : in) {
    if (recognise_repeat(burst, lane, trip, w)) continue;
    if (w.sessions.half_open_count() >= w.config.admission.half_open_max) {
      burst.drop(lane, Drop::half_open_limit);
      continue;
    }
    admitted.add(lane);
  }
  return admitted;
}

}  // namespace dp
