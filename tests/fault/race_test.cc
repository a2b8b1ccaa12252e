// Two threads, two workers, one ticket: exactly one session (R5723-86). Each worker runs on a
// thread of its own and shares with the other what workers share: used-set, leases, close boxes.
#include <gtest/gtest.h>

#include <barrier>
#include <set>
#include <thread>

#include "tests/support/gateway_probe.h"

namespace {

using dp::Drop;
using dp::WorkerCounters;
using rig::GatewayProbe;
using rig::Octets;
using rig::ScalarClient;

std::uint64_t no_cycles() { return 0; }

// Runs worker `w` until the frames of `messages` are through; each in a burst of its own.
void serve(GatewayProbe& probe, unsigned w, const std::vector<Octets>& messages,
           std::barrier<>& start, std::vector<Octets>& answers) {
  dp::FakePort& port = probe.gateway.port(w);
  start.arrive_and_wait();
  for (const Octets& message : messages) {
    port.inject(probe.path.ike(message));
    while (probe.gateway.worker(w).run_once(probe.gateway.now) != 0) {
    }
    for (const Octets& frame : port.take_sent()) answers.push_back(dp::read_packet(frame)->ike);
  }
}

TEST(Race, OneTicketMakesOneSession) {
  constexpr unsigned kTickets = 1000;
  GatewayProbe probe(
      {.workers = 2,
       .configure = [](dp::WorkerConfig& c) { c.admission.half_open_per_prefix = 0; },
       .cycles = &no_cycles});
  std::array<std::vector<ScalarClient>, 2> clients;
  std::array<std::vector<Octets>, 2> messages, answers;
  for (unsigned i = 0; i < kTickets; ++i) {
    const rig::Keepsake kept = probe.keepsake();
    for (const unsigned w : {0u, 1u}) {
      clients[w].push_back(probe.client_of(kept));
      ASSERT_TRUE(probe.open(clients[w].back(), w));
      messages[w].push_back(clients[w].back().message3());
    }
  }
  std::barrier<> start(2);
  {
    std::array<std::jthread, 2> threads;
    for (const unsigned w : {0u, 1u})
      threads[w] = std::jthread([&, w] { serve(probe, w, messages[w], start, answers[w]); });
  }
  ASSERT_EQ(answers[0].size(), kTickets);
  ASSERT_EQ(answers[1].size(), kTickets);
  unsigned by_first = 0;
  for (unsigned i = 0; i < kTickets; ++i) {
    unsigned winners = 0;
    for (const unsigned w : {0u, 1u}) {
      const auto message4 = clients[w][i].open(answers[w][i]);
      ASSERT_TRUE(message4.has_value());
      if (clients[w][i].judge(*message4).empty()) {
        ++winners;
        by_first += w == 0 ? 1 : 0;
      } else {
        EXPECT_EQ(message4->notifies(), std::vector<std::uint16_t>{24});
      }
    }
    EXPECT_EQ(winners, 1u) << i;
  }
  RecordProperty("won_by_first", static_cast<int>(by_first));
  EXPECT_EQ(probe.gateway.sum(&WorkerCounters::resumptions), kTickets);
  EXPECT_EQ(probe.gateway.drops(Drop::ticket_lost_race), kTickets);
  EXPECT_EQ(probe.gateway.shared().leases.held4(), kTickets);
  EXPECT_EQ(probe.complaint(), "");
}

// The same clients resume back and forth between two threads: close requests cross, addresses move.
TEST(Race, SessionsMoveBetweenWorkers) {
  constexpr unsigned kClients = 64;
  GatewayProbe probe({.workers = 2, .cycles = &no_cycles});
  std::array<std::vector<rig::Keepsake>, 2> kept;
  for (unsigned i = 0; i < 2 * kClients; ++i) kept[i % 2].push_back(probe.keepsake());
  for (unsigned round = 0; round < 6; ++round) {
    std::array<std::vector<ScalarClient>, 2> clients;
    std::array<std::vector<Octets>, 2> messages, answers;
    for (const unsigned w : {0u, 1u}) {
      for (const rig::Keepsake& k : kept[w]) {
        clients[w].push_back(probe.client_of(k));
        ASSERT_TRUE(probe.open(clients[w].back(), w)) << round;
        messages[w].push_back(clients[w].back().message3());
      }
    }
    std::barrier<> start(2);
    {
      std::array<std::jthread, 2> threads;
      for (const unsigned w : {0u, 1u})
        threads[w] = std::jthread([&, w] { serve(probe, w, messages[w], start, answers[w]); });
    }
    std::array<std::vector<rig::Keepsake>, 2> next;
    for (const unsigned w : {0u, 1u}) {
      ASSERT_EQ(answers[w].size(), kClients);
      for (unsigned i = 0; i < kClients; ++i) {
        const auto message4 = clients[w][i].open(answers[w][i]);
        ASSERT_TRUE(message4.has_value());
        EXPECT_EQ(clients[w][i].judge(*message4), "");
        // To the other worker next time.
        next[1 - w].push_back(clients[w][i].renewed(*message4));
      }
    }
    kept = std::move(next);
    probe.pass(1);
    EXPECT_EQ(probe.sessions(), 2 * kClients) << round;
    EXPECT_EQ(probe.gateway.shared().leases.held4(), 2 * kClients) << round;
  }
  EXPECT_EQ(probe.complaint(), "");
}

}  // namespace
