// What would ESP cost with librte_ipsec over the driver crypto_aesni_mb (CPU crypto), instead of
// our own stages over IPsec-MB?
//
// Outbound tunnel mode, AES-GCM-256, ESN, IPv4 in IPv4, without hugepages, bursts of 32 packets.
// Each SA has one packet before one has a second; with one SA the library gets the whole burst in a
// call. Arguments: octets of the inner packet, SAs. Items are packets. What to put beside it are
// the stages encapsulate and seal_esp of esp/relay in esp_bench; classifying, selectors, hops, DSCP
// and counters, which those have, are missing here.
//
//   librte_ipsec/out  counters: ns_each (median of rounds), octets_each (SA and session)
#include <benchmark/benchmark.h>
#include <rte_cryptodev.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ip.h>
#include <rte_ipsec.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "crypto/base/error.h"

namespace {

constexpr std::uint32_t kSas = 100'000;
constexpr std::size_t kRound = 1024, kBurst = 32, kRounds = 256;

class Library {
 public:
  Library() {
    rte_cryptodev_info info;
    rte_cryptodev_info_get(kDevice, &info);
    CHECK((info.feature_flags & RTE_CRYPTODEV_FF_SYM_CPU_CRYPTO) != 0);
    rte_cryptodev_config config{};
    config.nb_queue_pairs = 1;
    CHECK(rte_cryptodev_configure(kDevice, &config) == 0);
    session_len_ = rte_cryptodev_sym_get_private_session_size(kDevice);
    sessions_ = rte_cryptodev_sym_session_pool_create("sessions", kSas + 64, session_len_, 0, 0, 0);
    CHECK(sessions_ != nullptr);
    rte_cryptodev_qp_conf queue{.nb_descriptors = 2048, .mp_session = sessions_};
    CHECK(rte_cryptodev_queue_pair_setup(kDevice, 0, &queue, 0) == 0);
    CHECK(rte_cryptodev_start(kDevice) == 0);
    rte_mempool* packets = rte_pktmbuf_pool_create("packets", 4096, 256, 0, 2048 + 128, 0);
    CHECK(packets != nullptr);
    CHECK(rte_pktmbuf_alloc_bulk(packets, packets_.data(), kRound) == 0);
    for (std::uint32_t i = 0; i < kSas; ++i) sas_.push_back(make_sa(i));
  }

  std::size_t octets_each() const { return sa_len_ + session_len_; }

  void fill(std::size_t len) {
    for (rte_mbuf* packet : packets_) {
      rte_pktmbuf_reset(packet);
      auto* octets = reinterpret_cast<std::uint8_t*>(
          rte_pktmbuf_append(packet, static_cast<std::uint16_t>(len)));
      std::memset(octets, 0x5a, len);
      octets[0] = 0x45;
      packet->l2_len = 0;
      packet->l3_len = 20;
      packet->ol_flags = RTE_MBUF_F_TX_IPV4;
    }
  }
  void seal(std::span<rte_mbuf*> packets, std::uint32_t sa) {
    const auto count = static_cast<std::uint16_t>(packets.size());
    CHECK(rte_ipsec_pkt_cpu_prepare(&sas_[sa], packets.data(), count) == count);
    CHECK(rte_ipsec_pkt_process(&sas_[sa], packets.data(), count) == count);
  }
  void seal_burst(std::size_t at, std::span<const std::uint32_t> order, std::size_t& next) {
    const std::span<rte_mbuf*> burst = std::span(packets_).subspan(at, kBurst);
    if (order.size() == 1) return seal(burst, 0);
    for (std::size_t i = 0; i < kBurst; ++i)
      rte_prefetch0(sas_[order[(next + i) % order.size()]].sa);
    for (std::size_t i = 0; i < kBurst; ++i) {
      seal(burst.subspan(i, 1), order[next]);
      next = (next + 1) % order.size();
    }
  }

 private:
  static constexpr std::uint8_t kDevice = 0;

