// Crash and restart: tickets survive, sessions do not, and what was recorded before buys nothing
// afterwards.
#include <gtest/gtest.h>

#include <set>

#include "tests/support/gateway_probe.h"
#include "tests/support/storm_rig.h"

namespace {

using dp::Drop;
using dp::WorkerCounters;
using rig::GatewayProbe;
using rig::GatewayRig;
using rig::Octets;
using rig::Reaction;
using rig::Resumed;
using rig::ScalarClient;
using rig::StormOptions;
using rig::StormRig;

// R5723-164: tickets issued before a crash are good after it, the old SPIs are not.
TEST(Restart, TicketsSurviveSessionsDoNot) {
  GatewayProbe probe;
  Resumed live = probe.resume();
  ASSERT_EQ(live.complaint, "");
  for (unsigned i = 0; i < 5; ++i) {
    probe.gateway.restart();
    const Octets dpd =
        live.client.seal({}, {.exchange = ike::Exchange::informational, .message_id = 2});
    EXPECT_EQ(probe.send(dpd).drop(), Drop::spi_unknown);
    ScalarClient next = probe.client_of(live.client.renewed(*live.message4));
    ASSERT_TRUE(probe.open(next));
    live = probe.finish(std::move(next));
    ASSERT_EQ(live.complaint, "");
    // R5723-42: the address is that of the ticket.
    EXPECT_EQ(probe.gateway.shared().leases.held4(), 1u);
  }
  EXPECT_EQ(probe.complaint(), "");
}

// R5723-85, R5723-165: both recorded messages, replayed after a crash, establish nothing; nor does
// the spent ticket in new hands.
TEST(Restart, RecordedMessagesBuyNothing) {
  GatewayProbe probe;
  ScalarClient spent = probe.client();
  ASSERT_TRUE(probe.open(spent));
  const Octets spent_message3 = spent.message3();
  ASSERT_EQ(probe.send(spent_message3).answers.size(), 1u);
  // This one was interrupted after message 2: its ticket is still good.
  ScalarClient interrupted = probe.client();
  ASSERT_TRUE(probe.open(interrupted));
  const Octets interrupted_message3 = interrupted.message3();

  probe.gateway.restart();
  const Reaction replayed = probe.send(spent.message1);
  EXPECT_TRUE(replayed.is_nack());
  EXPECT_EQ(replayed.drop(), Drop::ticket_spent);
  EXPECT_EQ(probe.send(spent_message3).drop(), Drop::spi_unknown);
  EXPECT_EQ(probe.send(probe.client_of(spent.old).begin()).drop(), Drop::ticket_spent);

  // At most message 2 for a replayer: other SPIs, other keys.
  const Reaction message2 = probe.send(interrupted.message1);
  ASSERT_EQ(message2.answers.size(), 1u);
  EXPECT_NE(message2.answers[0], interrupted.message2);
  EXPECT_EQ(probe.send(interrupted_message3).drop(), Drop::spi_unknown);
  Octets aimed = interrupted_message3;
  std::copy_n(message2.answers[0].begin() + 8, 8, aimed.begin() + 8);
  EXPECT_EQ(probe.send(aimed).drop(), Drop::sk_bad_icv);
  EXPECT_EQ(probe.sessions(), 0u);
  // The owner still resumes.
  ScalarClient owner = probe.client_of(interrupted.old);
  ASSERT_TRUE(probe.open(owner));
  EXPECT_EQ(probe.finish(std::move(owner)).complaint, "");
  EXPECT_EQ(probe.complaint(), "");
}

// A cookie of before the crash is only a reason for a new one.
TEST(Restart, CookiesOfBeforeAreChallengedAnew) {
  GatewayProbe probe(
      {.configure = [](dp::WorkerConfig& c) { c.admission.cookies = dp::CookieMode::always; }});
  ScalarClient client = probe.client();
  const Reaction challenge = probe.send(client.begin());
  const Octets cookie =
      rig::read_message(challenge.answers.at(0))->notify(ike::Notify::cookie).value();
  const Octets with = client.with_cookie(cookie);
  probe.gateway.restart();
  EXPECT_EQ(probe.send(with).drop(), Drop::cookie_required);
  EXPECT_EQ(probe.complaint(), "");
}

// Crashes in the middle of a storm. Nobody's message 4 is lost here, so everybody comes back; the
// clients whose half-open session died begin anew.
TEST(Restart, AStormGoesOnAfterCrashes) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    for (const unsigned workers : {1u, 2u}) {
      SCOPED_TRACE(testing::Message() << "seed " << seed << ", workers " << workers);
      GatewayRig gateway({.workers = workers, .seed = seed});
      const auto bag = gateway.mint({.clients = 300});
      StormOptions options;
      options.seed = seed;
      options.step_ms = 5;
      options.initiator.flights = 60;
      options.initiator.rate = 6000;  // so that both exchanges are under way when it crashes
      options.initiator.retry.tries = 4;
      options.initiator.retry.restarts = 5;
      StormRig storm(gateway, bag, options);
      std::uint64_t served = 0;
      for (std::uint64_t next = 75; !storm.initiator().done() && gateway.now.ms < 1'300'000;) {
        if (storm.totals().resumed() >= next) {
          served += gateway.sum(&WorkerCounters::resumptions);
          gateway.restart();
          next += 75;
        }
        storm.step();
      }
      served += gateway.sum(&WorkerCounters::resumptions);
      EXPECT_EQ(storm.totals().resumed(), 300u) << storm.describe();
      EXPECT_EQ(served, 300u);
      EXPECT_GT(storm.totals().restarts.get(), 0u);
      EXPECT_TRUE(gateway.conserved());
    }
  }
}

