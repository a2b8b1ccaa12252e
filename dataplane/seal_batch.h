// SealBatch: the SK messages that one stage builds, sealed together.
#pragma once

#include <array>

#include "dataplane/by_algorithm.h"
#include "dataplane/lanes.h"
#include "ike/sk_payload.h"

namespace dp {

// Message keys of the responder's direction.
struct SealKeys {
  ike::Suite suite;
  crypto::Bytes sk_er;
  crypto::Bytes sk_ar;  // empty for AEAD
};

class SealBatch {
 public:
  // `message` was finished by ike::SkBuilder and stays where it is.
  void add(unsigned lane, crypto::MutBytes message, const SealKeys& keys) {
    lanes_.add(lane);
    messages_[lane] = message;
    keys_[lane] = keys;
  }
  LaneSet lanes() const { return lanes_; }
  crypto::MutBytes message(unsigned lane) const { return messages_[lane]; }

  void seal(crypto::Engine& engine) {
    const LaneSet cbc = for_each_aead(
        lanes_, [&](unsigned lane) -> const ike::Suite& { return keys_[lane].suite; },
        [&](crypto::Aead aead, LaneSet same) { seal_aead(engine, aead, same); });
    for (unsigned lane : cbc)
      ike::seal_sk(engine, keys_[lane].suite, keys_[lane].sk_er, keys_[lane].sk_ar,
                   messages_[lane]);
  }

 private:
  void seal_aead(crypto::Engine& engine, crypto::Aead aead, LaneSet same) {
    std::array<crypto::AeadLane, kBurstMax> lanes;
    std::array<std::array<std::uint8_t, crypto::kAeadNonceLen>, kBurstMax> nonces;
    std::size_t count = 0;
    for (unsigned lane : same) {
      lanes[count] = ike::seal_lane(messages_[lane], keys_[lane].sk_er, nonces[count].data());
      ++count;
    }
    engine.seal(aead, {lanes.data(), count});
  }

  LaneSet lanes_;
  std::array<crypto::MutBytes, kBurstMax> messages_;
  std::array<SealKeys, kBurstMax> keys_;
};

}  // namespace dp
