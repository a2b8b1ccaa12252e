// What do HMAC keys, HMACs and prf+ cost over 1 to 64 lanes, with our kernels and with OpenSSL?
//
// Arguments: lanes in the batch. "prepare" is the key set-up that every lane of a resumption needs,
// "mac" is one HMAC of 113 octets (a round of prf+), "prf_plus" is the SK_* of one IKE SA with
// AES-256-GCM from a seed of 80 octets. OpenSSL keeps its contexts; it cannot set up keys ahead, so
// its key set-up is inside its mac. Both engines must agree before anything is timed.
#include <benchmark/benchmark.h>

#include <array>
#include <string>
#include <vector>

#include "crypto/base/error.h"
#include "crypto/base/secret.h"
#include "crypto/engine.h"
#include "crypto/prf_plus.h"
#include "crypto/random.h"

namespace {

using crypto::Bytes;
using crypto::Prf;

constexpr std::size_t kLanesMax = 64;
constexpr std::size_t kMessage = 113;
constexpr std::size_t kSeed = 80;
constexpr std::size_t kOutMax = 3 * crypto::kPrfLenMax + 72;
constexpr std::size_t out_len(Prf alg) { return 3 * crypto::prf_len(alg) + 72; }

struct NamedPrf {
  Prf alg;
  const char* name;
};
constexpr NamedPrf kPrfs[] = {
    {Prf::hmac_sha256, "sha256"}, {Prf::hmac_sha384, "sha384"}, {Prf::hmac_sha512, "sha512"}};

struct Lane {
  std::array<std::uint8_t, crypto::kPrfLenMax> raw_key;
  std::array<std::uint8_t, kMessage> message;
  std::array<std::uint8_t, crypto::kPrfLenMax> mac;
  std::array<std::uint8_t, crypto::kPrfPlusWorkLen> work;
  std::array<std::uint8_t, kOutMax> out;
  crypto::PrfKey key;
};

class Batch {
 public:
  Batch(crypto::Engine& engine, Prf alg, std::size_t count)
      : engine_(engine), alg_(alg), lanes_(count) {
    crypto::Random random(2);
    for (Lane& lane : lanes_) {
      random.fill(lane.raw_key);
      random.fill(lane.message);
      random.fill({crypto::seed_of(lane.work.data()), kSeed});
      prepares_.push_back({Bytes(lane.raw_key).first(crypto::prf_len(alg)), &lane.key});
      macs_.push_back({&lane.key, lane.message, lane.mac.data()});
      streams_.push_back(
          {&lane.key, lane.work.data(), kSeed, crypto::MutBytes(lane.out).first(out_len(alg))});
    }
    prepare();
  }
  void prepare() { engine_.prepare(alg_, prepares_); }
  void mac() { engine_.mac(alg_, macs_); }
  void prf_plus() { crypto::prf_plus(engine_, alg_, streams_); }
  bool same_as(const Batch& other) const {
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      const Lane& a = lanes_[i];
      const Lane& b = other.lanes_[i];
      const std::size_t mac_len = crypto::prf_len(alg_);
      if (!crypto::ct_equal(Bytes(a.mac).first(mac_len), Bytes(b.mac).first(mac_len)) ||
          !crypto::ct_equal(Bytes(a.out).first(out_len(alg_)), Bytes(b.out).first(out_len(alg_))))
        return false;
    }
    return true;
  }

 private:
  crypto::Engine& engine_;
  Prf alg_;
  std::vector<Lane> lanes_;
  std::vector<crypto::PrfKeyLane> prepares_;
  std::vector<crypto::MacLane> macs_;
  std::vector<crypto::PrfPlusLane> streams_;
};

void check_agreement(crypto::Engine& a, crypto::Engine& b) {
  for (const NamedPrf& named : kPrfs) {
    Batch from_a(a, named.alg, kLanesMax);
    Batch from_b(b, named.alg, kLanesMax);
    for (Batch* batch : {&from_a, &from_b}) {
      batch->mac();
      batch->prf_plus();
    }
    CHECK(from_a.same_as(from_b));
  }
}

void add(const std::string& what, void (Batch::*step)(), crypto::Engine& engine, Prf alg) {
  benchmark::internal::Benchmark* b =
      benchmark::RegisterBenchmark(what.c_str(), [&engine, alg, step](benchmark::State& state) {
        Batch batch(engine, alg, static_cast<std::size_t>(state.range(0)));
        for (auto _ : state) (batch.*step)();
        state.SetItemsProcessed(state.iterations() * state.range(0));
      });
  for (const int lanes : {1, 2, 4, 8, 16, 32, 64}) b->Arg(lanes);
}

}  // namespace

int main(int argc, char** argv) {
  const auto mb = crypto::make_mb_engine();
  const auto ossl = crypto::make_ossl_engine();
  CHECK(mb != nullptr);
  check_agreement(*mb, *ossl);
  benchmark::AddCustomContext("mb", mb->name());
  benchmark::AddCustomContext("ossl", ossl->name());
  for (const NamedPrf& named : kPrfs) {
    const std::string name = named.name;
    add("prepare_mb/" + name, &Batch::prepare, *mb, named.alg);
    add("mac_mb/" + name, &Batch::mac, *mb, named.alg);
    add("mac_ossl/" + name, &Batch::mac, *ossl, named.alg);
    add("prf_plus_mb/" + name, &Batch::prf_plus, *mb, named.alg);
    add("prf_plus_ossl/" + name, &Batch::prf_plus, *ossl, named.alg);
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
