// Rounds of the control plane: letters in bounded numbers, cookies by load.
#include "controlplane/control_plane.h"

#include <gtest/gtest.h>

#include "tests/controlplane/psk_test.h"

namespace cp {
namespace {

using ControlPlaneTest = PskTest;

TEST_F(ControlPlaneTest, ServesABoundedNumberOfLettersARound) {
  for (std::uint64_t i = 0; i < 100; ++i) {
    IkeClient other(100 + i);
    rig.deliver(other.sa_init(), path);
  }
  EXPECT_TRUE(rig.plane().serve(rig.now()));
  EXPECT_EQ(rig.counters().requests, 64u);
  EXPECT_FALSE(rig.plane().serve(rig.now()));
  EXPECT_EQ(rig.counters().requests, 100u);
}

TEST_F(ControlPlaneTest, DemandsCookiesWhileManySasAreHalfOpen) {
  PlaneRig loaded(kPskForAll, "[admission]\ncookie_on_half_opens = 3\ncookie_hold = '5s'\n");
  for (std::uint64_t i = 0; i < 3; ++i) {
    EXPECT_FALSE(loaded.workers().sa_init_cookies);
    IkeClient other(100 + i);
    loaded.exchange(other.sa_init(), path);
  }
  EXPECT_TRUE(loaded.workers().sa_init_cookies);
  loaded.pass_ms(10'001);  // the half-open SAs have gone
  loaded.serve();
  EXPECT_EQ(loaded.sas().size(), 0u);
  loaded.pass_ms(5'001);
  loaded.serve();
  EXPECT_FALSE(loaded.workers().sa_init_cookies);
}

TEST_F(ControlPlaneTest, TakesNoMoreHalfOpenSasThanConfigured) {
  PlaneRig small(kPskForAll, "[admission]\nhalf_open_max = 2\n");
  for (std::uint64_t i = 0; i < 5; ++i) {
    IkeClient other(100 + i);
    small.exchange(other.sa_init(), path);
  }
  EXPECT_EQ(small.sas().size(), 2u);
  EXPECT_EQ(small.counters().half_open_limit, 3u);
}

TEST_F(ControlPlaneTest, TakesNoMoreSasThanConfigured) {
  PlaneRig small(kPskForAll, "[sessions]\nmax = 64\n");
  for (std::uint64_t i = 0; i < 66; ++i) {
    IkeClient other(100 + i);
    small.exchange(other.sa_init(), path);
  }
  EXPECT_EQ(small.sas().size(), 64u);
  EXPECT_EQ(small.counters().sas_limit, 2u);
}

}  // namespace
}  // namespace cp
