// ChildPlaces: promises, use, and when a place is free again.
#include "dataplane/child_places.h"

#include <gtest/gtest.h>

#include <set>

namespace dp {
namespace {

WorkerConfig config() {
  WorkerConfig c;
  c.worker_count = 2;
  c.sessions_max = 100;
  c.children_max = 4;
  return c;
}

TEST(ChildPlaces, NamesDistinctPlacesAboveTheSessions) {
  ChildPlaces places(config(), 1);
  crypto::Random random(1);
  const EspSpiCodec spis(config());
  std::set<std::uint32_t> seen;
  for (int i = 0; i < 4; ++i) {
    const auto where = spis.decode(places.take(random, 1000));
    EXPECT_EQ(where.worker, 1u);
    EXPECT_GE(where.place, 100u);
    seen.insert(where.place);
  }
  EXPECT_EQ(seen.size(), 4u);
  EXPECT_EQ(places.take(random, 1000).value(), 0u);
}

TEST(ChildPlaces, TakesBackPromisesThatWereNotKept) {
  ChildPlaces places(config(), 0);
  crypto::Random random(1);
  for (int i = 0; i < 4; ++i) EXPECT_NE(places.take(random, 1000).value(), 0u);
  EXPECT_EQ(places.take(random, 1000 + ChildPlaces::kPromiseMs - 1).value(), 0u);
  EXPECT_NE(places.take(random, 1000 + ChildPlaces::kPromiseMs).value(), 0u);
}

TEST(ChildPlaces, KeepsWhatIsInstalledUntilItIsRemoved) {
  ChildPlaces places(config(), 0);
  crypto::Random random(1);
  ike::EspSpi last;
  for (int i = 0; i < 4; ++i) places.installed(last = places.take(random, 1));
  EXPECT_EQ(places.used(), 4u);
  EXPECT_EQ(places.take(random, 1'000'000).value(), 0u);
  places.removed(last);
  places.removed(last);
  EXPECT_EQ(places.used(), 3u);
  EXPECT_NE(places.take(random, 1'000'000).value(), 0u);
}

TEST(ChildPlaces, IgnoresSpisOfSessionsAndOfOthers) {
  ChildPlaces places(config(), 0);
  const EspSpiCodec spis(config());
  places.installed(spis.encode(0, 5, 1));
  places.installed(spis.encode(1, 101, 1));
  places.removed(ike::EspSpi(7));
  EXPECT_EQ(places.used(), 0u);
}

}  // namespace
}  // namespace dp
