// Sessions on their way to the control thread, with loss, copies, full rings and recalls: each has
// one owner at any time, and its messages arrive at that one.
#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <map>
#include <thread>

#include "tests/support/gateway_probe.h"

namespace {

using dp::OrderKind;
using dp::PuntKind;
using dp::WorkerCounters;
using ike::Exchange;
using rig::GatewayProbe;
using rig::Octets;
using rig::Resumed;

constexpr unsigned kClients = 60;

std::uint64_t no_cycles() { return 0; }

// A client that sends the same request until it has reached the control thread.
struct Asker {
  Resumed live;
  unsigned home = 0;  // its worker
  Octets request;
  bool checked_liveness = false;
  unsigned adoptions = 0;
  unsigned arrivals = 0;
};

std::vector<Asker> make_askers(GatewayProbe& probe, crypto::Random& random) {
  std::vector<Asker> askers;
  for (unsigned i = 0; i < kClients; ++i) {
    const unsigned home = i % probe.gateway.workers();
    rig::ScalarClient client = probe.client();
    EXPECT_TRUE(probe.open(client, home));
    Asker asker{.live = probe.finish(std::move(client), ike::AuthForm::rfc, home), .home = home};
    EXPECT_EQ(asker.live.complaint, "");
    asker.checked_liveness = random.below(3) == 0;
    std::uint32_t id = 2;
    if (asker.checked_liveness) {
      EXPECT_EQ(probe
                    .send(asker.live.client.seal(
                        {}, {.exchange = Exchange::informational, .message_id = id++}))
                    .answers.size(),
                1u);
    }
    asker.request =
        asker.live.client.seal({{.type = ike::PayloadType::nonce, .body = Octets(32, 1)}},
                               {.exchange = Exchange::create_child_sa, .message_id = id});
    askers.push_back(std::move(asker));
  }
  return askers;
}

// What the control thread would do with the letters of worker `w`.
void take(GatewayProbe& probe, unsigned w, std::map<std::uint64_t, Asker*>& by_spi) {
  for (const GatewayProbe::Punted& letter : probe.take_punts(w)) {
    if (letter.kind == PuntKind::message && letter.message.empty()) continue;  // filler
    const std::uint64_t spi_r =
        letter.sa ? letter.sa->spi_r.value() : crypto::load_be64(letter.message.data() + 8);
    Asker& asker = *by_spi.at(spi_r);
    EXPECT_EQ(w, asker.home);
    if (letter.kind == PuntKind::adopted) {
      EXPECT_EQ(letter.sa->next_message_id, asker.checked_liveness ? 3u : 2u);
      ++asker.adoptions;
    }
    EXPECT_EQ(asker.adoptions, 1u) << "a message before its session, or a session twice";
    if (letter.message.empty()) continue;
    EXPECT_EQ(letter.message, asker.request);
    ++asker.arrivals;
  }
}

TEST(Adoption, EverySessionHasOneOwnerWhileTheRingsAreFull) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    GatewayProbe probe({.workers = 2, .seed = seed});
    crypto::Random random(seed);
    std::vector<Asker> askers = make_askers(probe, random);
    std::map<std::uint64_t, Asker*> by_spi;
    for (Asker& asker : askers) by_spi[asker.live.client.spi_r] = &asker;

    unsigned waiting = kClients;
    for (unsigned round = 0; waiting != 0 && round < 3000; ++round) {
      for (unsigned w = 0; w < 2; ++w)
        if (random.below(4) != 0) probe.fill_punts(static_cast<unsigned>(random.below(3)), w);
      for (Asker& asker : askers) {
        if (asker.arrivals != 0 && random.below(8) != 0) continue;
        // Lost, once or twice, at its worker or the other one.
        for (std::uint64_t copies = random.below(3); copies > 0; --copies)
          probe.gateway.port(static_cast<unsigned>(random.below(2)))
              .inject(probe.path.ike(asker.request));
      }
      const Asker& recalled = askers[random.below(kClients)];
      if (random.below(5) == 0)
        probe.order({.kind = OrderKind::recall, .spi_r = recalled.live.client.spi_r},
                    recalled.home);
      EXPECT_TRUE(probe.run().silent());
      ASSERT_TRUE(probe.gateway.conserved());
      if (random.below(3) == 0)
        for (unsigned w = 0; w < 2; ++w) take(probe, w, by_spi);
      waiting = 0;
      unsigned adopted = 0;
      for (const Asker& asker : askers) {
        waiting += asker.arrivals == 0 ? 1 : 0;
        adopted += asker.adoptions;
      }
      EXPECT_LE(probe.sessions() + adopted, kClients);
    }
    EXPECT_EQ(waiting, 0u);
    for (unsigned w = 0; w < 2; ++w) take(probe, w, by_spi);
    for (const Asker& asker : askers) EXPECT_EQ(asker.adoptions, 1u);
    EXPECT_EQ(probe.gateway.sum(&WorkerCounters::adopted), kClients);
    EXPECT_GT(probe.gateway.sum(&WorkerCounters::punts_dropped), 0u);
    EXPECT_EQ(probe.sessions(), 0u);

    for (const Asker& asker : askers)
      probe.order({.kind = OrderKind::release, .spi_r = asker.live.client.spi_r}, asker.home);
    probe.pass(1);
    EXPECT_EQ(probe.send(askers[0].request).drop(), dp::Drop::spi_unknown);
    EXPECT_EQ(probe.complaint(), "");
  }
}

// The same over three threads: two workers, and the control thread that sleeps on its bell.
TEST(Adoption, CrossesBetweenThreads) {
  GatewayProbe probe({.workers = 2, .cycles = &no_cycles});
  crypto::Random random(4);
  std::vector<Asker> askers = make_askers(probe, random);
  std::map<std::uint64_t, Asker*> by_spi;
  for (Asker& asker : askers) by_spi[asker.live.client.spi_r] = &asker;
  dp::Doorbell& bell = probe.gateway.shared().doorbell;
  std::atomic<bool> done = false;
  {
    std::array<std::jthread, 2> workers;
    for (const unsigned w : {0u, 1u})
      workers[w] = std::jthread([&, w] {
        for (const Asker& asker : askers) {
          if (asker.home != w) continue;
          probe.gateway.port(w).inject(probe.path.ike(asker.request));
          probe.gateway.port(w).inject(probe.path.ike(asker.request));
          probe.gateway.worker(w).run_once(probe.gateway.now);
        }
        while (!done) probe.gateway.worker(w).run_once(probe.gateway.now);
      });
    unsigned arrivals = 0;
    while (arrivals < 2 * kClients) {
      bell.will_sleep();
      const unsigned before = arrivals;
      for (const unsigned w : {0u, 1u}) take(probe, w, by_spi);
      arrivals = 0;
      for (const Asker& asker : askers) arrivals += asker.arrivals;
      if (arrivals == before) {
        pollfd p{.fd = bell.fd(), .events = POLLIN, .revents = 0};
        ASSERT_EQ(::poll(&p, 1, 10'000), 1) << "nobody rang";
      }
      bell.is_awake();
    }
    for (const Asker& asker : askers)
      probe.order({.kind = OrderKind::release, .spi_r = asker.live.client.spi_r}, asker.home);
    for (const unsigned w : {0u, 1u})
      while (probe.gateway.shared().seams[w]->orders.size() != 0) std::this_thread::yield();
    done = true;
  }
  EXPECT_EQ(probe.sessions(), 0u);
  EXPECT_EQ(probe.gateway.sum(&WorkerCounters::orders), kClients);
  EXPECT_EQ(probe.complaint(), "");
}

}  // namespace