  rte_ipsec_session make_sa(std::uint32_t i) {
    std::array<std::uint8_t, 32> key;
    for (std::uint8_t& octet : key) octet = static_cast<std::uint8_t>(random_());
    rte_crypto_sym_xform transform{};
    transform.type = RTE_CRYPTO_SYM_XFORM_AEAD;
    transform.aead.op = RTE_CRYPTO_AEAD_OP_ENCRYPT;
    transform.aead.algo = RTE_CRYPTO_AEAD_AES_GCM;
    transform.aead.key = {.data = key.data(), .length = key.size()};
    transform.aead.iv = {.offset = 0, .length = 12};
    transform.aead.digest_length = 16;
    transform.aead.aad_length = 12;
    rte_ipv4_hdr outer{};
    outer.version_ihl = 0x45;
    outer.time_to_live = 64;
    outer.next_proto_id = 50;
    rte_ipsec_sa_prm what{};
    what.ipsec_xform.spi = i + 256;
    what.ipsec_xform.salt = i;
    what.ipsec_xform.options.esn = 1;
    what.ipsec_xform.direction = RTE_SECURITY_IPSEC_SA_DIR_EGRESS;
    what.ipsec_xform.proto = RTE_SECURITY_IPSEC_SA_PROTO_ESP;
    what.ipsec_xform.mode = RTE_SECURITY_IPSEC_SA_MODE_TUNNEL;
    what.ipsec_xform.tunnel.type = RTE_SECURITY_IPSEC_TUNNEL_IPV4;
    what.crypto_xform = &transform;
    what.tun.hdr_len = sizeof outer;
    what.tun.next_proto = 4;
    what.tun.hdr = &outer;
    const int len = rte_ipsec_sa_size(&what);
    CHECK(len > 0);
    sa_len_ = static_cast<std::size_t>(len);
    auto* sa = static_cast<rte_ipsec_sa*>(rte_zmalloc(nullptr, sa_len_, 64));
    CHECK(sa != nullptr);
    CHECK(rte_ipsec_sa_init(sa, &what, static_cast<std::uint32_t>(len)) >= 0);
    rte_ipsec_session session{};
    session.sa = sa;
    session.type = RTE_SECURITY_ACTION_TYPE_CPU_CRYPTO;
    session.crypto.dev_id = kDevice;
    session.crypto.ses = static_cast<decltype(session.crypto.ses)>(
        rte_cryptodev_sym_session_create(kDevice, &transform, sessions_));
    CHECK(session.crypto.ses != nullptr);
    CHECK(rte_ipsec_session_prepare(&session) == 0);
    return session;
  }

  std::minstd_rand random_;
  rte_mempool* sessions_ = nullptr;
  std::uint32_t session_len_ = 0;
  std::size_t sa_len_ = 0;
  std::array<rte_mbuf*, kRound> packets_;
  std::vector<rte_ipsec_session> sas_;
};

void out(benchmark::State& state) {
  static Library library;
  const auto len = static_cast<std::size_t>(state.range(0));
  std::vector<std::uint32_t> order(static_cast<std::size_t>(state.range(1)));
  std::iota(order.begin(), order.end(), 0u);
  std::shuffle(order.begin(), order.end(), std::minstd_rand(1));
  std::vector<double> ns;
  std::size_t next = 0;
  for (auto _ : state) {
    for (std::size_t round = 0; round < kRounds; ++round) {
      library.fill(len);
      const std::uint64_t start = rte_rdtsc();
      for (std::size_t at = 0; at < kRound; at += kBurst) library.seal_burst(at, order, next);
      ns.push_back(static_cast<double>(rte_rdtsc() - start) / kRound * 1e9 /
                   static_cast<double>(rte_get_tsc_hz()));
    }
    state.SetIterationTime(std::accumulate(ns.begin(), ns.end(), 0.0) * kRound / 1e9);
  }
  std::ranges::sort(ns);
  state.SetItemsProcessed(static_cast<std::int64_t>(ns.size() * kRound));
  state.counters["ns_each"] = ns[ns.size() / 2];
  state.counters["octets_each"] = static_cast<double>(library.octets_each());
}
BENCHMARK(out)
    ->Name("librte_ipsec/out")
    ->ArgsProduct({{64, 512, 1420}, {1, 1'000, kSas}})
    ->UseManualTime()
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  std::array<std::string, 10> words = {
      "librte_ipsec_bench",      "--no-pci",    "--no-huge", "--no-shconf",
      "--no-telemetry",          "-m",          "2048",      "--log-level=error",
      "--vdev=crypto_aesni_mb0", "--lcores=0@0"};
  words.back() = "--lcores=0@" + std::to_string(sched_getcpu());
  std::array<char*, words.size()> arguments;
  std::ranges::transform(words, arguments.begin(), [](std::string& word) { return word.data(); });
  if (rte_eal_init(static_cast<int>(arguments.size()), arguments.data()) < 0) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return rte_eal_cleanup() == 0 ? 0 : 1;
}
