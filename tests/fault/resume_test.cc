// Whole resumptions through the worker: clients of the load generator against the data plane.
#include <gtest/gtest.h>

#include "ike/proposal.h"
#include "tests/support/gateway_rig.h"
#include "tests/support/storm_rig.h"

namespace {

TEST(Resume, EveryClientOfOneSuiteComesBack) {
  rig::GatewayRig gateway({});
  const auto bag = gateway.mint({.clients = 500});
  rig::StormRig storm(gateway, bag, {});
  storm.run_to_end();
  EXPECT_EQ(storm.totals().resumed(), 500u) << storm.describe();
  EXPECT_EQ(storm.totals().address_kept.get(), 500u);
  EXPECT_EQ(storm.totals().tickets.get(), 500u);
  EXPECT_EQ(gateway.sum(&dp::WorkerCounters::resumptions), 500u);
  EXPECT_TRUE(gateway.conserved());
}

}  // namespace
