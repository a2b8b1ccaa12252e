// Protected error answers to message 3, and the end of their half-open sessions (RFC 7296 §2.21.2).
//
// The old SA and the ticket stay untouched: nothing was proven.
#include "dataplane/seal_batch.h"
#include "dataplane/stages.h"
#include "ike/key_schedule.h"

namespace dp {
namespace {

ike::Header answer_header(const ike::Header& request) {
  return {.spi_i = request.spi_i,
          .spi_r = request.spi_r,
          .exchange = request.exchange,
          .flags = ike::kFlagResponse,
          .message_id = request.message_id};
}

}  // namespace

void seal_failures(Burst& burst, AuthTrip& trip, WorkerParts& w) {
  SealBatch batch;
  for (unsigned lane : trip.failed) {
    HalfOpen& half = *trip.half[lane];
    const ike::Suite& suite = half.ticket.suite;
    ike::SkBuilder builder(burst.reply_room(lane), answer_header(burst.header[lane]), suite);
    const auto offending = static_cast<std::uint8_t>(trip.offending[lane]);
    const bool names_payload = trip.error[lane] == ike::Notify::unsupported_critical_payload;
    builder.chain().notify(trip.error[lane],
                           names_payload ? crypto::Bytes(&offending, 1) : crypto::Bytes());
    // The only message ever sealed with this SK_er, so any IV is fresh; CBC wants an unpredictable
    // one.
    std::array<std::uint8_t, 16> iv;
    w.random.fill(iv);
    const std::size_t len = builder.finish(crypto::Bytes(iv).first(ike::iv_len(suite)));
    if (len == 0) {
      burst.drop(lane, Drop::reply_too_large);
      continue;
    }
    const ike::IkeKeys keys = ike::split_ike_keymat(suite, half.keymat);
    batch.add(lane, burst.reply_room(lane).first(len), {suite, keys.sk_er, keys.sk_ar});
  }
  batch.seal(w.engine);
  for (unsigned lane : batch.lanes()) {
    const Drop why = burst.reason[lane];
    if (turn_into_reply(burst, lane, batch.message(lane).size(), w.link,
                        w.port.can_offload_checksums()))
      burst.reply(lane, why);
    else
      burst.drop(lane, Drop::reply_too_large);
    w.counters.auth_failures.add();
  }
  for (unsigned lane : trip.failed) end_half(*trip.half[lane], w);
  trip.failed = LaneSet();
}

}  // namespace dp
