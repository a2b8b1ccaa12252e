// The seams between threads: everything that two workers, or a worker and the control thread,
// share. A program of its own, so that it can be run under ThreadSanitizer alone.
#include "dataplane/api/seam.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <filesystem>
#include <latch>
#include <thread>
#include <vector>

#include "crypto/random.h"
#include "dataplane/lease_table.h"
#include "dataplane/snapshot.h"
#include "dataplane/used_set.h"

namespace dp {
namespace {

constexpr unsigned kThreads = 4;
constexpr std::uint64_t kNow = 1'700'000'000;

// Runs `body(thread)` on each thread, all released at once.
template <class Body>
void race(Body body) {
  std::latch start(kThreads);
  std::vector<std::jthread> threads;
  for (unsigned t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      start.arrive_and_wait();
      body(t);
    });
}

class SeamUsedSet : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "seam-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    dir_ = pattern;
    auto set = UsedSet::open(dir_, kNow);
    ASSERT_TRUE(set.has_value()) << set.error().text;
    set_ = std::move(*set);
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }
  std::string dir_;
  std::unique_ptr<UsedSet> set_;
};

// RFC 5723 §4.3.1: two racing message 3 with one ticket, exactly one succeeds. The threads meet
// again before each few hundred tickets, so that they stay close to each other.
TEST_F(SeamUsedSet, RacingSpendsHaveOneWinner) {
  constexpr std::uint64_t kCapacity = 1u << 17;
  constexpr std::uint64_t kRound = 512;
  IssuerUse& use = **set_->create(ike::IssuerId(1), kCapacity, kNow);
  std::vector<std::atomic<unsigned>> winners(kCapacity);
  std::barrier meet(kThreads);
  race([&](unsigned) {
    for (std::uint64_t s = 0; s < kCapacity; ++s) {
      if (s % kRound == 0) meet.arrive_and_wait();
      if (use.spend(ike::TicketSerial(s))) winners[s].fetch_add(1, std::memory_order_relaxed);
    }
  });
  for (std::uint64_t s = 1; s < kCapacity; ++s) {
    ASSERT_EQ(winners[s].load(), 1u) << s;
    ASSERT_TRUE(use.is_spent(ike::TicketSerial(s))) << s;
  }
}

TEST_F(SeamUsedSet, HalfOpensOfATicketStayWithinTheLimit) {
  constexpr unsigned kSerials = 8;  // two octets of counters
  IssuerUse& use = **set_->create(ike::IssuerId(1), 64, kNow);
  std::array<std::atomic<int>, kSerials + 1> inside{};
  std::atomic<int> beyond = 0;
  std::atomic<int> entered = 0;
  race([&](unsigned t) {
    crypto::Random random(t + 1);
    for (int i = 0; i < 20000; ++i) {
      const ike::TicketSerial serial(1 + random.below(kSerials));
      if (!use.enter(serial, 2)) continue;
      entered.fetch_add(1, std::memory_order_relaxed);
      if (inside[serial.value()].fetch_add(1) >= 2) ++beyond;
      inside[serial.value()].fetch_sub(1);
      use.leave(serial);
    }
  });
  EXPECT_EQ(beyond.load(), 0);
  EXPECT_GT(entered.load(), 20000);
  for (std::uint64_t s = 1; s <= kSerials; ++s) {
    EXPECT_TRUE(use.enter(ike::TicketSerial(s), 1)) << "every count is back at 0";
  }
}