// The same over a bad network: a client whose message 4 was lost with the crash meets its spent
// ticket; nobody is established twice.
TEST(Restart, NobodyIsEstablishedTwice) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    GatewayRig gateway({.workers = 2, .seed = seed});
    const auto bag = gateway.mint({.clients = 300});
    StormOptions options;
    options.seed = seed;
    options.step_ms = 5;
    options.loss_permille = 100;
    options.duplicate_permille = 100;
    options.reorder_permille = 100;
    options.initiator.flights = 40;
    options.initiator.retry.tries = 6;
    options.initiator.retry.restarts = 5;
    StormRig storm(gateway, bag, options);
    std::uint64_t served = 0;
    for (std::uint64_t next = 60; !storm.initiator().done() && gateway.now.ms < 1'300'000;) {
      if (storm.totals().resumed() >= next) {
        served += gateway.sum(&WorkerCounters::resumptions);
        gateway.restart();
        next += 60;
      }
      storm.step();
    }
    served += gateway.sum(&WorkerCounters::resumptions);
    const auto& totals = storm.totals();
    EXPECT_LE(served, 300u);
    EXPECT_LE(totals.resumed(), served);
    EXPECT_EQ(totals.resumed() + totals.of(storm::Outcome::nack) +
                  totals.of(storm::Outcome::no_message_4) + totals.of(storm::Outcome::no_message_2),
              300u)
        << storm.describe();
    EXPECT_GE(totals.resumed(), 270u) << storm.describe();
  }
}

// R5723-168: after a restart two clients never hold one address, although tickets name the same
// ones and others wish for them.
TEST(Restart, TwoClientsNeverHoldOneAddress) {
  GatewayProbe probe({.workers = 2});
  crypto::Random random(5);
  const auto pool = probe.gateway.shared().config.child.pool4;
  const auto named = [&](ike::TicketState& s) {
    crypto::store_be32(s.ip4.data(), crypto::load_be32(pool.base.data()) +
                                         static_cast<unsigned>(random.below(40)));
  };
  for (unsigned round = 0; round < 2; ++round) {
    std::set<Octets> given;
    for (unsigned i = 0; i < 150; ++i) {
      ScalarClient client = probe.client({.state = named});
      ASSERT_TRUE(probe.open(client, i % 2));
      const Resumed resumed = probe.finish(std::move(client), ike::AuthForm::rfc, i % 2);
      ASSERT_EQ(resumed.complaint, "");
      const Octets& ts_i = resumed.message4->find(ike::PayloadType::ts_i)->body;
      EXPECT_TRUE(given.insert(Octets(ts_i.end() - 4, ts_i.end())).second);
    }
    EXPECT_EQ(probe.gateway.shared().leases.held4(), 150u);
    probe.gateway.restart();
  }
}

}  // namespace
