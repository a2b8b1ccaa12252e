// upkeep: half-open sessions time out, sessions end with their lifetime, gauges follow.
#include <gtest/gtest.h>

#include "tests/support/gateway_probe.h"

namespace dp {
namespace {

using rig::GatewayProbe;
using rig::Octets;
using rig::Resumed;
using rig::ScalarClient;

// R5723-136: to the millisecond; message 3 is silent afterwards, and all that counted is given
// back.
TEST(Upkeep, HalfOpensTimeOut) {
  GatewayProbe probe({.configure = [](WorkerConfig& c) {
    c.admission.half_open_timeout_ms = 5000;
    c.admission.half_open_per_prefix = 2;
  }});
  const rig::Keepsake kept = probe.keepsake();
  for (unsigned round = 0; round < 5; ++round) {
    ScalarClient first = probe.client_of(kept);
    ScalarClient second = probe.client_of(kept);
    ASSERT_TRUE(probe.open(first)) << round;
    ASSERT_TRUE(probe.open(second)) << round;
    probe.pass(5000);
    EXPECT_EQ(probe.half_opens(), 2u);
    probe.pass(1);
    EXPECT_EQ(probe.half_opens(), 0u);
    EXPECT_EQ(probe.gateway.drops(Drop::half_open_expired), 2 * (round + 1));
    EXPECT_EQ(probe.send(first.message3()).drop(), Drop::spi_unknown);
  }
  EXPECT_EQ(probe.complaint(), "");
}

// The gauge returns to 0 after silence, whatever stood there (more than one call's share).
TEST(Upkeep, AFullTableEmptiesItself) {
  GatewayProbe probe;
  std::vector<Octets> messages;
  for (unsigned i = 0; i < 1000; ++i) messages.push_back(probe.client().begin());
  probe.send_all(messages);
  EXPECT_EQ(probe.half_opens(), 1000u);
  probe.pass(10001);
  EXPECT_EQ(probe.half_opens(), 0u);
  EXPECT_EQ(probe.complaint(), "");
}

// A message 3 that failed or succeeded in time is not counted as expired.
TEST(Upkeep, OnlyWhatWaitsExpires) {
  GatewayProbe probe;
  ASSERT_EQ(probe.resume().complaint, "");
  ScalarClient failing = probe.client();
  ASSERT_TRUE(probe.open(failing));
  rig::RawChain inner = failing.plain_inner3();
  inner[2].body[10] ^= 1;
  probe.send(failing.seal(inner));
  probe.pass(20000);
  EXPECT_EQ(probe.gateway.drops(Drop::half_open_expired), 0u);
  EXPECT_EQ(probe.sessions(), 1u);
}

// RFC 5723 §6.2: a session whose ticket is over ends, its address is free again.
TEST(Upkeep, SessionsEndWithTheirLifetime) {
  GatewayProbe probe(
      {.sessions_max = 64, .configure = [](WorkerConfig& c) { c.tickets.lifetime_s = 100; }});
  Resumed live = probe.resume();
  ASSERT_EQ(live.complaint, "");
  const auto sweep = [&](std::uint64_t ms) {
    probe.pass(ms);
    for (unsigned i = 0; i < 64; ++i) probe.gateway.run();
  };
  sweep(100'000);
  EXPECT_EQ(probe.sessions(), 1u);
  EXPECT_EQ(probe.gateway.shared().leases.held4(), 1u);
  sweep(1);
  EXPECT_EQ(probe.sessions(), 0u);
  EXPECT_EQ(probe.gateway.shared().leases.held4(), 0u);
  EXPECT_EQ(
      probe.send(live.client.seal({}, {.exchange = ike::Exchange::informational, .message_id = 2}))
          .drop(),
      Drop::spi_unknown);
  EXPECT_EQ(probe.complaint(), "");
}

// Close requests of other workers: unknown, stale and half-open SPIs are harmless.
TEST(Upkeep, CloseRequestsEndOnlyEstablishedSessions) {
  GatewayProbe probe;
  Resumed live = probe.resume();
  ASSERT_EQ(live.complaint, "");
  ScalarClient half = probe.client();
  ASSERT_TRUE(probe.open(half));
  CloseBox& box = probe.gateway.shared().close_boxes[0];
  for (const std::uint64_t spi : {half.spi_r, live.client.spi_i, std::uint64_t{1}})
    box.post(ike::IkeSpi(spi));
  probe.pass(1);
  EXPECT_EQ(probe.sessions(), 1u);
  EXPECT_EQ(probe.finish(std::move(half)).complaint, "");
  box.post(ike::IkeSpi(live.client.spi_r));
  box.post(ike::IkeSpi(live.client.spi_r));
  probe.pass(1);
  EXPECT_EQ(probe.sessions(), 1u);
  EXPECT_EQ(probe.gateway.shared().leases.held4(), 1u);
  // More than the box holds: the oldest are lost, nothing else.
  for (unsigned i = 0; i < 1000; ++i) box.post(ike::IkeSpi(2 * i + 1));
  probe.pass(1);
  for (unsigned i = 0; i < 1000; ++i) probe.gateway.run();
  EXPECT_EQ(probe.complaint(), "");
}

}  // namespace
}  // namespace dp
