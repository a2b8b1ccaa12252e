// Storms over a bad network and through narrow places: every client comes back, exactly once, and
// nothing is left behind. The same seed gives the same run; a failing seed stands in the message.
#include <gtest/gtest.h>

#include "ike/proposal.h"
#include "tests/support/gateway_rig.h"
#include "tests/support/storm_rig.h"

namespace {

using dp::Drop;
using dp::WorkerCounters;
using rig::GatewayRig;
using rig::StormOptions;
using rig::StormRig;

// After a storm: frames conserved, no half-open session once they have timed out, an address and a
// session for each that came back.
void expect_sound(GatewayRig& gateway, std::uint64_t sessions) {
  EXPECT_TRUE(gateway.conserved());
  gateway.run();
  EXPECT_EQ(gateway.sum(&WorkerCounters::sessions), sessions);
  EXPECT_EQ(gateway.shared().leases.held4(), sessions);
  gateway.now.ms += gateway.shared().config.admission.half_open_timeout_ms + 1;
  for (unsigned i = 0; i < 400; ++i) gateway.run();
  EXPECT_EQ(gateway.sum(&WorkerCounters::half_opens), 0u);
}

void expect_all_resumed(GatewayRig& gateway, const StormRig& storm, std::uint64_t clients) {
  EXPECT_EQ(storm.totals().resumed(), clients) << storm.describe();
  EXPECT_EQ(storm.totals().wrong_icv.get(), 0u);
  EXPECT_EQ(storm.totals().unreadable.get(), 0u);
  EXPECT_EQ(gateway.sum(&WorkerCounters::resumptions), clients);
  expect_sound(gateway, clients);
}

StormOptions patient(std::uint64_t seed) {
  StormOptions options;
  options.seed = seed;
  options.step_ms = 5;
  options.limit_ms = 300'000;
  options.initiator.retry.tries = 12;
  options.initiator.retry.factor = 1.3;
  options.initiator.retry.restarts = 3;
  return options;
}

// R5723-169: loss, duplicates and reordering, with one worker and with two.
TEST(Storm, SurvivesABadNetwork) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    for (const unsigned workers : {1u, 2u}) {
      SCOPED_TRACE(testing::Message() << "seed " << seed << ", workers " << workers);
      GatewayRig gateway({.workers = workers, .seed = seed});
      const auto bag = gateway.mint({.clients = 300});
      StormOptions options = patient(seed);
      options.loss_permille = 100;
      options.duplicate_permille = 100;
      options.reorder_permille = 200;
      StormRig storm(gateway, bag, options);
      storm.run_to_end();
      expect_all_resumed(gateway, storm, 300);
    }
  }
}

// Half of all frames are lost. What was established stays established once.
TEST(Storm, SurvivesAVeryBadNetwork) {
  for (std::uint64_t seed = 10; seed <= 11; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    GatewayRig gateway({.seed = seed});
    const auto bag = gateway.mint({.clients = 100});
    StormOptions options = patient(seed);
    options.loss_permille = 500;
    options.duplicate_permille = 300;
    options.reorder_permille = 300;
    options.initiator.retry.tries = 40;
    options.initiator.retry.factor = 1.05;
    StormRig storm(gateway, bag, options);
    storm.run_to_end();
    // A client that began again although its message 3 had been served meets its spent ticket.
    const auto& totals = storm.totals();
    EXPECT_EQ(totals.resumed() + totals.of(storm::Outcome::nack) +
                  totals.of(storm::Outcome::auth_refused),
              100u)
        << storm.describe();
    EXPECT_GE(totals.resumed(), 95u) << storm.describe();
    EXPECT_EQ(gateway.sum(&WorkerCounters::resumptions), 100u);
    expect_sound(gateway, 100);
  }
}

// Every suite, both forms of AUTH, both families, both ports.
TEST(Storm, EverySuiteFormFamilyAndPort) {
  const auto all = ike::default_ike_suites();
  const std::vector<ike::Suite> suites(all.begin(), all.end());
  for (const ike::AuthForm form : {ike::AuthForm::rfc, ike::AuthForm::libreswan}) {
    for (const bool is_ip6 : {false, true}) {
      for (const std::uint16_t port : {std::uint16_t{500}, std::uint16_t{4500}}) {
        SCOPED_TRACE(testing::Message()
                     << "form " << static_cast<int>(form) << " v6 " << is_ip6 << " port " << port);
        GatewayRig gateway({.workers = 2});
        const auto bag = gateway.mint({.clients = 120, .suites = suites, .lease6 = true});
        StormOptions options = patient(7);
        options.initiator.auth_form = form;
        options.initiator.dpd = true;
        options.is_ip6 = is_ip6;
        options.port = port;
        StormRig storm(gateway, bag, options);
        storm.run_to_end();
        expect_all_resumed(gateway, storm, 120);
        EXPECT_EQ(storm.totals().dpd_answered.get(), 120u);
        EXPECT_EQ(storm.totals().address_kept.get(), 120u);
        EXPECT_EQ(gateway.shared().leases.held6(), 120u);
      }
    }
  }
}

