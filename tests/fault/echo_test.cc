// The load generator's pump wired to a worker: every client that comes up is back through its
// tunnel, whatever the suite, the family and the encapsulation, and through a bad network.
#include <gtest/gtest.h>

#include "tests/support/gateway_rig.h"
#include "tools/storm/initiator.h"
#include "tools/storm/pump.h"
#include "tools/storm/tunnels.h"

namespace {

using dp::Drop;
using dp::WorkerCounters;
using rig::GatewayRig;

constexpr std::uint64_t kMs = 1'000'000;

struct EchoCase {
  ike::Suite suite;
  bool outer_ip6 = false;
  bool inner_ip6 = false;
  bool in_udp = false;
};

class EchoStorm {
 public:
  EchoStorm(const EchoCase& how, std::uint32_t clients, const rig::Options& options = {})
      : gateway(options),
        bag_(
            gateway.mint({.clients = clients, .lease4 = !how.inner_ip6, .lease6 = how.inner_ip6})) {
    initiator_config.clients = tunnel_config.clients = clients;
    initiator_config.flights = 128;
    initiator_config.child_suite = tunnel_config.suite = how.suite;
    const dp::WorkerConfig& config = gateway.shared().config;
    tunnel_config.target4 = config.inside.ip4.at(0);
    tunnel_config.target6 = config.inside.ip6.at(0);
    tunnel_config.retry =
        initiator_config.retry = {.first_ns = 100 * kMs, .factor = 1.3, .tries = 20};
    path_.source = *storm::parse_prefix(how.outer_ip6 ? "2001:2:0:1::/64" : "198.19.0.0/16");
    path_.gateway = *storm::parse_address(how.outer_ip6 ? "2001:db8::1" : "192.0.2.1");
    path_.gateway_port = path_.later_gateway_port = how.in_udp ? 4500 : 500;
  }
  void run(std::uint64_t limit_ms = 60'000) {
    make();
    for (const std::uint64_t end = now_ + limit_ms * kMs;
         now_ < end && !(initiator->done() && tunnels->done()); now_ += kMs, ++gateway.now.ms)
      turn();
    for (int i = 0; i < 5; ++i) turn();
  }
  void turn() {
    pump->turn(now_);
    for (const auto& frame : port.take_sent()) ASSERT_TRUE(gateway.port().inject(frame));
    gateway.run();
    for (const auto& frame : gateway.port().take_sent()) ASSERT_TRUE(port.inject(frame));
  }

  GatewayRig gateway;
  storm::InitiatorConfig initiator_config;
  storm::TunnelConfig tunnel_config;
  storm::PumpConfig pump_config;
  dp::FakePort port{4096};
  std::unique_ptr<storm::Tunnels> tunnels;
  std::unique_ptr<storm::Initiator> initiator;
  std::unique_ptr<storm::Pump> pump;

 private:
  void make() {
    paths_ = std::make_unique<storm::ClientPaths>(
        *storm::ClientPaths::make(path_, initiator_config.clients));
    framing_ = std::make_unique<storm::Framing>(
        storm::FramingConfig{.mac = {2, 0, 0, 0, 0, 0xc}, .gateway_mac = std::nullopt}, *paths_);
    tunnels = *storm::Tunnels::make(tunnel_config, *engine_, random_);
    initiator = *storm::Initiator::make(initiator_config, bag_, *engine_, random_, tunnels.get());
    pump = std::make_unique<storm::Pump>(
        port, *framing_, storm::PumpEnds{{initiator.get()}, {tunnels.get()}}, pump_config);
  }

  storm::TicketBag bag_;
  storm::PathConfig path_;
  std::unique_ptr<crypto::Engine> engine_ = crypto::make_mb_engine();
  crypto::Random random_{11};
  std::unique_ptr<storm::ClientPaths> paths_;
  std::unique_ptr<storm::Framing> framing_;
  std::uint64_t now_ = 1'000 * kMs;
};

const ike::Suite kSuites[] = {
    {.encr = ike::EncrId::aes_gcm_16, .key_bits = 256},
    {.encr = ike::EncrId::aes_gcm_16, .key_bits = 128},
    {.encr = ike::EncrId::chacha20_poly1305, .key_bits = 0},
    {.encr = ike::EncrId::aes_cbc, .key_bits = 256, .integ = ike::IntegId::hmac_sha2_256_128},
    {.encr = ike::EncrId::aes_cbc, .key_bits = 128, .integ = ike::IntegId::hmac_sha2_256_128},
};

TEST(Echo, BringsEverybodyBackInEverySuiteFamilyAndEncapsulation) {
  for (const ike::Suite& suite : kSuites)
    for (const unsigned bits : {0u, 1u, 2u, 3u, 4u, 5u, 6u, 7u}) {
      SCOPED_TRACE(testing::Message() << "suite " << &suite - kSuites << ", case " << bits);
      EchoStorm s({suite, (bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0}, 60);
      s.run(1000);
      EXPECT_EQ(s.initiator->totals().resumed(), 60u);
      EXPECT_EQ(s.tunnels->totals().back.get(), 60u);
      EXPECT_EQ(s.tunnels->totals().repeated.get(), 0u);
      EXPECT_EQ(s.gateway.sum(&WorkerCounters::inner_echoes), 60u);
      EXPECT_EQ(s.pump->counters().other.get() + s.pump->counters().misaddressed.get(), 0u);
      EXPECT_TRUE(s.gateway.conserved());
    }
}

TEST(Echo, ComesBackThroughABadNetwork) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    EchoStorm s({.suite = kSuites[0], .in_udp = seed % 2 == 0}, 300, {.seed = seed});
    s.initiator_config.retry.restarts = 3;
    s.pump_config.there = s.pump_config.back = {
        .loss = 0.1, .duplicate = 0.1, .reorder = 0.2, .reorder_ns_max = 5 * kMs};
    s.pump_config.seed = seed;
    s.run();
    const auto& totals = s.tunnels->totals();
    EXPECT_EQ(s.initiator->totals().resumed(), 300u);
    EXPECT_EQ(totals.back.get(), 300u);
    EXPECT_GT(totals.repeated.get(), 20u);
    EXPECT_GT(totals.replayed.get(), 5u);
    EXPECT_EQ(totals.wrong.get() + totals.wrong_icv.get() + totals.unknown_spi.get(), 0u);
    EXPECT_GT(s.gateway.drops(Drop::esp_replayed), 5u);
    EXPECT_TRUE(s.gateway.conserved());
  }
}

// ESP that is in the receive ring with a storm is served before it: none of the traffic is lost
// although half of the ring is full and message 1 is shed.
TEST(Echo, TrafficGoesOnWhileMessage1IsShed) {
  EchoStorm s({.suite = kSuites[0]}, 200);
  s.initiator_config.rate = 2000;
  s.tunnel_config.traffic_rate = 20'000;
  s.tunnel_config.traffic_sessions = 10;
  s.gateway.port().set_backlog_permille(0);
  s.run(50);
  s.gateway.port().set_backlog_permille(900);
  for (int i = 0; i < 50; ++i) s.turn();
  const auto& totals = s.tunnels->totals();
  EXPECT_GT(totals.traffic_sent[0].get(), 500u);
  EXPECT_EQ(totals.traffic_answered[0].get(), totals.traffic_sent[0].get());
}

}  // namespace
