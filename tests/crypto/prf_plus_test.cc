// prf+ over lanes against prf+ written out by hand.
#include "crypto/prf_plus.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "crypto/random.h"
#include "tests/support/vectors.h"

namespace crypto {
namespace {

using support::Octets;

constexpr Prf kPrfs[] = {Prf::hmac_sha256, Prf::hmac_sha384, Prf::hmac_sha512};

// RFC 7296 §2.13: T1 = prf(K, S | 0x01), T2 = prf(K, T1 | S | 0x02), ...
Octets written_out(Engine& engine, Prf alg, const Octets& key, const Octets& seed,
                   std::size_t len) {
  Octets out;
  Octets previous;
  for (std::uint8_t round = 1; out.size() < len; ++round) {
    Octets message = previous;
    message.insert(message.end(), seed.begin(), seed.end());
    message.push_back(round);
    previous.resize(prf_len(alg));
    prf_once(engine, alg, key, message, previous.data());
    out.insert(out.end(), previous.begin(), previous.end());
  }
  out.resize(len);
  return out;
}

Octets draw(Random& random, std::size_t len) {
  Octets out(len);
  random.fill(out);
  return out;
}

struct Lane {
  Octets key, seed, out;
  PrfKey prepared;
  std::array<std::uint8_t, kPrfPlusWorkLen> work;
};

TEST(PrfPlus, LanesOfUnequalLengthGetTheirOwnStreams) {
  const auto engine = make_ossl_engine();
  Random random(11);
  for (const Prf alg : kPrfs) {
    for (const std::size_t count : {1u, 2u, 7u, 32u, 64u}) {
      std::vector<Lane> lanes(count);
      std::vector<PrfPlusLane> batch;
      for (Lane& lane : lanes) {
        lane.key = draw(random, prf_len(alg));
        lane.seed = draw(random, 1 + random.below(kPrfPlusSeedMax));
        lane.out.resize(random.below(300));
        std::ranges::copy(lane.seed, seed_of(lane.work.data()));
        const PrfKeyLane prepare{lane.key, &lane.prepared};
        engine->prepare(alg, {&prepare, 1});
        batch.push_back({&lane.prepared, lane.work.data(), lane.seed.size(), lane.out});
      }
      prf_plus(*engine, alg, batch);
      for (const Lane& lane : lanes)
        EXPECT_EQ(lane.out, written_out(*engine, alg, lane.key, lane.seed, lane.out.size()));
    }
  }
}

TEST(PrfPlus, OnceIsOneLane) {
  const auto engine = make_ossl_engine();
  Random random(12);
  for (const Prf alg : kPrfs) {
    for (const std::size_t len : {0u, 1u, 31u, 32u, 33u, 168u, 255u}) {
      const Octets key = draw(random, 20);
      const Octets seed = draw(random, 80);
      Octets out(len);
      prf_plus_once(*engine, alg, key, seed, out);
      EXPECT_EQ(out, written_out(*engine, alg, key, seed, len));
    }
  }
}

TEST(PrfPlus, GivesTheLongestOutputThatTheCounterAllows) {
  const auto engine = make_ossl_engine();
  const Octets key(32, 1);
  const Octets seed(16, 2);
  Octets out(kPrfPlusRoundsMax * prf_len(Prf::hmac_sha256));
  prf_plus_once(*engine, Prf::hmac_sha256, key, seed, out);
  EXPECT_EQ(out, written_out(*engine, Prf::hmac_sha256, key, seed, out.size()));
}

TEST(PrfPlusDeathTest, StopsBeforeTheCounterWraps) {
  const auto engine = make_ossl_engine();
  const Octets key(32, 1);
  Octets out(kPrfPlusRoundsMax * prf_len(Prf::hmac_sha256) + 1);
  EXPECT_DEATH(prf_plus_once(*engine, Prf::hmac_sha256, key, key, out), "longest");
}

}  // namespace
}  // namespace crypto
