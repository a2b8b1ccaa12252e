// When the initiator sends: schedules, retransmission, restarts, and a bad network.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/tools/storm_fixture.h"
#include "tools/storm/impairments.h"

namespace storm {
namespace {

TEST(Initiator, RetransmitsTheSameOctetsWithBackOff) {
  Storm s(1);
  s.config.retry = {.first_ns = 500 * kMs, .factor = 1.8, .jitter = 0, .tries = 5, .restarts = 0};
  s.deaf = true;
  s.make();
  const std::uint64_t start = s.now;
  s.run(60'000);
  ASSERT_EQ(s.sent.size(), 5u);
  double expected_ms = 0;
  double interval_ms = 500;
  for (const Storm::Sent& sent : s.sent) {
    EXPECT_NEAR(static_cast<double>(sent.at - start) / kMs, expected_ms, 3.0);
    EXPECT_EQ(sent.message, s.sent[0].message);
    expected_ms += interval_ms;
    interval_ms *= 1.8;
  }
  EXPECT_TRUE(s.storm->done());
  EXPECT_NEAR(static_cast<double>(s.now - start) / kMs, expected_ms, 4.0);
  EXPECT_EQ(s.totals().of(Outcome::no_message_2), 1u);
  EXPECT_EQ(s.totals().retransmissions.get(), 4u);
}

TEST(Initiator, JitterStaysWithinItsBounds) {
  Storm s(400);
  s.config.flights = 400;
  s.config.retry = {.first_ns = 500 * kMs, .factor = 2, .jitter = 0.2, .tries = 2, .restarts = 0};
  s.deaf = true;
  s.make();
  const std::uint64_t start = s.now;
  s.run(10'000);
  std::set<std::uint64_t> times;
  for (const Storm::Sent& sent : s.sent) {
    if (sent.at == start) continue;
    EXPECT_GE(sent.at - start, 400 * kMs);
    EXPECT_LE(sent.at - start, 601 * kMs);
    times.insert(sent.at);
  }
  EXPECT_GT(times.size(), 50u);
}

TEST(Initiator, BeginsAgainWithNewSpisWhenMessage3StaysUnanswered) {
  Storm s(1);
  s.config.retry = {.first_ns = 100 * kMs, .factor = 1, .jitter = 0, .tries = 3, .restarts = 1};
  s.make();
  std::set<std::uint64_t> spis;
  s.tamper = [&](Octets& answer) {
    if (answer.size() > 18 && answer[18] == 35 && spis.size() < 2) answer.clear();
    spis.insert(crypto::load_be64(s.sent.back().message.data()));
  };
  s.run(5'000);
  EXPECT_TRUE(s.storm->done());
  EXPECT_EQ(s.totals().resumed(), 1u);
  EXPECT_EQ(s.totals().restarts.get(), 1u);
  EXPECT_EQ(spis.size(), 2u);
  EXPECT_GE(s.storm->latency().max(), 300 * kMs);  // of the client, not of the last attempt
}

TEST(Initiator, BeginsAgainEarlierWhenTold) {
  Storm s(1);
  s.config.retry = {.first_ns = 100 * kMs,
                    .factor = 1,
                    .jitter = 0,
                    .tries = 9,
                    .restarts = 1,
                    .tries_message3 = 2};
  s.make();
  s.tamper = [&](Octets& answer) {
    if (answer.size() > 18 && answer[18] == 35) answer.clear();
  };
  s.run(5'000);
  EXPECT_EQ(s.totals().of(Outcome::no_message_4), 1u);
  EXPECT_EQ(s.totals().restarts.get(), 1u);
  EXPECT_EQ(s.sent.size(), 1u + 2u + 1u + 9u);  // the last attempt has all its tries
}

TEST(Initiator, ResumesThroughLossDuplicatesAndReordering) {
  for (const std::uint64_t seed : {1u, 2u, 3u}) {
    SCOPED_TRACE(seed);
    Storm s(300, {kGcm256, kCbc128Sha384});
    s.config.retry.tries = 12;
    s.config.retry.factor = 1.3;
    s.config.dpd = true;
    s.make();
    const ImpairmentRates rates{.loss = 0.2,
                                .duplicate = 0.1,
                                .reorder = 0.3,
                                .reorder_ns_max = 700 * kMs,
                                .delay_ns = kMs};
    Impairments there(rates, seed), back(rates, seed + 100);
    Octets frame;
    for (int ms = 0; ms < 60'000 && !s.storm->done(); ++ms, s.now += kMs) {
      std::array<Outgoing, kBatchMax> out;
      while (const std::size_t count = s.storm->poll(s.now, out))
        for (const Outgoing& o : std::span(out).first(count)) there.push(o.message, s.now);
      while (there.pop(s.now, frame))
        if (const Octets answer = s.gateway.answer(frame); !answer.empty())
          back.push(answer, s.now);
      std::vector<Octets> arrived;
      while (back.pop(s.now, frame)) arrived.push_back(frame);
      s.deliver(arrived);
    }
    EXPECT_TRUE(s.storm->done());
    EXPECT_EQ(s.totals().resumed(), 300u);
    EXPECT_EQ(s.totals().dpd_answered.get(), 300u);
    EXPECT_GT(s.totals().retransmissions.get(), 50u);
    EXPECT_GT(s.totals().late.get(), 10u);
  }
}

TEST(Initiator, OpenLoopStartsOnScheduleAndCountsFromIt) {
  Storm s(1000);
  s.config.rate = 1000;
  s.config.flights = 20;
  s.config.retry = {.first_ns = 10'000 * kMs, .factor = 1, .jitter = 0, .tries = 2, .restarts = 0};
  s.make();
  s.run(500);
  EXPECT_NEAR(static_cast<double>(s.totals().resumed()), 500.0, 2.0);
  EXPECT_LE(s.storm->latency().max(), 1 * kMs);
  // The gateway stalls for 200 ms: 20 clients are in flight and 180 more wait for a place, and each
  // of them has waited since its own time.
  std::vector<Octets> held;
  for (int ms = 0; ms < 200; ++ms, s.now += kMs) {
    std::array<Outgoing, kBatchMax> out;
    while (const std::size_t count = s.storm->poll(s.now, out))
      for (const Outgoing& o : std::span(out).first(count))
        held.push_back(s.gateway.answer(o.message));
  }
  EXPECT_EQ(s.totals().in_flight.get(), 20u);
  s.deliver(held);
  s.run(1000);
  EXPECT_TRUE(s.storm->done());
  EXPECT_EQ(s.totals().resumed(), 1000u);
  EXPECT_GE(s.storm->latency().max(), 195 * kMs);
  EXPECT_GE(s.storm->latency().quantile(9000), 90 * kMs);
  EXPECT_LE(s.storm->latency().quantile(7500), 1 * kMs);
}

TEST(Initiator, AsFastAsPossibleKeepsTheWindowFull) {
  Storm s(100);
  s.config.flights = 7;
  s.make();
  std::array<Outgoing, kBatchMax> out;
  EXPECT_EQ(s.storm->poll(s.now, out), 7u);
  EXPECT_EQ(s.storm->poll(s.now, out), 0u);
  EXPECT_EQ(s.totals().in_flight.get(), 7u);
}

TEST(Initiator, GivesUpWhatIsInFlight) {
  Storm s(10);
  s.config.flights = 4;
  s.deaf = true;
  s.make();
  s.settle();
  s.storm->give_up();
  EXPECT_TRUE(s.storm->done());
  EXPECT_EQ(s.totals().of(Outcome::no_message_2), 4u);
  EXPECT_EQ(s.totals().of(Outcome::pending), 6u);
  s.settle();
  EXPECT_EQ(s.totals().started.get(), 4u);
}

}  // namespace
}  // namespace storm
