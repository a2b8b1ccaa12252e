// What does it cost to open and to seal a ticket, in batches, with IPsec-MB and with OpenSSL?
//
// Text of 200 octets, AAD of 24: a ticket. Arguments: lanes in the batch. "shared" is one expanded
// key for all lanes, "raw" is a fresh key for each lane, as SK payloads of a resumption have it;
// "expand" is the set-up of keys alone. Both engines must give the same octets before anything is
// timed.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "crypto/base/error.h"
#include "crypto/engine.h"
#include "crypto/random.h"

namespace {

using crypto::Aead;

constexpr std::size_t kLanesMax = 64;
constexpr std::size_t kText = 200;
constexpr std::size_t kAad = 24;

struct NamedAead {
  Aead alg;
  const char* name;
};
constexpr NamedAead kAeads[] = {{Aead::aes128_gcm, "aes128_gcm"},
                                {Aead::aes256_gcm, "aes256_gcm"},
                                {Aead::chacha20_poly1305, "chacha20_poly1305"}};

struct Ticket {
  std::array<std::uint8_t, 32> key;
  std::array<std::uint8_t, crypto::kAeadNonceLen> nonce;
  std::array<std::uint8_t, kAad> aad;
  std::array<std::uint8_t, kText> text;
  std::array<std::uint8_t, kText> sealed;
  std::array<std::uint8_t, kText> opened;
  std::array<std::uint8_t, crypto::kAeadTagLen> tag;
};

class Batch {
 public:
  Batch(crypto::Engine& engine, Aead alg, std::size_t count, bool shared)
      : engine_(engine), alg_(alg), tickets_(count), lanes_(count) {
    crypto::Random random(1);
    for (Ticket& ticket : tickets_)
      random.fill({static_cast<std::uint8_t*>(static_cast<void*>(&ticket)), sizeof ticket});
    const crypto::ExpandLane expand{tickets_[0].key.data(), &shared_};
    engine_.expand(alg_, {&expand, 1});
    for (std::size_t i = 0; i < count; ++i) {
      Ticket& t = tickets_[i];
      lanes_[i] = {.key = shared ? &shared_ : nullptr,
                   .raw_key = t.key.data(),
                   .nonce = t.nonce.data(),
                   .aad = t.aad,
                   .len = kText,
                   .tag = t.tag.data()};
    }
    seal();
  }
  void seal() {
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      lanes_[i].in = tickets_[i].text.data();
      lanes_[i].out = tickets_[i].sealed.data();
    }
    engine_.seal(alg_, lanes_);
  }
  void open() {
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      lanes_[i].in = tickets_[i].sealed.data();
      lanes_[i].out = tickets_[i].opened.data();
    }
    engine_.open(alg_, lanes_);
  }
  bool all_opened() const {
    return std::ranges::all_of(lanes_, &crypto::AeadLane::ok) &&
           std::ranges::all_of(tickets_, [](const Ticket& t) { return t.opened == t.text; });
  }
  bool same_as(const Batch& other) const {
    return std::ranges::equal(tickets_, other.tickets_, [](const Ticket& a, const Ticket& b) {
      return a.sealed == b.sealed && a.tag == b.tag;
    });
  }

 private:
  crypto::Engine& engine_;
  Aead alg_;
  crypto::ExpandedKey shared_;
  std::vector<Ticket> tickets_;
  std::vector<crypto::AeadLane> lanes_;
};

void check_agreement(crypto::Engine& a, crypto::Engine& b) {
  for (const NamedAead& named : kAeads) {
    for (const bool shared : {true, false}) {
      Batch from_a(a, named.alg, kLanesMax, shared);
      Batch from_b(b, named.alg, kLanesMax, shared);
      from_a.open();
      from_b.open();
      CHECK(from_a.same_as(from_b) && from_a.all_opened() && from_b.all_opened());
    }
  }
}

void set_items(benchmark::State& state) {
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void add(const std::string& engine_name, crypto::Engine& engine, const NamedAead& named) {
  const std::string name = "_" + engine_name + "/" + named.name;
  const auto batches = [](benchmark::internal::Benchmark* b) {
    for (const int lanes : {1, 2, 4, 8, 16, 32, 64}) b->Arg(lanes);
  };
  const Aead alg = named.alg;
  for (const bool shared : {true, false}) {
    const std::string key = shared ? "/shared" : "/raw";
    batches(benchmark::RegisterBenchmark(
        ("open" + name + key).c_str(), [&engine, alg, shared](benchmark::State& state) {
          Batch batch(engine, alg, static_cast<std::size_t>(state.range(0)), shared);
          for (auto _ : state) batch.open();
          set_items(state);
        }));
    batches(benchmark::RegisterBenchmark(
        ("seal" + name + key).c_str(), [&engine, alg, shared](benchmark::State& state) {
          Batch batch(engine, alg, static_cast<std::size_t>(state.range(0)), shared);
          for (auto _ : state) batch.seal();
          set_items(state);
        }));
  }
  batches(benchmark::RegisterBenchmark(
      ("expand" + name).c_str(), [&engine, alg](benchmark::State& state) {
        const auto count = static_cast<std::size_t>(state.range(0));
        std::vector<crypto::ExpandedKey> keys(count);
        std::vector<crypto::ExpandLane> lanes;
        const std::array<std::uint8_t, 32> raw{1};
        for (crypto::ExpandedKey& key : keys) lanes.push_back({raw.data(), &key});
        for (auto _ : state) engine.expand(alg, lanes);
        set_items(state);
      }));
}

}  // namespace

int main(int argc, char** argv) {
  const auto mb = crypto::make_mb_engine();
  const auto ossl = crypto::make_ossl_engine();
  CHECK(mb != nullptr);
  check_agreement(*mb, *ossl);
  benchmark::AddCustomContext("mb", mb->name());
  benchmark::AddCustomContext("ossl", ossl->name());
  for (const NamedAead& named : kAeads) {
    add("mb", *mb, named);
    add("ossl", *ossl, named);
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
