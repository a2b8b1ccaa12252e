// What does an ESP packet cost in the worker, and how near is that to its cryptography alone?
//
// Packets sealed by their clients, or sent by a host of the private network, run through the real
// stages on in-memory ports; timed is only Worker::run_once. In the same run, interleaved, over as
// many buffers of the same lengths and as many keys: the bare calls of IPsec-MB, once with every
// key expanded beforehand and once expanding each key for its packet. Each SA has one packet before
// one has a second: no cache is flattered. AES-GCM-256, ESN, UDP encapsulation, IPv4. Arguments:
// octets of the inner packet (0 = IMIX: 7 of 64, 4 of 576, 1 of 1420), Child SAs. Items are
// packets.
//
//   esp/in       from a client to the private network, up to the choice of the next hop
//   esp/out      from the private network, by the inside port, to a client: routed and sealed
//   esp/relay    from a client to another: opened and sealed
//                counters: ns_each, kept_ns_each and made_ns_each (the bare calls), vs_raw (the
//                faster of the two), packets_per_second, stage_*
//   esp/scaling  100,000 SAs beside 1,000: ns at either, their ratio as rates
// `tools/figures --esp-table` runs all of it with what dpdk-test-crypto-perf says of the same
// cipher and sizes.
#include <benchmark/benchmark.h>

#include <string>

#include "bench/esp_load.h"
#include "dataplane/arena.h"

namespace {

using bench::EspLoad;
using bench::kRound;

constexpr crypto::Aead kAlg = crypto::Aead::aes256_gcm;

double median(std::vector<double> v) {
  std::ranges::sort(v);
  return v[v.size() / 2];
}

double ns_of(std::uint64_t cycles, std::size_t items) {
  return static_cast<double>(cycles) / static_cast<double>(items) * 1e9 /
         static_cast<double>(dp::tsc_hz());
}

// The cryptography of a round of packets and nothing else.
class BareAead {
 public:
  enum class Keys : std::uint8_t { kept, made };

  BareAead(std::uint32_t sas, std::span<const std::size_t> sizes)
      : engine_(crypto::make_mb_engine()), order_(sas), raw_(sas) {
    auto kept = dp::Arena::map(sas * sizeof(crypto::ExpandedKey), "bare keys");
    auto buffers = dp::Arena::map(kRound * kBuffer, "bare packets");
    CHECK(kept.has_value() && buffers.has_value());
    kept_ = std::move(*kept);
    buffers_ = std::move(*buffers);
    crypto::Random random(1);
    for (std::uint32_t i = 0; i < sas; ++i) {
      random.fill(raw_[i]);
      const crypto::ExpandLane lane{raw_[i].data(), &key(i)};
      engine_->expand(kAlg, {&lane, 1});
    }
    for (std::size_t i = 0; i < kRound; ++i) {
      std::uint8_t* packet = static_cast<std::uint8_t*>(buffers_.data()) + i * kBuffer;
      const std::size_t len = (sizes[i % sizes.size()] + 2 + 3) / 4 * 4;
      lanes_[i] = {.nonce = packet,
                   .aad = {packet + 12, 12},
                   .in = packet + 24,
                   .len = static_cast<std::uint32_t>(len),
                   .out = packet + 24,
                   .tag = packet + 24 + len};
    }
  }

  struct Cost {
    double seal_ns = 0, open_ns = 0;
  };
  // The packets of either way are of other SAs than those of the other: what one read is no help to
  // the next.
  Cost run(Keys keys) {
    Cost cost;
    next_sas(Keys::made);
    engine_->seal(kAlg, lanes_);
    set_keys(keys);
    cost.open_ns = time([&](std::span<crypto::AeadLane> burst) { engine_->open(kAlg, burst); });
    for (const crypto::AeadLane& lane : lanes_) CHECK(lane.ok);
    next_sas(keys);
    cost.seal_ns = time([&](std::span<crypto::AeadLane> burst) { engine_->seal(kAlg, burst); });
    return cost;
  }

 private:
  static constexpr std::size_t kBuffer = 2048;
  crypto::ExpandedKey& key(std::uint32_t i) const {
    return static_cast<crypto::ExpandedKey*>(kept_.data())[i];
  }
  void next_sas(Keys keys) {
    for (std::uint32_t& sa : sas_) sa = order_.next();
    set_keys(keys);
  }
  void set_keys(Keys keys) {
    for (std::size_t i = 0; i < kRound; ++i) {
      lanes_[i].key = keys == Keys::kept ? &key(sas_[i]) : nullptr;
      lanes_[i].raw_key = raw_[sas_[i]].data();
    }
  }
  template <class F>
  double time(F f) {
    const std::uint64_t start = dp::tsc();
    for (std::size_t at = 0; at < kRound; at += dp::kBurstMax)
      f(std::span(lanes_).subspan(at, dp::kBurstMax));
    return ns_of(dp::tsc() - start, kRound);
  }

