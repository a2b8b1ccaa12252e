// Random sequences of messages, time and orders: what must hold after each step is in
// plane_world.cc. tests/fuzz/machine.cc lets a fuzzer choose.
#include <gtest/gtest.h>

#include <cstdio>

#include "controlplane/machine.h"
#include "crypto/random.h"
#include "tests/controlplane/plane_world.h"

namespace cp {
namespace {

constexpr std::uint64_t kSequences = 1 << 12;
constexpr std::size_t kOctetsMax = 160;

TEST(MachineSequences, LeaveNothingBehindAndKeepTheBooks) {
  PlaneWorld world;
  for (std::uint64_t seed = 0; seed < kSequences; ++seed) {
    // The last line before a CHECK says where to look.
    if (seed % 512 == 0)
      std::fprintf(stderr, "sequences of the seeds %llu to %llu\n",
                   static_cast<unsigned long long>(seed),
                   static_cast<unsigned long long>(seed + 511));
    crypto::Random random(seed);
    Octets octets(1 + random.below(kOctetsMax));
    random.fill(octets);
    // Every other time a client is connected already: begin, authenticate, nothing altered.
    if (seed % 2 == 0) octets.insert(octets.begin(), {0, octets[0], 1, 0, 0, 0});
    world.run(octets);
  }
  // They did get somewhere.
  const PlaneCounters& counters = world.counters();
  EXPECT_GT(counters.handshakes, kSequences / 4);
  EXPECT_GT(counters.adopted, kSequences / 8);
  EXPECT_GT(counters.ike_rekeyed, 0u);
  EXPECT_GT(counters.children_rekeyed, 0u);
  EXPECT_GT(counters.superseded, 0u);
  EXPECT_GT(counters.peers_dead, 0u);
}

}  // namespace
}  // namespace cp
