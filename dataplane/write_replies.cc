// Stage write_replies: message 2, TICKET_NACK and COOKIE challenges go into the frames of their
// requests.
#include "dataplane/stages.h"

namespace dp {
namespace {

// The IKE message stands in the frame; make the frame around it. `why` is counted with the answer.
void send(Burst& burst, unsigned lane, std::size_t len, Drop why, WorkerParts& w,
          Counter& counter) {
  if (len == 0 || !turn_into_reply(burst, lane, len, w.link, w.port.can_offload_checksums())) {
    burst.drop(lane, Drop::reply_too_large);
    return;
  }
  burst.reply(lane, why);
  counter.add();
}

void send_message2(Burst& burst, unsigned lane, const HalfOpen& half, WorkerParts& w,
                   Counter& counter) {
  const crypto::Bytes message = half.real_message2();
  const crypto::MutBytes room = burst.reply_room(lane);
  std::size_t len = 0;
  if (message.size() <= room.size()) {
    std::memcpy(room.data(), message.data(), message.size());
    len = message.size();
  }
  send(burst, lane, len, Drop::none, w, counter);
}

}  // namespace

void write_replies(Burst& burst, LaneSet opened, ResumeTrip& trip, WorkerParts& w) {
  for (unsigned lane : opened)
    send_message2(burst, lane, *trip.half[lane], w, w.counters.half_opens_opened);
  for (unsigned lane : trip.repeated)
    send_message2(burst, lane, *trip.half[lane], w, w.counters.retransmitted_m2);
  for (unsigned lane : trip.refused) {
    if (!w.sources.may_answer(burst.path[lane], w.now)) {
      burst.drop(lane, Drop::answer_limit);
      continue;
    }
    const std::size_t len =
        ike::write_ticket_nack(trip.request[lane].spi_i, burst.reply_room(lane));
    send(burst, lane, len, burst.reason[lane], w, w.counters.nacks);
  }
  for (unsigned lane : trip.challenged) {
    const std::size_t len =
        ike::write_cookie_challenge(trip.request[lane].spi_i, ike::Exchange::ike_session_resume,
                                    trip.cookie[lane], burst.reply_room(lane));
    send(burst, lane, len, Drop::cookie_required, w, w.counters.cookies_sent);
  }
  trip.refused = trip.repeated = trip.challenged = LaneSet();
}

}  // namespace dp
