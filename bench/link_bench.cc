// What do the link stages cost for one packet, and does our checksum earn its place?
//
// classify: ns per packet of a burst of 32 message 1 frames of 350 octets of IKE, with the UDP
// checksum in software (the frames lie in cache; what a device adds is not in here), and with the
// device's word for it. reply: turn_into_reply of such a frame. checksum: ours against the textbook
// loop of RFC 1071.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "crypto/base/error.h"
#include "dataplane/classify.h"
#include "tests/support/packet_builder.h"

namespace {

constexpr std::size_t kMessageLen = 350;
constexpr std::size_t kFrameLenMax = 2368;  // as far apart as mbufs are, or they share cache sets

std::vector<std::uint8_t> message1() {
  std::vector<std::uint8_t> m(kMessageLen, 0x5a);
  ike::write_header({.spi_i = ike::IkeSpi(0x0102030405060708),
                     .exchange = ike::Exchange::ike_session_resume,
                     .flags = ike::kFlagInitiator,
                     .length = kMessageLen},
                    m.data());
  return m;
}

dp::Link link_of_bench() {
  const dp::PacketBuilder b;
  return {.mac = b.destination_mac, .ip4 = {b.destination4}, .ip6 = {b.destination6}};
}

// A burst of full frames in memory of its own.
struct Frames {
  explicit Frames(bool is_ip6, bool device_checked = false)
      : memory(dp::kBurstMax * kFrameLenMax), burst(std::make_unique<dp::Burst>()) {
    dp::PacketBuilder b;
    b.is_ip6 = is_ip6;
    const auto octets = b.ike(message1());
    burst->count = dp::kBurstMax;
    for (unsigned lane = 0; lane < dp::kBurstMax; ++lane) {
      std::uint8_t* p = memory.data() + lane * kFrameLenMax;
      std::ranges::copy(octets, p);
      burst->frame[lane] = {.data = p,
                            .len = static_cast<std::uint32_t>(octets.size()),
                            .capacity = kFrameLenMax,
                            .ip_checksum_good = device_checked,
                            .l4_checksum_good = device_checked};
    }
  }
  std::vector<std::uint8_t> memory;
  std::unique_ptr<dp::Burst> burst;
};

void count_packets(benchmark::State& state) {
  state.SetItemsProcessed(state.iterations() * dp::kBurstMax);
  state.counters["ns_each"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * dp::kBurstMax * 1e-9,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void classify(benchmark::State& state, bool is_ip6, bool device_checked) {
  const dp::Link link = link_of_bench();
  const Frames frames(is_ip6, device_checked);
  for (auto _ : state) {
    const dp::Families f = dp::classify(*frames.burst, link);
    CHECK(f.resume.size() == dp::kBurstMax);
  }
  count_packets(state);
}

// The reply of a reply is a request again, so the frames can be used for ever.
void reply(benchmark::State& state, bool is_ip6) {
  const dp::Link link = link_of_bench();
  const Frames frames(is_ip6);
  CHECK(dp::classify(*frames.burst, link).resume.size() == dp::kBurstMax);
  for (auto _ : state)
    for (unsigned lane = 0; lane < dp::kBurstMax; ++lane)
      CHECK(dp::turn_into_reply(*frames.burst, lane, kMessageLen, link, false));
  count_packets(state);
}

template <class Sum>
void checksum(benchmark::State& state, Sum sum) {
  const std::vector<std::uint8_t> octets(static_cast<std::size_t>(state.range(0)), 0xa7);
  CHECK(sum(octets) == dp::plain_checksum(octets));
  for (auto _ : state) benchmark::DoNotOptimize(sum(octets));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}

std::uint16_t ours(crypto::Bytes octets) { return dp::checksum_fold(dp::checksum_add(0, octets)); }

// RFC 1071 §4.1, with the carries folded at the end.
std::uint16_t textbook(crypto::Bytes octets) {
  std::uint32_t sum = 0;
  std::size_t i = 0;
  for (; i + 1 < octets.size(); i += 2) sum += crypto::load_be16(octets.data() + i);
  if (i < octets.size()) sum += static_cast<std::uint32_t>(octets[i]) << 8;
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

BENCHMARK_CAPTURE(classify, ip4_software_checksum, false, false);
BENCHMARK_CAPTURE(classify, ip4_device_checksum, false, true);
BENCHMARK_CAPTURE(classify, ip6_software_checksum, true, false);
BENCHMARK_CAPTURE(classify, ip6_device_checksum, true, true);
BENCHMARK_CAPTURE(reply, ip4, false);
BENCHMARK_CAPTURE(reply, ip6, true);
BENCHMARK_CAPTURE(checksum, ours, ours)->Arg(20)->Arg(64)->Arg(358)->Arg(1400);
BENCHMARK_CAPTURE(checksum, textbook, textbook)->Arg(20)->Arg(64)->Arg(358)->Arg(1400);

}  // namespace

BENCHMARK_MAIN();
