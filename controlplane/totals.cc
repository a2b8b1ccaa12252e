// Reads, adds and subtracts counters.
#include "controlplane/totals.h"

#include <algorithm>

#include "crypto/base/error.h"

namespace cp {

std::uint64_t Totals::operator[](std::string_view name) const {
  const auto row = std::ranges::find(kCounterRows, name, &CounterRow::name);
  CHECK(row != kCounterRows.end());
  return counters[static_cast<std::size_t>(row - kCounterRows.begin())];
}

Totals& Totals::operator+=(const Totals& other) {
  for (std::size_t i = 0; i < kCounterCount; ++i) counters[i] += other.counters[i];
  for (std::size_t i = 0; i < dp::kStageCount; ++i) stage_cycles[i] += other.stage_cycles[i];
  for (std::size_t i = 0; i < dp::kDropCount; ++i) drops[i] += other.drops[i];
  return *this;
}

Totals Totals::since(const Totals& earlier) const {
  Totals d = *this;
  for (std::size_t i = 0; i < kCounterCount; ++i)
    if (!kCounterRows[i].is_gauge) d.counters[i] -= earlier.counters[i];
  for (std::size_t i = 0; i < dp::kStageCount; ++i) d.stage_cycles[i] -= earlier.stage_cycles[i];
  for (std::size_t i = 0; i < dp::kDropCount; ++i) d.drops[i] -= earlier.drops[i];
  return d;
}

double Totals::cycles_per_resumption() const {
  const std::uint64_t resumptions = (*this)["resumptions"];
  if (resumptions == 0) return 0;
  return static_cast<double>((*this)["busy_cycles"]) / static_cast<double>(resumptions);
}

Totals totals_of(const dp::WorkerCounters& counters) {
  Totals totals;
  for (std::size_t i = 0; i < kCounterCount; ++i)
    totals.counters[i] = (counters.*kCounterRows[i].counter).get();
  for (std::size_t i = 0; i < dp::kStageCount; ++i)
    totals.stage_cycles[i] = counters.stage_cycles[i].get();
  for (std::size_t i = 0; i < dp::kDropCount; ++i) totals.drops[i] = counters.drops[i].get();
  return totals;
}

Totals totals_of(const Workers& workers) {
  Totals sum;
  for (unsigned worker = 0; worker < workers.worker_count(); ++worker)
    sum += totals_of(workers.counters(worker));
  return sum;
}

}  // namespace cp