// The transmit ring takes a few frames a round; the rest is lost and asked for again.
TEST(Storm, ThroughANarrowTransmitRing) {
  GatewayRig gateway({});
  const auto bag = gateway.mint({.clients = 200});
  StormRig storm(gateway, bag, patient(3));
  while (!storm.initiator().done() && gateway.now.ms < 1'300'000) {
    gateway.port().set_transmit_room(3);
    storm.step();
  }
  EXPECT_GT(gateway.drops(Drop::tx_full), 0u);
  expect_all_resumed(gateway, storm, 200);
}

// Eight buffers in all: most frames find none.
TEST(Storm, WithHardlyAnyBuffers) {
  GatewayRig gateway({.port_buffers = 8});
  const auto bag = gateway.mint({.clients = 100});
  StormRig storm(gateway, bag, patient(4));
  storm.run_to_end();
  EXPECT_GT(gateway.port().counts().inject_failed, 0u);
  expect_all_resumed(gateway, storm, 100);
}

// Sixteen half-open places for five hundred clients at once.
TEST(Storm, ThroughANarrowDoor) {
  GatewayRig gateway({.configure = [](dp::WorkerConfig& c) { c.admission.half_open_max = 16; }});
  const auto bag = gateway.mint({.clients = 500});
  StormRig storm(gateway, bag, patient(5));
  storm.run_to_end();
  EXPECT_GT(gateway.drops(Drop::half_open_limit) + gateway.drops(Drop::table_full), 0u);
  expect_all_resumed(gateway, storm, 500);
}

// R5723-166: the ticket keys rotate again and again while the storm is on.
TEST(Storm, WhileKeysRotate) {
  GatewayRig gateway({.workers = 2});
  const auto bag = gateway.mint({.clients = 300});
  StormOptions options = patient(6);
  options.initiator.flights = 20;
  options.loss_permille = 20;
  StormRig storm(gateway, bag, options);
  unsigned rotations = 0;
  for (std::uint64_t next = 50; !storm.initiator().done() && gateway.now.ms < 1'300'000;) {
    if (storm.totals().resumed() >= next) {
      gateway.keyring().rotate(gateway.now.unix_s, 86400);
      gateway.publish_keyring();
      next += 50;
      ++rotations;
    }
    storm.step();
  }
  EXPECT_GE(rotations, 4u);
  expect_all_resumed(gateway, storm, 300);
}

// R5723-167: an hour forward expires what had less than an hour; an hour back changes nothing.
TEST(Storm, WhileTheClockJumps) {
  for (const std::int64_t jump : {3600, -3600}) {
    SCOPED_TRACE(jump);
    GatewayRig gateway({});
    const auto bag = gateway.mint({.clients = 200, .lifetime_s = 1800});
    StormOptions options = patient(8);
    options.initiator.flights = 10;
    StormRig storm(gateway, bag, options);
    while (storm.totals().resumed() < 100) storm.step();
    const std::uint64_t before = storm.totals().resumed();
    gateway.now.unix_s += static_cast<std::uint64_t>(jump);
    storm.run_to_end();
    if (jump > 0) {
      EXPECT_LT(storm.totals().resumed(), before + 20) << storm.describe();
    } else {
      EXPECT_EQ(storm.totals().resumed(), 200u) << "time does not go back behind the clock mark";
    }
    EXPECT_EQ(storm.totals().resumed() + storm.totals().of(storm::Outcome::nack), 200u)
        << storm.describe();
    EXPECT_EQ(gateway.drops(Drop::ticket_expired), storm.totals().of(storm::Outcome::nack));
    // Back to the right time: who resumed is still there, and those tickets are spent.
    gateway.now.unix_s -= static_cast<std::uint64_t>(jump);
    StormOptions once = patient(9);
    once.initiator.clients = 100;
    StormRig replay(gateway, bag, once);
    replay.run_to_end();
    EXPECT_EQ(replay.totals().of(storm::Outcome::nack), 100u) << replay.describe();
    EXPECT_EQ(gateway.drops(Drop::ticket_spent), 100u);
  }
}

// Two sets of clients, one after the other, with one bag: the second finds every ticket spent.
TEST(Storm, ASecondUseOfABagIsRefused) {
  GatewayRig gateway({.workers = 2});
  const auto bag = gateway.mint({.clients = 200});
  StormRig first(gateway, bag, patient(1));
  first.run_to_end();
  EXPECT_EQ(first.totals().resumed(), 200u);
  StormRig second(gateway, bag, patient(2));
  second.run_to_end();
  EXPECT_EQ(second.totals().of(storm::Outcome::nack), 200u) << second.describe();
  expect_sound(gateway, 200);
}

// R5723-86: both sets at the same time.
TEST(Storm, TwoSetsOfClientsRaceForOneBag) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    GatewayRig gateway({.workers = 2, .seed = seed});
    const auto bag = gateway.mint({.clients = 300});
    StormRig first(gateway, bag, patient(seed));
    StormRig second(gateway, bag, patient(seed + 100));
    while (!(first.initiator().done() && second.initiator().done()) && gateway.now.ms < 1'300'000) {
      first.step();
      second.step();
    }
    EXPECT_EQ(gateway.sum(&WorkerCounters::resumptions), 300u);
    EXPECT_EQ(first.totals().resumed() + second.totals().resumed(), 300u)
        << first.describe() << " / " << second.describe();
    expect_sound(gateway, 300);
  }
}

}  // namespace
