// Counters as numbers: names, sums, differences.
#include "controlplane/totals.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/controlplane/fake_workers.h"

namespace cp {
namespace {

TEST(Totals, NamesEveryCounterOnce) {
  std::set<std::string_view> names;
  for (const CounterRow& row : kCounterRows) names.insert(row.name);
  EXPECT_EQ(names.size(), kCounterCount);
  // WorkerCounters has nothing but these, the cycles of stages and the drops.
  EXPECT_EQ(sizeof(dp::WorkerCounters) / sizeof(dp::Counter) * sizeof(dp::Counter),
            sizeof(dp::WorkerCounters));
  const std::size_t counted = kCounterCount + dp::kStageCount + dp::kDropCount;
  EXPECT_LE(counted * sizeof(dp::Counter), sizeof(dp::WorkerCounters));
  EXPECT_LT(sizeof(dp::WorkerCounters) - counted * sizeof(dp::Counter), 64u)
      << "a counter of WorkerCounters has no row in kCounterRows";
}

TEST(Totals, AddsWorkersAndSubtractsWhatWas) {
  FakeWorkers workers(2);
  workers.counters_of(0).resumptions.add(3);
  workers.counters_of(1).resumptions.add(4);
  workers.counters_of(1).sessions.set(9);
  workers.counters_of(1).drops[static_cast<std::size_t>(dp::Drop::ticket_spent)].add(2);
  const Totals before = totals_of(workers);
  EXPECT_EQ(before["resumptions"], 7u);
  workers.counters_of(0).resumptions.add(5);
  workers.counters_of(0).stage_cycles[0].add(11);
  const Totals after = totals_of(workers);
  const Totals change = after.since(before);
  EXPECT_EQ(change["resumptions"], 5u);
  EXPECT_EQ(change["sessions"], 9u) << "a gauge is no difference";
  EXPECT_EQ(change.drops[static_cast<std::size_t>(dp::Drop::ticket_spent)], 0u);
  EXPECT_EQ(change.stage_cycles[0], 11u);
}

TEST(Totals, CountsCyclesForOneResumption) {
  FakeWorkers workers(1);
  EXPECT_EQ(totals_of(workers).cycles_per_resumption(), 0);
  workers.counters_of(0).resumptions.add(4);
  workers.counters_of(0).busy_cycles.add(10);
  EXPECT_DOUBLE_EQ(totals_of(workers).cycles_per_resumption(), 2.5);
}

}  // namespace
}  // namespace cp
