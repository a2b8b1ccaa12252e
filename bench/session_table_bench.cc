// Is finding a session by arithmetic cheaper than by hashing, and what does a session's life cost?
//
// All sessions of a table in random order. The rival is std::unordered_map from SPI to slot, with
// room reserved. Ours includes deciphering the SPI (27 rounds of Speck) and comparing the tag.
// "burst" looks up 32 at a time as the worker does: decipher and prefetch all, then find all.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <memory>
#include <random>
#include <unordered_map>
#include <vector>

#include "crypto/base/error.h"
#include "crypto/random.h"
#include "dataplane/esp_sa.h"
#include "dataplane/lanes.h"
#include "dataplane/session_table.h"

namespace dp {
namespace {

struct Filled {
  explicit Filled(std::size_t count) {
    auto made = SessionTable::make(
        {.sessions_max = static_cast<std::uint32_t>(count), .half_open_max = 64, .spill_max = 1}, 1,
        codec);
    CHECK(made.has_value());
    table = std::move(*made);
    map.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      HalfOpen* half = table->open_half(random);
      CHECK(half != nullptr);
      spis.push_back(half->spi_r);
      map.emplace(half->spi_r.value(), half->slot);
      table->establish(*half);
      table->finish_half(*half);
    }
    std::shuffle(spis.begin(), spis.end(), std::mt19937(1));
  }
  bool agree() const {
    return std::ranges::all_of(spis, [&](ike::IkeSpi spi) {
      return table->find(codec.decode(spi)).slot == map.at(spi.value());
    });
  }
  SpiCodec codec{{7, 7, 7}};
  crypto::Random random{1};
  std::unique_ptr<SessionTable> table;
  std::unordered_map<std::uint64_t, std::uint32_t> map;
  std::vector<ike::IkeSpi> spis;
};

void report(benchmark::State& state, const Filled& filled, std::size_t per_iteration) {
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(per_iteration));
  state.counters["bytes_per_session"] = static_cast<double>(filled.table->bytes_per_session());
  state.counters["bytes_child"] = static_cast<double>(sizeof(EspSa));
}

void find_alone(benchmark::State& state) {
  const Filled filled(static_cast<std::size_t>(state.range(0)));
  if (!filled.agree()) return state.SkipWithError("table and rival disagree");
  std::size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(filled.table->find(filled.codec.decode(filled.spis[i])));
    if (++i == filled.spis.size()) i = 0;
  }
  report(state, filled, 1);
}
BENCHMARK(find_alone)->Arg(10'000)->Arg(1'000'000);

void find_burst(benchmark::State& state) {
  const Filled filled(static_cast<std::size_t>(state.range(0)));
  if (!filled.agree()) return state.SkipWithError("table and rival disagree");
  std::size_t i = 0;
  std::array<SpiParts, kBurstMax> parts;
  for (auto _ : state) {
    filled.codec.decode(std::span(filled.spis).subspan(i, kBurstMax), parts);
    for (const SpiParts& p : parts) filled.table->prefetch(p);
    for (const SpiParts& p : parts) benchmark::DoNotOptimize(filled.table->find(p));
    i += kBurstMax;
    if (i + kBurstMax > filled.spis.size()) i = 0;
  }
  report(state, filled, kBurstMax);
}
BENCHMARK(find_burst)->Arg(10'000)->Arg(1'000'000);

void find_unordered_map(benchmark::State& state) {
  const Filled filled(static_cast<std::size_t>(state.range(0)));
  std::size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(filled.map.find(filled.spis[i].value()));
    if (++i == filled.spis.size()) i = 0;
  }
  report(state, filled, 1);
}
BENCHMARK(find_unordered_map)->Arg(10'000)->Arg(1'000'000);

// An SPI that is nobody's: what a flood of garbage costs.
void find_nothing(benchmark::State& state) {
  const Filled filled(static_cast<std::size_t>(state.range(0)));
  std::uint64_t spi = 1;
  for (auto _ : state) {
    spi = spi * 0x9e3779b97f4a7c15 + 1;
    benchmark::DoNotOptimize(filled.table->find(filled.codec.decode(ike::IkeSpi(spi))));
  }
  report(state, filled, 1);
}
BENCHMARK(find_nothing)->Arg(1'000'000);

// A whole life with records of ordinary size: opened, established, closed, all wiped.
void open_establish_close(benchmark::State& state) {
  Filled filled(static_cast<std::size_t>(state.range(0)));
  std::size_t i = 0;
  for (auto _ : state) {
    // Some session ends, and a new one takes its slot: the records are as cold as in a full table.
    const std::uint32_t slot = filled.table->find(filled.codec.decode(filled.spis[i])).slot;
    filled.table->close(slot);
    HalfOpen* half = filled.table->open_half(filled.random);
    half->message1_len = 350;
    half->message2_len = 130;
    half->nonce_i_len = 32;
    half->state_len = 200;
    filled.spis[i] = half->spi_r;
    Session& session = filled.table->establish(*half);
    session.id_i_len = 30;
    session.response_len = 400;
    filled.table->finish_half(*half);
    if (++i == filled.spis.size()) i = 0;
  }
  report(state, filled, 1);
}
BENCHMARK(open_establish_close)->Arg(10'000)->Arg(1'000'000);

// The rival's part of that life: one entry of the map and one record from the heap, nothing wiped.
void open_establish_close_heap(benchmark::State& state) {
  Filled filled(static_cast<std::size_t>(state.range(0)));
  std::unordered_map<std::uint64_t, std::unique_ptr<Session>> rival;
  rival.reserve(filled.spis.size());
  for (const ike::IkeSpi spi : filled.spis)
    rival.emplace(spi.value(), std::make_unique_for_overwrite<Session>());
  std::size_t i = 0;
  for (auto _ : state) {
    rival.erase(filled.spis[i].value());
    filled.spis[i] = ike::IkeSpi(filled.random.u64());
    rival.emplace(filled.spis[i].value(), std::make_unique_for_overwrite<Session>());
    if (++i == filled.spis.size()) i = 0;
  }
  report(state, filled, 1);
}
BENCHMARK(open_establish_close_heap)->Arg(10'000)->Arg(1'000'000);

}  // namespace
}  // namespace dp

BENCHMARK_MAIN();
