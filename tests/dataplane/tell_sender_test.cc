// tell_sender: which side is told, through which tunnel, and how often.
#include <gtest/gtest.h>

#include "dataplane/esp_spi.h"
#include "tests/support/inside_probe.h"

namespace dp {
namespace {

using rig::InsideProbe;
using rig::Octets;
using rig::Tunnel;

// A client's packet that has no hop left gets its error through the tunnel, as traceroute wants it.
TEST(TellSender, AnswersClientsThroughTheirTunnel) {
  InsideProbe probe;
  Tunnel t = probe.tunnel({.ip6 = true});
  for (const bool is_ip6 : {false, true}) {
    PacketBuilder b = InsideProbe::from_client(t, is_ip6);
    b.ttl = 1;
    EXPECT_TRUE(probe.from_tunnel(t, InsideProbe::inner(b.udp(Octets(20)))).empty());
    EXPECT_EQ(probe.outside.drop(), Drop::inner_expired);
    const Octets inner = InsideProbe::opened(t, probe.outside);
    const auto packet = read_packet(b.ether(is_ip6 ? 0x86dd : 0x0800, inner));
    ASSERT_TRUE(packet.has_value()) << "checksum";
    EXPECT_EQ(packet->l4[0], is_ip6 ? 3 : 11);
    EXPECT_EQ(packet->destination, is_ip6 ? t.ip6 : t.ip4);
    EXPECT_EQ(packet->ttl, 64);
  }
  EXPECT_TRUE(probe.gateway.conserved());
}

// From client to client over a tunnel that carries less, on another worker.
TEST(TellSender, AnswersClientsOfOtherWorkers) {
  InsideProbe probe({.workers = 2});
  Tunnel wide = probe.tunnel({.worker = 0}),
         narrow = probe.tunnel({.encapsulated = true, .worker = 1});
  PacketBuilder b = InsideProbe::from_client(wide);
  std::ranges::copy(narrow.ip4, b.destination4.begin());
  const EspSpiCodec spis(probe.gateway.shared().config);
  const auto at = spis.decode(ike::EspSpi(wide.peer.gateway_spi)).worker;
  probe.from_tunnel(wide, InsideProbe::inner(b.udp(Octets(1440 - 28))), at);
  EXPECT_EQ(probe.outside.drop(), Drop::inner_too_big);
  const Octets inner = InsideProbe::opened(wide, probe.outside);
  ASSERT_GT(inner.size(), 28u);
  EXPECT_EQ(inner[20], 3);
  EXPECT_EQ(crypto::load_be16(inner.data() + 26), 1438);
  EXPECT_TRUE(probe.gateway.conserved());
}

// The host on the inside is told by whichever worker has the tunnel.
TEST(TellSender, AnswersHostsForOtherWorkers) {
  InsideProbe probe({.workers = 2});
  Tunnel t = probe.tunnel({.worker = 1});
  for (const unsigned w : {0u, 1u}) {
    const auto told = probe.from_inside(InsideProbe::to_client(t).udp(Octets(1472)), w);
    ASSERT_EQ(told.size(), 1u) << w;
    EXPECT_EQ(read_packet(told[0])->destination_mac, rig::kHostMac) << w;
  }
}

// To a network behind a peer no lease leads: its hosts cannot be told through the tunnel, and must
// not be in clear.
TEST(TellSender, TellsNobodyInClearBehindAPeer) {
  InsideProbe probe;
  Tunnel t = probe.tunnel();
  const WorkerConfig& config = probe.gateway.shared().config;
  Order* letter = probe.gateway.shared().seams[0]->orders.claim();
  ASSERT_NE(letter, nullptr);
  letter->kind = OrderKind::install_child;
  letter->path = probe.way();
  letter->message_len = 0;
  ChildInstall& child = letter->child;
  child.spi_in = EspSpiCodec(config).encode(0, config.sessions_max, 1);
  child.spi_out = ike::EspSpi(0x4000);
  child.suite = {};
  child.ip4_lease = child.ip6_lease = kNoLease;
  child.limits = {};
  child.ts_local = config.child.local_ts;
  child.ts_remote.count = 1;
  child.ts_remote.items[0] =
      ike::selector_of(ike::TsType::ipv4_addr_range, ike::Ip4{172, 16, 0, 0}, 16);
  const Octets keymat(ike::child_keymat_len(child.suite), 0x5c);
  std::ranges::copy(keymat, child.keymat.begin());
  t.peer = rig::EspPeer(child.suite, keymat, child.spi_in.value(), 0x4000);
  probe.gateway.shared().seams[0]->orders.publish();
  probe.run();
  PacketBuilder b = InsideProbe::from_client(t);
  b.source4 = {172, 16, 1, 1};
  b.ttl = 1;
  EXPECT_TRUE(probe.from_tunnel(t, InsideProbe::inner(b.udp(Octets(20)))).empty());
  EXPECT_EQ(probe.outside.drop(), Drop::inner_expired);
  EXPECT_TRUE(probe.outside.packets.empty());
}

TEST(TellSender, KeepsToTheBudgetOfTheSource) {  // RFC 4443 §2.4 (f)
  InsideProbe probe(
      {.configure = [](WorkerConfig& c) { c.admission.answers_per_source_per_s = 3; }});
  Tunnel t = probe.tunnel();
  PacketBuilder b = InsideProbe::to_client(t);
  b.ttl = 1;
  std::size_t told = 0;
  for (int i = 0; i < 10; ++i) told += probe.from_inside(b.udp(Octets(10))).size();
  EXPECT_EQ(told, 3u);
  EXPECT_EQ(probe.gateway.drops(Drop::inner_expired), 10u) << "counted all the same";
  b.source4[3] = 77;
  EXPECT_EQ(probe.from_inside(b.udp(Octets(10))).size(), 1u) << "another source";
}

}  // namespace
}  // namespace dp
