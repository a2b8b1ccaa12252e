// What does a whole resumption cost in the worker, and how near is that to its cryptography alone?
//
// Both exchanges of RFC 5723 run through the real stages on an in-memory port. Requests are made
// beforehand by the load generator's clients in rounds of kBatch, outside of the timed part; timed
// is only Worker::run_once. In the same run and over a working set of the same size: the pure
// crypto chain with IPsec-MB and with OpenSSL (contexts kept), one message after the other. Items
// are resumptions.
//
//   resume/in_process   counters: ns_each, pure_ns_each, ossl_ns_each, vs_pure, vs_openssl, stage_*
//   resume/scaling      ns_at_10k, ns_at_1m, their ratio, all sessions kept; octets a session
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "bench/pure_chain.h"
#include "bench/rig_load.h"
#include "crypto/base/error.h"
#include "dataplane/eal.h"

namespace {

using bench::kFlights;

struct Cost {
  double ns_each = 0;
  std::uint64_t resumed = 0;
};

// Resumes `clients` and returns the worker's busy time for each, by its own cycle counter.
Cost resume_all(rig::GatewayRig& gateway, const storm::TicketBag& bag, std::uint32_t clients) {
  bench::Load load(gateway, bag, clients);
  const dp::WorkerCounters& counters = gateway.worker().counters();
  const std::uint64_t before = counters.busy_cycles.get();
  const std::uint64_t resumed_before = counters.resumptions.get();
  while (!load.initiator().everyone_has_ended()) {
    load.feed(256);
    while (gateway.worker().run_once(gateway.now) != 0) {
    }
    load.take_answers();
    gateway.now.ms += 1;
  }
  Cost cost;
  cost.resumed = counters.resumptions.get() - resumed_before;
  CHECK(cost.resumed == clients && load.initiator().totals().resumed() == clients);
  cost.ns_each = static_cast<double>(counters.busy_cycles.get() - before) /
                 static_cast<double>(cost.resumed) * 1e9 / static_cast<double>(dp::tsc_hz());
  return cost;
}

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v[v.size() / 2];
}

// ns for each resumption of the chain alone, over a pool of `pool` sessions.
double chain_ns(crypto::Engine& engine, std::size_t pool, std::size_t lanes) {
  bench::PureChain chain(engine, crypto::Prf::hmac_sha256, pool, lanes);
  const std::size_t batches = 16384 / lanes;
  for (std::size_t i = 0; i < batches / 4; ++i) chain.run_batch();
  const std::uint64_t before = dp::tsc();
  for (std::size_t i = 0; i < batches; ++i) chain.run_batch();
  return static_cast<double>(dp::tsc() - before) / static_cast<double>(batches * lanes) * 1e9 /
         static_cast<double>(dp::tsc_hz());
}

rig::Options options_for(std::uint32_t sessions) {
  return {.sessions_max = sessions,
          .port_buffers = 4 * kFlights,
          .configure = [](dp::WorkerConfig& c) { c.admission.half_open_per_prefix = 0; },
          .cycles = &dp::tsc};
}

void resume_in_process(benchmark::State& state) {
  const auto clients = static_cast<std::uint32_t>(state.range(0));
  const auto mb = crypto::make_mb_engine();
  const auto ossl = crypto::make_ossl_engine();
  std::vector<double> ours, pure, openssl;
  std::array<double, dp::kStageCount> stages{};
  for (auto _ : state) {
    rig::GatewayRig gateway(options_for(1u << 18));
    const auto bag = gateway.mint({.clients = clients, .id_len = 36});
    // Interleaved, so that a noisy moment hits all three.
    pure.push_back(chain_ns(*mb, kFlights, 32));
    const Cost cost = resume_all(gateway, bag, clients);
    openssl.push_back(chain_ns(*ossl, kFlights, 1));
    ours.push_back(cost.ns_each);
    state.SetIterationTime(cost.ns_each * static_cast<double>(cost.resumed) / 1e9);
    for (std::size_t i = 0; i < stages.size(); ++i)
      stages[i] = static_cast<double>(gateway.worker().counters().stage_cycles[i].get()) / clients;
  }
  state.SetItemsProcessed(state.iterations() * clients);
  state.counters["ns_each"] = median(ours);
  state.counters["pure_ns_each"] = median(pure);
  state.counters["ossl_ns_each"] = median(openssl);
  state.counters["resumptions_per_second"] = 1e9 / median(ours);
  state.counters["vs_pure"] = median(pure) / median(ours);
  state.counters["vs_openssl"] = median(openssl) / median(ours);
  const double ns_per_cycle = 1e9 / static_cast<double>(dp::tsc_hz());
  for (std::size_t i = 0; i < stages.size(); ++i)
    state.counters["stage_" + std::string(dp::kStageNames[i])] = stages[i] * ns_per_cycle;
}
BENCHMARK(resume_in_process)
    ->Name("resume/in_process")
    ->Arg(65536)
    ->UseManualTime()
    ->Iterations(5)
    ->Unit(benchmark::kMillisecond);

// Does a resumption cost more when a million sessions are there already?
void resume_scaling(benchmark::State& state) {
  constexpr std::uint32_t kClients = 1'000'000;
  constexpr std::uint32_t kSlice = 32768;
  std::vector<double> few, many;
  for (auto _ : state) {
    rig::GatewayRig gateway(options_for(1u << 20));
    const auto bag = gateway.mint({.clients = kClients, .id_len = 36});
    bench::Load load(gateway, bag, kClients);
    const dp::WorkerCounters& counters = gateway.worker().counters();
    const auto run_until = [&](std::uint64_t resumed) {
      while (counters.resumptions.get() < resumed) {
        CHECK(load.feed(256) || counters.half_opens.get() != 0);
        while (gateway.worker().run_once(gateway.now) != 0) {
        }
        load.take_answers();
        gateway.now.ms += 1;
      }
    };
    const auto slice_ns = [&](std::uint64_t from) {
      run_until(from);
      const std::uint64_t cycles = counters.busy_cycles.get();
      const std::uint64_t resumed = counters.resumptions.get();
      run_until(from + kSlice);
      return static_cast<double>(counters.busy_cycles.get() - cycles) /
             static_cast<double>(counters.resumptions.get() - resumed) * 1e9 /
             static_cast<double>(dp::tsc_hz());
    };
    few.push_back(slice_ns(10'000));
    many.push_back(slice_ns(kClients - kSlice));
    state.SetIterationTime(many.back() * kSlice / 1e9);
    state.counters["bytes_per_session"] = static_cast<double>(gateway.worker().bytes_per_session());
    state.counters["ticket_octets"] = static_cast<double>(bag.at(0).ticket.size());
  }
  state.counters["ns_at_10k"] = median(few);
  state.counters["ns_at_1m"] = median(many);
  state.counters["ratio"] = median(many) / median(few);
}
BENCHMARK(resume_scaling)
    ->Name("resume/scaling")
    ->UseManualTime()
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
