// What does it cost to refuse a ticket that is not good, and is it cheaper than answering with
// OpenSSL?
//
// Message 1 frames with altered tickets run through the real stages on an in-memory port; the rival
// opens the same tickets with OpenSSL (context kept) and does nothing else. Items are refused
// tickets.
//
//   refuse/bad_tag      genuine key and issuer, one bit of the text turned: one AEAD each
//   refuse/unknown_key  another key id: no cryptography
//   refuse/openssl      the bare opening of the bad_tag tickets
#include <benchmark/benchmark.h>

#include <array>
#include <vector>

#include "crypto/base/error.h"
#include "dataplane/eal.h"
#include "ike/resume.h"
#include "ike/ticket.h"
#include "tests/support/gateway_rig.h"

namespace {

constexpr std::uint32_t kTickets = 2048;
using Octets = std::vector<std::uint8_t>;

enum class Forgery : std::uint8_t { bad_tag, unknown_key };

std::vector<Octets> forged_frames(const storm::TicketBag& bag, Forgery forgery) {
  crypto::Random random(3);
  std::vector<Octets> frames;
  for (std::uint32_t i = 0; i < kTickets; ++i) {
    Octets ticket(bag.at(i).ticket.begin(), bag.at(i).ticket.end());
    ticket[forgery == Forgery::bad_tag ? 100 : 5] ^= 1;
    Octets nonce(32);
    random.fill(nonce);
    const ike::ResumeOffer offer{
        .spi_i = ike::IkeSpi(random.u64() | 1), .nonce = nonce, .ticket = ticket};
    std::array<std::uint8_t, 1500> message;
    const std::size_t len = ike::write_resume_request(offer, message);
    CHECK(len != 0);
    dp::PacketBuilder builder;
    builder.source4 = {198, 18, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)};
    frames.push_back(builder.ike(crypto::Bytes(message).first(len)));
  }
  return frames;
}

void refuse(benchmark::State& state, Forgery forgery, dp::Drop expected) {
  rig::GatewayRig gateway({.port_buffers = kTickets,
                           .configure =
                               [](dp::WorkerConfig& c) {
                                 // Every refusal is written: the dearest case.
                                 c.admission.answers_per_source_per_s = 1'000'000'000;
                                 c.admission.cookies = dp::CookieMode::never;
                               },
                           .cycles = &dp::tsc});
  const auto bag = gateway.mint({.clients = kTickets, .id_len = 36});
  const std::vector<Octets> frames = forged_frames(bag, forgery);
  const dp::WorkerCounters& counters = gateway.worker().counters();
  for (auto _ : state) {
    for (const Octets& frame : frames)
      CHECK(gateway.port().inject(frame, {.ip_good = true, .l4_good = true}));
    const std::uint64_t before = counters.busy_cycles.get();
    while (gateway.worker().run_once(gateway.now) != 0) {
    }
    state.SetIterationTime(static_cast<double>(counters.busy_cycles.get() - before) /
                           static_cast<double>(dp::tsc_hz()));
    gateway.port().drain_sent([](crypto::Bytes frame) { CHECK(!frame.empty()); });
  }
  const auto refused = static_cast<std::uint64_t>(state.iterations()) * kTickets;
  CHECK(gateway.drops(expected) == refused && counters.nacks.get() == refused);
  CHECK(counters.half_opens.get() == 0);
  state.SetItemsProcessed(static_cast<std::int64_t>(refused));
}

void refuse_openssl(benchmark::State& state) {
  rig::GatewayRig gateway({});
  const auto bag = gateway.mint({.clients = kTickets, .id_len = 36});
  const auto engine = crypto::make_ossl_engine();
  crypto::ExpandedKey key;
  std::array<std::uint8_t, 32> raw;
  ike::derive_ticket_key(*engine, gateway.keyring().current().secret.reveal(),
                         gateway.mint_issuer(), raw.data());
  const crypto::ExpandLane expand{raw.data(), &key};
  engine->expand(crypto::Aead::aes256_gcm, {&expand, 1});
  std::vector<Octets> tickets;
  for (std::uint32_t i = 0; i < kTickets; ++i) {
    tickets.emplace_back(bag.at(i).ticket.begin(), bag.at(i).ticket.end());
    tickets.back()[100] ^= 1;
  }
  std::array<std::uint8_t, 1024> out;
  for (auto _ : state) {
    for (Octets& ticket : tickets) {
      std::array<std::uint8_t, 12> nonce{};
      std::copy_n(ticket.begin() + 16, 8, nonce.begin() + 4);
      const std::size_t len = ticket.size() - ike::kTicketOverhead;
      crypto::AeadLane lane{.key = &key,
                            .nonce = nonce.data(),
                            .aad = crypto::Bytes(ticket).first(ike::kTicketHeaderLen),
                            .in = ticket.data() + ike::kTicketHeaderLen,
                            .len = static_cast<std::uint32_t>(len),
                            .out = out.data(),
                            .tag = ticket.data() + ike::kTicketHeaderLen + len};
      engine->open(crypto::Aead::aes256_gcm, {&lane, 1});
      CHECK(!lane.ok);
    }
  }
  state.SetItemsProcessed(state.iterations() * kTickets);
}

BENCHMARK_CAPTURE(refuse, bad_tag, Forgery::bad_tag, dp::Drop::ticket_bad_tag)->UseManualTime();
BENCHMARK_CAPTURE(refuse, unknown_key, Forgery::unknown_key, dp::Drop::ticket_unknown_key)
    ->UseManualTime();
BENCHMARK(refuse_openssl)->Name("refuse/openssl");

}  // namespace

BENCHMARK_MAIN();
