// Random sequences of messages, time and orders: what must hold after each step is in
// plane_world.cc. tests/fuzz/machine.cc lets a fuzzer choose.
//
// RESURGE_SEEDS=FIRST:COUNT in the environment runs other seeds, or more of them.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "controlplane/machine.h"
#include "crypto/random.h"
#include "tests/controlplane/plane_world.h"

namespace cp {
namespace {

using Seed = unsigned long long;

constexpr std::size_t kOctetsMax = 160;

struct Seeds {
  Seed first = 0, count = 1 << 12;
};

Seeds seeds() {
  Seeds chosen;
  const char* text = std::getenv("RESURGE_SEEDS");
  if (text != nullptr && std::sscanf(text, "%llu:%llu", &chosen.first, &chosen.count) != 2)
    ADD_FAILURE() << "RESURGE_SEEDS is '" << text << "', expected FIRST:COUNT";
  return chosen;
}

TEST(MachineSequences, LeaveNothingBehindAndKeepTheBooks) {
  const auto [first, count] = seeds();
  PlaneWorld world;
  for (Seed seed = first; seed < first + count; ++seed) {
    // The last line before a CHECK says where to look.
    if ((seed - first) % 512 == 0)
      std::fprintf(stderr, "sequences of the seeds %llu to %llu\n", seed, seed + 511);
    crypto::Random random(seed);
    Octets octets(1 + random.below(kOctetsMax));
    random.fill(octets);
    // Every other time a client is connected already: begin, authenticate, nothing altered;
    if (seed % 2 == 0) octets.insert(octets.begin(), {0, octets[0], 1, 0, 0, 0});
    // ... or one with EAP on its way.
    if (seed % 4 == 1) octets.insert(octets.begin(), {24, octets[0], octets[1 % octets.size()]});
    world.run(octets);
  }
  // They did get somewhere.
  const PlaneCounters& counters = world.counters();
  EXPECT_GT(counters.handshakes, count / 4);
  EXPECT_GT(counters.adopted, count / 8);
  EXPECT_GT(counters.ike_rekeyed, 0u);
  EXPECT_GT(counters.children_rekeyed, 0u);
  EXPECT_GT(counters.rekeys_crossed, 0u);
  EXPECT_GT(counters.superseded, 0u);
  EXPECT_GT(counters.peers_dead, 0u);
  EXPECT_GT(counters.eap_started, count / 8);
  EXPECT_GT(world.eap_connected(), count / 64);
  const RadiusCounters& radius = world.radius_counters();
  EXPECT_GT(radius.challenges, count / 64);
  EXPECT_GT(radius.rejects, 0u);
  EXPECT_GT(radius.bad_answers, 0u);
  EXPECT_GT(radius.unexpected, 0u);
  EXPECT_GT(radius.timeouts, 0u);
}

}  // namespace
}  // namespace cp
