// Stage open_auth: opens SK{} of message 3 in bulk, puts IKE fragments together, reads what is
// inside.
#include "dataplane/by_algorithm.h"
#include "dataplane/stages.h"
#include "ike/key_schedule.h"

namespace dp {
namespace {

const ike::Suite& suite_of(const AuthTrip& trip, unsigned lane) {
  return trip.half[lane]->ticket.suite;
}
ike::IkeKeys keys_of(const AuthTrip& trip, unsigned lane) {
  return ike::split_ike_keymat(suite_of(trip, lane), trip.half[lane]->keymat);
}

// Where SK stands; lanes without a usable one leave and the half-open session stays (RFC 7296
// §2.3).
LaneSet locate(Burst& burst, LaneSet in, AuthTrip& trip, WorkerParts& w) {
  LaneSet located;
  for (unsigned lane : in) {
    ike::SkView& sk = trip.sk[lane];
    if (ike::find_sk(burst.message[lane], burst.header[lane], suite_of(trip, lane), sk) !=
        ike::ParseError::none) {
      burst.drop(lane, Drop::sk_malformed);
      continue;
    }
    // RFC 7383 §2.3: fragments only where both sides said so.
    if (sk.fragment && !trip.half[lane]->fragmentation) {
      burst.drop(lane, Drop::fragment_limit);
      continue;
    }
    trip.plaintext[lane] = w.scratch.take(sk.ciphertext.size());
    located.add(lane);
  }
  return located;
}

void open_batch(crypto::Aead aead, LaneSet same, AuthTrip& trip, WorkerParts& w, LaneSet& good) {
  std::array<crypto::AeadLane, kBurstMax> lanes;
  std::array<std::array<std::uint8_t, crypto::kAeadNonceLen>, kBurstMax> nonces;
  std::size_t count = 0;
  for (unsigned lane : same) {
    lanes[count] = ike::open_lane(trip.sk[lane], keys_of(trip, lane).sk_ei, nonces[count].data(),
                                  trip.plaintext[lane]);
    ++count;
  }
  w.engine.open(aead, {lanes.data(), count});
  count = 0;
  for (unsigned lane : same)
    if (lanes[count++].ok) good.add(lane);
}

// The lanes whose ICV is right. Bad ones are silent (RFC 7296 §2.21.2: attacker noise).
LaneSet decrypt(Burst& burst, LaneSet in, AuthTrip& trip, WorkerParts& w) {
  LaneSet good;
  const LaneSet cbc = for_each_aead(
      in, [&](unsigned lane) -> const ike::Suite& { return suite_of(trip, lane); },
      [&](crypto::Aead aead, LaneSet same) { open_batch(aead, same, trip, w, good); });
  for (unsigned lane : cbc) {
    const ike::IkeKeys keys = keys_of(trip, lane);
    if (ike::open_sk(w.engine, suite_of(trip, lane), keys.sk_ei, keys.sk_ai, trip.sk[lane],
                     trip.plaintext[lane]))
      good.add(lane);
  }
  for (unsigned lane : in - good) burst.drop(lane, Drop::sk_bad_icv);
  return good;
}

// True when `inner` is the whole inner chain; false when the lane has left.
bool complete(Burst& burst, unsigned lane, AuthTrip& trip, WorkerParts& w, crypto::Bytes& inner) {
  if (ike::strip_padding({trip.plaintext[lane], trip.sk[lane].ciphertext.size()}, inner) !=
      ike::ParseError::none) {
    fail(burst, lane, Drop::auth_malformed, ike::Notify::invalid_syntax, trip);
    return false;
  }
  if (!trip.sk[lane].fragment) return true;
  const Fragments::Added added = w.fragments.add(*trip.half[lane], trip.sk[lane], inner);
  if (added != Fragments::Added::complete) {
    burst.drop(lane,
               added == Fragments::Added::waiting ? Drop::fragment_waiting : Drop::fragment_limit);
    return false;
  }
  std::uint8_t* whole = w.scratch.take(w.fragments.total_len(*trip.half[lane]));
  inner = w.fragments.join(*trip.half[lane], whole, trip.sk[lane].first_inner);
  return true;
}

}  // namespace

LaneSet open_auth(Burst& burst, LaneSet in, AuthTrip& trip, WorkerParts& w) {
  LaneSet opened;
  for (unsigned lane : decrypt(burst, locate(burst, in, trip, w), trip, w)) {
    crypto::Bytes inner;
    if (!complete(burst, lane, trip, w, inner)) continue;
    const ike::ParseError error = ike::parse_auth_request(trip.sk[lane].first_inner, inner,
                                                          trip.request[lane], trip.offending[lane]);
    if (error == ike::ParseError::critical_unknown) {
      // RFC 7296 §2.5: the notify is the only thing sent and the SA is not created.
      fail(burst, lane, Drop::auth_malformed, ike::Notify::unsupported_critical_payload, trip);
    } else if (error != ike::ParseError::none) {
      fail(burst, lane, Drop::auth_malformed, ike::Notify::invalid_syntax, trip);
    } else {
      opened.add(lane);
    }
  }
  return opened;
}

}  // namespace dp