// The control thread creates and sweeps while workers look up; each worker is quiet between two
// sweeps.
TEST_F(SeamUsedSet, WorkersFindWhileIssuersComeAndGo) {
  Quiescence quiescence(kThreads);
  std::atomic<bool> stop = false;
  std::atomic<std::uint64_t> found = 0;
  for (unsigned t = 0; t < kThreads; ++t) quiescence.online(t, true);
  std::vector<std::jthread> workers;
  for (unsigned t = 0; t < kThreads; ++t)
    workers.emplace_back([&, t] {
      for (std::uint64_t i = 0; !stop.load(std::memory_order_relaxed); ++i) {
        quiescence.quiet(t);
        IssuerUse* use = set_->find(ike::IssuerId(1 + i % 64));
        if (use == nullptr) continue;
        // Taken back at once, so that later rounds find the ticket unused by half-opens.
        if (use->enter(ike::TicketSerial(1 + t), 1)) use->leave(ike::TicketSerial(1 + t));
        static_cast<void>(use->spend(ike::TicketSerial(1 + i % 62)));
        use->extend_validity(i % 2);
        found.fetch_add(1, std::memory_order_relaxed);
      }
      quiescence.online(t, false);
    });
  const auto wait_until_quiet = [&] {
    for (const auto mark = quiescence.mark(); !quiescence.passed(mark);) std::this_thread::yield();
  };
  std::size_t removed = 0;
  for (std::uint64_t round = 0; round < 20; ++round) {
    const std::uint64_t now = kNow + round * 10 * kUsedGraceS;
    for (std::uint64_t i = 0; i < 4; ++i)
      ASSERT_TRUE(set_->create(ike::IssuerId(1 + (round * 4 + i) % 64), 64, now).has_value());
    wait_until_quiet();
    removed += set_->sweep(now + 2 * kUsedGraceS).value();
  }
  stop = true;
  workers.clear();
  EXPECT_EQ(removed, 19u * 4);
  EXPECT_GT(found.load(), 0u);
}

TEST(SeamLeaseTable, TwoSessionsNeverHoldOneAddress) {
  constexpr std::uint32_t kPool = 8;  // few, so that they meet
  LeaseTable table({{10, 0, 0, 0}, kPool}, {});
  std::array<std::atomic<std::uint64_t>, kPool> owner{};
  std::atomic<int> shared = 0;
  race([&](unsigned t) {
    crypto::Random random(t + 1);
    std::vector<std::pair<std::uint32_t, ike::IkeSpi>> mine;
    for (std::uint64_t i = 1; i <= 200000; ++i) {
      const ike::IkeSpi holder(std::uint64_t{t + 1} << 32 | i);
      const bool any = random.below(2) == 0;
      const auto wish = static_cast<std::uint32_t>(random.below(kPool));
      std::uint32_t index = LeaseTable::kNone;
      if (mine.size() < 3) {
        index = any                                          ? table.claim_any4(holder, wish)
                : table.claim4(wish, holder, ike::IkeSpi(0)) ? wish
                                                             : LeaseTable::kNone;
      }
      if (index != LeaseTable::kNone) {
        if (owner[index].exchange(holder.value()) != 0) ++shared;
        mine.emplace_back(index, holder);
      } else if (!mine.empty()) {
        const auto [given, by] = mine.back();
        mine.pop_back();
        if (owner[given].exchange(0) != by.value()) ++shared;
        table.release4(given, by);
      }
    }
    for (const auto& [given, by] : mine) {
      owner[given] = 0;
      table.release4(given, by);
    }
  });
  EXPECT_EQ(shared.load(), 0);
  EXPECT_EQ(table.held4(), 0u);
  for (std::uint32_t i = 0; i < kPool; ++i)
    EXPECT_NE(table.claim_any4(ike::IkeSpi(i + 1), i), LeaseTable::kNone) << "all are free again";
  EXPECT_EQ(table.claim_any4(ike::IkeSpi(1), 0), LeaseTable::kNone);
}

// Two sessions resumed from one old session race for its address (the old one may end meanwhile).
TEST(SeamLeaseTable, OneOfRacingTakeoversWins) {
  constexpr std::uint32_t kPool = 5000;
  LeaseTable table({{10, 0, 0, 0}, kPool}, {});
  for (std::uint32_t i = 0; i < kPool; ++i)
    ASSERT_TRUE(table.claim4(i, ike::IkeSpi(i + 1), ike::IkeSpi(0)));
  std::vector<std::atomic<unsigned>> winners(kPool);
  race([&](unsigned t) {
    for (std::uint32_t i = 0; i < kPool; ++i) {
      const ike::IkeSpi old(i + 1);
      if (t == 0) {
        table.release4(i, old);
      } else if (table.claim4(i, ike::IkeSpi(std::uint64_t{t} << 32 | i), old)) {
        winners[i].fetch_add(1, std::memory_order_relaxed);
      }
    }
  });
  for (std::uint32_t i = 0; i < kPool; ++i) ASSERT_EQ(winners[i].load(), 1u) << i;
  EXPECT_EQ(table.held4(), kPool);
}

