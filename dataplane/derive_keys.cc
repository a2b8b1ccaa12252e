// Stage derive_keys: SKEYSEED and SK_* of the resumed SAs (RFC 5723 §5.1), all lanes in batches.
//
//   SKEYSEED = prf(SK_d_old, "Resumption" | Ni | Nr)
//   SK_d | SK_ai | SK_ar | SK_ei | SK_er | SK_pi | SK_pr = prf+(SKEYSEED, Ni | Nr | SPIi | SPIr)
#include "crypto/prf_plus.h"
#include "dataplane/by_algorithm.h"
#include "dataplane/stages.h"
#include "ike/key_schedule.h"

namespace dp {
namespace {

void derive(crypto::Prf prf, LaneSet in, AuthTrip& trip, WorkerParts& w) {
  const std::size_t count = in.size();
  auto* keys = w.scratch.take_array<crypto::PrfKey>(count);
  std::array<crypto::PrfKeyLane, kBurstMax> key_lanes;
  std::array<crypto::MacLane, kBurstMax> mac_lanes;
  std::array<crypto::PrfPlusLane, kBurstMax> plus_lanes;

  std::size_t i = 0;
  for (unsigned lane : in) {
    HalfOpen& half = *trip.half[lane];
    std::uint8_t* seed = w.scratch.take(10 + half.nonce_i_len + ike::kNonceLen);
    const std::size_t len = ike::write_resume_seed(half.nonce_i(), half.nonce_r, seed);
    key_lanes[i] = {half.ticket.sk_d, &keys[i]};
    mac_lanes[i] = {&keys[i], {seed, len}, w.scratch.take(crypto::kPrfLenMax)};
    ++i;
  }
  w.engine.prepare(prf, {key_lanes.data(), count});
  w.engine.mac(prf, {mac_lanes.data(), count});

  i = 0;
  for (unsigned lane : in) {
    HalfOpen& half = *trip.half[lane];
    std::uint8_t* work =
        w.scratch.take(crypto::kPrfLenMax + half.nonce_i_len + ike::kNonceLen + 16 + 1);
    const std::size_t len = ike::write_keymat_seed(half.nonce_i(), half.nonce_r, half.spi_i,
                                                   half.spi_r, crypto::seed_of(work));
    key_lanes[i] = {{mac_lanes[i].out, crypto::prf_len(prf)}, &keys[i]};
    plus_lanes[i] = {&keys[i], work, len,
                     crypto::MutBytes(half.keymat).first(ike::ike_keymat_len(half.ticket.suite))};
    half.keys_derived = true;
    ++i;
  }
  w.engine.prepare(prf, {key_lanes.data(), count});
  crypto::prf_plus(w.engine, prf, {plus_lanes.data(), count});
}

}  // namespace

LaneSet derive_keys(LaneSet in, AuthTrip& trip, WorkerParts& w) {
  LaneSet missing;
  for (unsigned lane : in)
    if (!trip.half[lane]->keys_derived) missing.add(lane);
  for_each_prf(
      missing, [&](unsigned lane) -> const ike::Suite& { return trip.half[lane]->ticket.suite; },
      [&](crypto::Prf prf, LaneSet same) { derive(prf, same, trip, w); });
  return in;
}

}  // namespace dp
