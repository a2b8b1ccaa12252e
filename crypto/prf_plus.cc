// prf+ over lanes: round n of every lane that needs it is one batch of HMACs.
#include "crypto/prf_plus.h"

#include <algorithm>
#include <array>

#include "crypto/base/error.h"
#include "crypto/base/secret.h"

namespace crypto {

void prf_plus(Engine& engine, Prf alg, std::span<const PrfPlusLane> lanes) {
  CHECK(lanes.size() <= kPrfPlusLanesMax);
  const std::size_t step = prf_len(alg);
  std::size_t longest = 0;
  for (const PrfPlusLane& lane : lanes) longest = std::max(longest, lane.out.size());
  CHECK(longest <= kPrfPlusRoundsMax * step);

  // T(n-1) is written straight in front of S, so that every message is one span.
  std::array<MacLane, kPrfPlusLanesMax> macs;
  for (std::size_t done = 0; done < longest; done += step) {
    const auto round = static_cast<std::uint8_t>(done / step + 1);
    std::size_t active = 0;
    for (const PrfPlusLane& lane : lanes) {
      if (lane.out.size() <= done) continue;
      std::uint8_t* seed = seed_of(lane.work);
      std::uint8_t* previous = seed - step;
      seed[lane.seed_len] = round;
      macs[active++] = round == 1
                           ? MacLane{lane.key, {seed, lane.seed_len + 1}, previous}
                           : MacLane{lane.key, {previous, step + lane.seed_len + 1}, previous};
    }
    engine.mac(alg, std::span(macs).first(active));
    for (const PrfPlusLane& lane : lanes) {
      if (lane.out.size() <= done) continue;
      const std::size_t len = std::min(step, lane.out.size() - done);
      std::memcpy(lane.out.data() + done, seed_of(lane.work) - step, len);
    }
  }
}

void prf_once(Engine& engine, Prf alg, Bytes key, Bytes message, std::uint8_t* out) {
  PrfKey prepared;
  const PrfKeyLane key_lane{key, &prepared};
  engine.prepare(alg, {&key_lane, 1});
  const MacLane mac_lane{&prepared, message, out};
  engine.mac(alg, {&mac_lane, 1});
}

void prf_plus_once(Engine& engine, Prf alg, Bytes key, Bytes seed, MutBytes out) {
  CHECK(seed.size() <= kPrfPlusOnceSeedMax);
  PrfKey prepared;
  const PrfKeyLane key_lane{key, &prepared};
  engine.prepare(alg, {&key_lane, 1});
  Secret<kPrfLenMax + kPrfPlusOnceSeedMax + 1> work;
  if (!seed.empty()) std::memcpy(seed_of(work.fill().data()), seed.data(), seed.size());
  const PrfPlusLane lane{&prepared, work.fill().data(), seed.size(), out};
  prf_plus(engine, alg, {&lane, 1});
}

}  // namespace crypto