struct Versioned {
  explicit Versioned(std::uint64_t v) : version(v), copy(v) {
    alive.fetch_add(1, std::memory_order_relaxed);
  }
  ~Versioned() {
    copy = ~version;
    alive.fetch_sub(1, std::memory_order_relaxed);
  }
  Versioned(const Versioned&) = delete;
  Versioned& operator=(const Versioned&) = delete;
  std::uint64_t version;
  std::uint64_t copy;
  static inline std::atomic<int> alive = 0;
};

TEST(SeamSnapshot, NothingIsDestroyedWhileAWorkerReadsIt) {
  Quiescence quiescence(kThreads);
  std::atomic<bool> stop = false;
  std::atomic<std::uint64_t> torn = 0;
  std::atomic<std::uint64_t> backwards = 0;
  {
    Snapshot<Versioned> snapshot(quiescence);
    snapshot.publish(std::make_unique<const Versioned>(0));
    std::vector<std::jthread> workers;
    for (unsigned t = 0; t < kThreads; ++t)
      workers.emplace_back([&, t] {
        std::uint64_t last = 0;
        quiescence.online(t, true);
        for (std::uint64_t i = 0; !stop.load(std::memory_order_relaxed); ++i) {
          quiescence.quiet(t);
          if (i % 64 == 63) {  // stops and starts again
            quiescence.online(t, false);
            quiescence.online(t, true);
          }
          const Versioned* seen = snapshot.load();
          if (seen->copy != seen->version) ++torn;
          if (seen->version < last) ++backwards;
          last = seen->version;
          if (i % 16 == 0) std::this_thread::yield();
          if (seen->copy != last) ++torn;
        }
        quiescence.online(t, false);
      });
    for (std::uint64_t v = 1; v <= 4000; ++v) {
      snapshot.publish(std::make_unique<const Versioned>(v));
      if (v % 4 == 0) std::this_thread::yield();
    }
    stop = true;
    workers.clear();
    EXPECT_EQ(snapshot.reclaim(), 0u);
    EXPECT_EQ(Versioned::alive.load(), 1);
  }
  EXPECT_EQ(torn.load(), 0u);
  EXPECT_EQ(backwards.load(), 0u);
  EXPECT_EQ(Versioned::alive.load(), 0);
}

