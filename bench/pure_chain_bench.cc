// What does the crypto of one whole resumption cost, with IPsec-MB and with OpenSSL?
//
// Items are resumptions. OpenSSL runs in lockstep over 32 lanes, and with one lane, where it may
// keep the key of a session from one HMAC to the next. All arrangements put out the same octets, or
// the program stops before it times anything. "pool" is the number of sessions that batches rotate
// over: 32 stay in the cache, 4096 do not. steps_*: ns per resumption of each step.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "bench/pure_chain.h"
#include "crypto/base/error.h"

namespace {

constexpr crypto::Prf kPrfs[] = {crypto::Prf::hmac_sha256, crypto::Prf::hmac_sha384,
                                 crypto::Prf::hmac_sha512};
constexpr const char* kPrfNames[] = {"sha256", "sha384", "sha512"};

crypto::Engine& mb() {
  static const auto engine = crypto::make_mb_engine();
  CHECK(engine != nullptr);  // this processor cannot run IPsec-MB
  return *engine;
}

crypto::Engine& ossl() {
  static const auto engine = crypto::make_ossl_engine();
  return *engine;
}

// Besides the mean there is the best batch: on a machine with other work it is the honest number.
void time_chain(benchmark::State& state, crypto::Engine& engine, crypto::Prf prf, std::size_t pool,
                std::size_t lanes) {
  using Clock = std::chrono::steady_clock;
  bench::PureChain chain(engine, prf, pool, lanes);
  auto best = Clock::duration::max();
  for (auto _ : state) {
    const auto before = Clock::now();
    chain.run_batch();
    best = std::min(best, Clock::now() - before);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(lanes));
  state.counters["best_ns_each"] =
      std::chrono::duration<double, std::nano>(best).count() / static_cast<double>(lanes);
}

// The steps, each with its own best; the clock adds about one ns per lane and step.
void time_steps(benchmark::State& state, crypto::Engine& engine, crypto::Prf prf) {
  bench::PureChain chain(engine, prf, bench::kChainLanesMax);
  bench::StepNs best;
  best.fill(1e18);
  for (auto _ : state) {
    bench::StepNs time{};
    chain.run_batch(time);
    for (std::size_t i = 0; i < bench::kStepCount; ++i) best[i] = std::min(best[i], time[i]);
  }
  state.SetItemsProcessed(state.iterations() * std::int64_t{bench::kChainLanesMax});
  for (std::size_t i = 0; i < bench::kStepCount; ++i)
    state.counters[bench::step_name(static_cast<bench::Step>(i))] = best[i] / bench::kChainLanesMax;
}

// One pass over a small pool with every engine and batch; the outputs must be equal.
void check_agreement(crypto::Prf prf) {
  constexpr std::size_t kPool = 64;
  const auto digest = [&](crypto::Engine& engine, std::size_t lanes) {
    bench::PureChain chain(engine, prf, kPool, lanes);
    for (std::size_t i = 0; i < kPool / lanes; ++i) chain.run_batch();
    return chain.digest();
  };
  const auto expected = digest(ossl(), 1);
  if (digest(ossl(), 32) != expected || digest(mb(), 32) != expected ||
      digest(mb(), 8) != expected) {
    std::fprintf(stderr, "the engines do not agree\n");
    std::exit(1);
  }
}

void add(const std::string& name, crypto::Engine& engine, crypto::Prf prf, std::size_t pool,
         std::size_t lanes) {
  benchmark::RegisterBenchmark(
      (name + "/lanes:" + std::to_string(lanes) + "/pool:" + std::to_string(pool)).c_str(),
      [&engine, prf, pool, lanes](benchmark::State& state) {
        time_chain(state, engine, prf, pool, lanes);
      });
}

}  // namespace

int main(int argc, char** argv) {
  std::printf("%s\n%s\n", mb().name(), ossl().name());
  for (std::size_t i = 0; i < std::size(kPrfs); ++i) {
    const crypto::Prf prf = kPrfs[i];
    check_agreement(prf);
    const std::string name = kPrfNames[i];
    for (const std::size_t lanes : {1u, 8u, 32u}) add("chain_mb/" + name, mb(), prf, 32, lanes);
    add("chain_mb/" + name, mb(), prf, 4096, 32);
    add("chain_ossl/" + name, ossl(), prf, 32, 1);
    add("chain_ossl/" + name, ossl(), prf, 32, 32);
    add("chain_ossl/" + name, ossl(), prf, 4096, 1);
    benchmark::RegisterBenchmark(("steps_mb/" + name).c_str(),
                                 [prf](benchmark::State& state) { time_steps(state, mb(), prf); });
    benchmark::RegisterBenchmark(("steps_ossl/" + name).c_str(), [prf](benchmark::State& state) {
      time_steps(state, ossl(), prf);
    });
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