  std::unique_ptr<crypto::Engine> engine_;
  bench::SaOrder order_;
  std::vector<std::array<std::uint8_t, 32>> raw_;
  dp::Arena kept_, buffers_;
  std::array<std::uint32_t, kRound> sas_;
  std::array<crypto::AeadLane, kRound> lanes_;
};

const ike::Suite kSuite{.esn = true};

// Rounds until each SA had a packet, and no fewer than make a median.
std::size_t rounds_for(std::uint32_t sas) { return std::max<std::size_t>(256, 2 * sas / kRound); }

// What each stage costs a packet, by the worker's own account: medians over rounds, because another
// process on the core may take a slice of any stage.
class Stages {
 public:
  explicit Stages(const dp::WorkerCounters& counters) : counters_(counters) { note(false); }
  void note(bool timed = true) {
    for (std::size_t i = 0; i < dp::kStageCount; ++i) {
      const std::uint64_t cycles = counters_.stage_cycles[i].get();
      if (timed) ns_[i].push_back(ns_of(cycles - before_[i], kRound));
      before_[i] = cycles;
    }
  }
  void report(benchmark::State& state) const {
    for (std::size_t i = 0; i < dp::kStageCount; ++i)
      if (const double ns = median(ns_[i]); ns >= 1)
        state.counters["stage_" + std::string(dp::kStageNames[i])] = ns;
  }

 private:
  const dp::WorkerCounters& counters_;
  std::array<std::uint64_t, dp::kStageCount> before_{};
  std::array<std::vector<double>, dp::kStageCount> ns_;
};

void esp(benchmark::State& state, EspLoad::Way way) {
  const std::vector<std::size_t> sizes = bench::sizes_of(static_cast<std::size_t>(state.range(0)));
  const auto sas = static_cast<std::uint32_t>(state.range(1));
  EspLoad load(sas, kSuite, way);
  BareAead bare(sas, sizes);
  std::vector<double> ours, kept, made;
  Stages stages(load.counters());
  const auto bare_ns = [&](BareAead::Keys keys) {
    const BareAead::Cost cost = bare.run(keys);
    return (way == EspLoad::Way::in ? 0 : cost.seal_ns) +
           (way == EspLoad::Way::out ? 0 : cost.open_ns);
  };
  for (auto _ : state) {
    double spent_ns = 0;
    for (std::size_t i = 0; i < rounds_for(sas); ++i) {
      kept.push_back(bare_ns(BareAead::Keys::kept));
      load.fill(sizes);
      ours.push_back(load.run());
      stages.note();
      made.push_back(bare_ns(BareAead::Keys::made));
      spent_ns += ours.back() * kRound;
    }
    state.SetIterationTime(spent_ns / 1e9);
  }
  const std::size_t packets = ours.size() * kRound;
  state.SetItemsProcessed(static_cast<std::int64_t>(packets));
  const double raw = std::min(median(kept), median(made));
  state.counters["ns_each"] = median(ours);
  state.counters["kept_ns_each"] = median(kept);
  state.counters["made_ns_each"] = median(made);
  state.counters["vs_raw"] = raw / median(ours);
  state.counters["packets_per_second"] = 1e9 / median(ours);
  stages.report(state);
}

void every_case(benchmark::internal::Benchmark* b) {
  for (const int size : {64, 512, 1420, 0})
    for (const int sas : {1, 1'000, 100'000, 500'000}) b->Args({size, sas});
  b->UseManualTime()->Iterations(1)->Unit(benchmark::kMillisecond);
}
BENCHMARK_CAPTURE(esp, in, EspLoad::Way::in)->Apply(every_case);
BENCHMARK_CAPTURE(esp, out, EspLoad::Way::out)->Apply(every_case);
BENCHMARK_CAPTURE(esp, relay, EspLoad::Way::relay)->Apply(every_case);

// Does a packet cost more when there are a hundred times as many SAs?
void esp_scaling(benchmark::State& state) {
  const std::vector<std::size_t> sizes = bench::sizes_of(static_cast<std::size_t>(state.range(0)));
  std::vector<double> few, many;
  for (auto _ : state) {
    EspLoad small(1'000, kSuite, EspLoad::Way::relay), large(100'000, kSuite, EspLoad::Way::relay);
    double spent_ns = 0;
    for (std::size_t i = 0; i < rounds_for(100'000); ++i) {
      small.fill(sizes);
      few.push_back(small.run());
      large.fill(sizes);
      many.push_back(large.run());
      spent_ns += many.back() * kRound;
    }
    state.SetIterationTime(spent_ns / 1e9);
  }
  state.counters["ns_at_1k"] = median(few);
  state.counters["ns_at_100k"] = median(many);
  state.counters["ratio"] = median(few) / median(many);
}
BENCHMARK(esp_scaling)
    ->Name("esp/scaling")
    ->Arg(1420)
    ->Arg(0)
    ->UseManualTime()
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
