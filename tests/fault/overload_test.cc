// Overload and attack: forged floods, sniffed tickets, full rings. Genuine clients come back.
#include <gtest/gtest.h>

#include "tests/support/gateway_probe.h"
#include "tests/support/storm_rig.h"

namespace {

using dp::Drop;
using dp::WorkerCounters;
using rig::GatewayProbe;
using rig::GatewayRig;
using rig::Octets;
using rig::ScalarClient;
using rig::StormOptions;
using rig::StormRig;

// Frames of an attacker who spoofs sources: each from another address.
class Attacker {
 public:
  explicit Attacker(Octets message1) : message1_(std::move(message1)) {}
  Octets next() {
    ++count_;
    dp::PacketBuilder from;
    from.source4 = {100, static_cast<std::uint8_t>(64 + (count_ >> 16)),
                    static_cast<std::uint8_t>(count_ >> 8), static_cast<std::uint8_t>(count_)};
    crypto::store_be64(message1_.data(), 0xa77ac4ull << 40 | count_);
    return from.ike(message1_);
  }

 private:
  Octets message1_;
  std::uint64_t count_ = 0;
};

StormOptions genuine(std::uint64_t seed) {
  StormOptions options;
  options.seed = seed;
  options.step_ms = 5;
  options.limit_ms = 200'000;
  options.initiator.flights = 50;
  options.initiator.retry.tries = 10;
  options.initiator.retry.factor = 1.3;
  return options;
}

// A storm with `per_step` attacking frames mixed into every step.
void run_under_attack(GatewayRig& gateway, StormRig& storm, Attacker& attacker, unsigned per_step) {
  while (!storm.initiator().done() && gateway.now.ms < 1'200'000) {
    for (unsigned i = 0; i < per_step; ++i)
      gateway.port(i % gateway.workers()).inject(attacker.next());
    storm.step();
  }
}

// R5723-151, R5723-137, R5723-146: forged tickets in plenty. Cookies come on, everybody gets in.
TEST(Overload, GenuineClientsComeThroughAForgedFlood) {
  for (std::uint64_t seed = 1; seed <= 2; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    GatewayProbe probe({.workers = 2, .seed = seed, .configure = [](dp::WorkerConfig& c) {
                          c.admission.cookie_on_forged_per_s = 500;
                        }});
    GatewayRig& gateway = probe.gateway;
    const auto bag = gateway.mint({.clients = 300});
    Attacker attacker(probe.client({.sealed = [](Octets& t) { t.back() ^= 1; }}).begin());
    StormOptions options = genuine(seed);
    options.loss_permille = 20;
    StormRig storm(gateway, bag, options);
    run_under_attack(gateway, storm, attacker, 40);
    EXPECT_EQ(storm.totals().resumed(), 300u) << storm.describe();
    EXPECT_GT(storm.totals().cookies.get(), 0u);
    EXPECT_EQ(gateway.sum(&WorkerCounters::cookie_mode), 2u);
    // While cookies are demanded a forged ticket without one is not opened (R5723-145).
    const std::uint64_t opened = gateway.drops(Drop::ticket_bad_tag);
    for (unsigned i = 0; i < 100; ++i) gateway.port().inject(attacker.next());
    probe.run();
    EXPECT_EQ(gateway.drops(Drop::ticket_bad_tag), opened);
    for (unsigned w = 0; w < gateway.workers(); ++w) gateway.port(w).take_sent();
    // Silence: the mode ends after the hold time.
    for (unsigned i = 0; i < 30; ++i) probe.pass(1000);
    EXPECT_EQ(gateway.sum(&WorkerCounters::cookie_mode), 0u);
    EXPECT_EQ(probe.complaint(), "");
  }
}

// R5723-150, R5723-149: one sniffed genuine message 1, sent with other SPIi from everywhere. The
// ticket's two places are all it gets.
TEST(Overload, ASniffedTicketTakesTwoPlaces) {
  GatewayProbe probe;
  GatewayRig& gateway = probe.gateway;
  const rig::Keepsake sniffed = probe.keepsake();
  const auto bag = gateway.mint({.clients = 300});
  Attacker attacker(probe.client_of(sniffed).begin());
  StormRig storm(gateway, bag, genuine(3));
  run_under_attack(gateway, storm, attacker, 40);
  EXPECT_EQ(storm.totals().resumed(), 300u) << storm.describe();
  EXPECT_EQ(storm.totals().cookies.get(), 0u);
  EXPECT_LE(probe.half_opens(), 2u);
  probe.pass(10001);
  EXPECT_EQ(probe.half_opens(), 0u);
  ScalarClient owner = probe.client_of(sniffed);
  ASSERT_TRUE(probe.open(owner));
  EXPECT_EQ(probe.finish(std::move(owner)).complaint, "");
  EXPECT_EQ(probe.complaint(), "");
}

// IKE_SA_INIT from everywhere, and a control thread that takes two in the time of a step: the ring
// fills to its half, cookies come on for IKE_SA_INIT alone, resumptions do not notice.
TEST(Overload, AFloodOfInitiationsStopsAtTheSeam) {
  GatewayProbe probe;
  GatewayRig& gateway = probe.gateway;
  const auto bag = gateway.mint({.clients = 300});
  Attacker attacker(write_message(probe.sa_init()));
  StormRig storm(gateway, bag, genuine(6));
  dp::SpscRing<dp::Punt>& punts = gateway.shared().seams[0]->punts;
  unsigned steps = 0;
  for (; !storm.initiator().done() || steps < 400; ++steps) {
    for (unsigned i = 0; i < 40; ++i) gateway.port().inject(attacker.next());
    storm.step();
    for (unsigned i = 0; i < 2 && punts.peek() != nullptr; ++i) punts.done();
    ASSERT_LE(punts.size(), dp::kPuntRingLen / 2 + 8);
  }
  EXPECT_EQ(storm.totals().resumed(), 300u) << storm.describe();
  EXPECT_EQ(storm.totals().cookies.get(), 0u);
  EXPECT_GT(gateway.sum(&WorkerCounters::sa_init_challenges), 1000u);
  probe.take_punts();
  EXPECT_EQ(probe.complaint(), "");
}

// Random octets of all lengths at line rate beside a storm.
TEST(Overload, NoiseHurtsNobody) {
  GatewayRig gateway({.workers = 2});
  const auto bag = gateway.mint({.clients = 200});
  crypto::Random random(17);
  StormRig storm(gateway, bag, genuine(4));
  while (!storm.initiator().done() && gateway.now.ms < 1'200'000) {
    for (unsigned i = 0; i < 20; ++i) {
      Octets noise(random.below(1500));
      random.fill(noise);
      dp::PacketBuilder from;
      from.source4[3] = static_cast<std::uint8_t>(random.below(250));
      if (from.source4 == from.destination4) continue;
      gateway.port(i % 2).inject(i % 3 == 0 ? noise : from.ike(noise));
    }
    storm.step();
  }
  EXPECT_EQ(storm.totals().resumed(), 200u) << storm.describe();
  EXPECT_TRUE(gateway.conserved());
}

// The receive ring is nearly full in three rounds of four: what was begun is finished, what was not
// begun waits, and in the end everybody is back.
TEST(Overload, ShedsWhatWasNotBegun) {
  GatewayRig gateway({});
  const auto bag = gateway.mint({.clients = 300});
  StormOptions options = genuine(5);
  options.initiator.retry.tries = 60;
  options.initiator.retry.factor = 1.05;
  StormRig storm(gateway, bag, options);
  for (unsigned round = 0; !storm.initiator().done() && gateway.now.ms < 1'300'000; ++round) {
    gateway.port().set_backlog_permille(round % 4 == 0 ? 900 : 100);
    storm.step();
  }
  EXPECT_GT(gateway.drops(Drop::shed_overload), 0u);
  EXPECT_EQ(storm.totals().resumed(), 300u) << storm.describe();
}

// Rings between workers are full most of the time while half of the clients' second packets come to
// the wrong worker.
TEST(Overload, SurvivesFullRingsBetweenWorkers) {
  GatewayProbe probe({.workers = 2});
  for (unsigned i = 0; i < 100; ++i) {
    ScalarClient client = probe.client();
    ASSERT_TRUE(probe.open(client, 0));
    const Octets message3 = client.message3();
    probe.gateway.port(0).set_hand_over_room(0);
    EXPECT_EQ(probe.send(message3, 1).drop(), Drop::owner_ring_full);
    probe.gateway.port(0).set_hand_over_room(dp::FakePort::kUnlimited);
    const rig::Reaction reaction = probe.send(message3, 1);
    ASSERT_EQ(reaction.answers.size(), 1u);
    EXPECT_EQ(client.judge(client.open(reaction.answers[0]).value()), "");
  }
  EXPECT_EQ(probe.complaint(), "");
}

}  // namespace