// Both directions at once, the control thread asleep whenever it may: every letter arrives whole,
// once and in order, and nobody is left waiting for a bell.
TEST(SeamLetters, CrossWholeAndInOrder) {
  constexpr std::uint64_t kLetters = 20'000;
  const auto seam = std::make_unique<Seam>();
  Doorbell bell;
  std::jthread worker([&] {
    std::uint64_t sent = 0, obeyed = 0;
    while (sent < kLetters || obeyed < kLetters) {
      Punt* punt = sent < kLetters ? seam->punts.claim() : nullptr;
      if (punt != nullptr) {
        punt->kind = sent % 2 == 0 ? PuntKind::adopted : PuntKind::message;
        punt->message_len = static_cast<std::uint16_t>(1 + sent % 100);
        std::fill_n(punt->message.begin(), punt->message_len, static_cast<std::uint8_t>(sent));
        punt->sa.keys_len = 32;
        punt->sa.keys.fill(static_cast<std::uint8_t>(sent));
        seam->punts.publish();
        ++sent;
        bell.ring();
      }
      if (Order* order = seam->orders.peek()) {
        ASSERT_EQ(order->spi_r.value(), obeyed);
        wipe(*order);
        seam->orders.done();
        ++obeyed;
      }
    }
  });
  std::uint64_t received = 0, ordered = 0;
  while (received < kLetters || ordered < kLetters) {
    Order* order = ordered < kLetters ? seam->orders.claim() : nullptr;
    if (order != nullptr) {
      order->kind = OrderKind::release;
      order->spi_r = ike::IkeSpi(ordered++);
      seam->orders.publish();
    }
    bell.will_sleep();
    Punt* punt = seam->punts.peek();
    if (punt == nullptr && received < kLetters && ordered == kLetters) {
      pollfd p{.fd = bell.fd(), .events = POLLIN, .revents = 0};
      ASSERT_EQ(::poll(&p, 1, 10'000), 1) << "nobody rang";
    }
    bell.is_awake();
    if (punt == nullptr) continue;
    ASSERT_EQ(punt->message_len, 1 + received % 100);
    const auto octets = punt->message_octets();
    const auto expected = static_cast<std::uint8_t>(received);
    ASSERT_TRUE(std::ranges::all_of(octets, [&](std::uint8_t o) { return o == expected; }));
    if (punt->kind == PuntKind::adopted) {
      ASSERT_EQ(punt->sa.keys[31], expected);
    }
    wipe(*punt);
    seam->punts.done();
    ++received;
  }
}

// A question at a time: whoever reads the letter that names a report finds the report whole.
TEST(SeamLetters, ReportsComeWithTheirLetters) {
  constexpr std::uint64_t kQuestions = 3'000;
  const auto seam = std::make_unique<Seam>();
  std::jthread worker([&](const std::stop_token& stop) {
    for (std::uint64_t answered = 0; answered < kQuestions && !stop.stop_requested();) {
      Order* order = seam->orders.peek();
      if (order == nullptr) continue;
      Report* report = seam->reports.claim();
      ASSERT_NE(report, nullptr);
      report->number = order->question.number;
      report->sas_count = 3;
      report->sas[2].id_i_len = 9;
      report->sas[2].id_i.fill(static_cast<std::uint8_t>(answered));
      seam->reports.publish();
      Punt* letter = seam->punts.claim();
      ASSERT_NE(letter, nullptr);
      letter->kind = PuntKind::reported;
      seam->punts.publish();
      wipe(*order);
      seam->orders.done();
      ++answered;
    }
  });
  for (std::uint64_t number = 0; number < kQuestions; ++number) {
    Order* order = seam->orders.claim();
    ASSERT_NE(order, nullptr);
    order->kind = OrderKind::report_sas;
    order->question = {.number = number};
    seam->orders.publish();
    while (seam->punts.peek() == nullptr) std::this_thread::yield();
    Report* report = seam->reports.peek();
    ASSERT_NE(report, nullptr);
    ASSERT_EQ(report->number, number);
    ASSERT_EQ(report->sas[2].id_i[8], static_cast<std::uint8_t>(number));
    wipe(*report);
    seam->reports.done();
    seam->punts.done();
  }
}

TEST(SeamLetters, AreWipedWhenTheyHeldKeys) {
  Punt punt;
  punt.kind = PuntKind::adopted;
  punt.sa.keys.fill(1);
  punt.sa.id_i.fill(2);
  punt.sa.response.fill(3);
  punt.sa.keys_len = 100;
  punt.sa.id_i_len = 10;
  punt.sa.response_len = 20;
  wipe(punt);
  EXPECT_EQ(punt.sa.keys[0] + punt.sa.keys[99] + punt.sa.id_i[9] + punt.sa.response[19], 0);
  EXPECT_EQ(punt.sa.keys_len + punt.sa.id_i_len + punt.sa.response_len, 0);

  const auto report = std::make_unique<Report>();
  report->sas_count = 2;
  report->sas[1].id_i.fill(5);
  report->sas[1].id_i_len = 6;
  wipe(*report);
  EXPECT_EQ(report->sas[1].id_i[0] + report->sas[1].id_i[5] + report->sas[1].id_i_len, 0);
  EXPECT_EQ(report->sas_count, 0u);

  Order order;
  order.child.keymat.fill(4);
  wipe(order);
  EXPECT_EQ(order.child.keymat[0], 4);  // a plain message
  order.kind = OrderKind::install_child;
  wipe(order);
  EXPECT_EQ(order.child.keymat.front() + order.child.keymat.back(), 0);
}

}  // namespace
}  // namespace dp
