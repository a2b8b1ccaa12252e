// classify_inside: ARP and neighbour discovery, echo, what is let in, and two workers.
#include <gtest/gtest.h>

#include "dataplane/esp_spi.h"
#include "tests/support/inside_probe.h"

namespace dp {
namespace {

using rig::InsideProbe;
using rig::Octets;
using rig::Tunnel;

TEST(ClassifyInside, AnswersArpEchoAndNeighbourSolicitations) {
  InsideProbe probe;
  PacketBuilder b = InsideProbe::host();
  auto sent = probe.from_inside(b.arp(1, {10, 0, 0, 1}));
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0][21], 2);
  EXPECT_EQ(probe.from_inside(b.echo_request(Octets(30))).size(), 1u);
  b.is_ip6 = true;
  EXPECT_EQ(probe.from_inside(b.echo_request(Octets(30))).size(), 1u);
  EXPECT_EQ(probe.from_inside(b.neighbour_solicitation(b.destination6)).size(), 1u);
  EXPECT_EQ(probe.gateway.sum(&WorkerCounters::link_answers), 2u);
  EXPECT_EQ(probe.gateway.sum(&WorkerCounters::inner_echoes), 2u);
  EXPECT_TRUE(probe.gateway.conserved());
}

// Proxy: leased addresses are answered for while a Child SA leads to them.
TEST(ClassifyInside, AnswersForLeasedAddresses) {
  InsideProbe probe;
  Tunnel t = probe.tunnel({.ip6 = true});
  PacketBuilder b = InsideProbe::host();
  ike::Ip4 leased;
  std::ranges::copy(t.ip4, leased.begin());
  EXPECT_EQ(probe.from_inside(b.arp(1, leased)).size(), 1u);
  leased[3] ^= 0x55;
  EXPECT_TRUE(probe.from_inside(b.arp(1, leased)).empty());
  EXPECT_EQ(probe.outside.drop(), Drop::arp_bad);
  b.is_ip6 = true;
  ike::Ip6 six;
  std::ranges::copy(t.ip6, six.begin());
  const auto sent = probe.from_inside(b.neighbour_solicitation(six));
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(read_packet(sent[0])->l4[4], 0x40) << "solicited, and no override: RFC 4861 §7.2.8";
}

TEST(ClassifyInside, CarriesPacketsIntoTheTunnel) {
  InsideProbe probe;
  Tunnel t = probe.tunnel({.ip6 = true, .encapsulated = true});
  for (const bool is_ip6 : {false, true}) {
    PacketBuilder b = InsideProbe::to_client(t);
    b.is_ip6 = is_ip6;
    EXPECT_TRUE(probe.from_inside(b.udp(Octets(333, 7))).empty());
    const Octets inner = InsideProbe::opened(t, probe.outside);
    ASSERT_GT(inner.size(), 333u);
    EXPECT_EQ(inner[is_ip6 ? 7 : 8], 63) << "one hop less";
    EXPECT_EQ(Octets(inner.end() - 333, inner.end()), Octets(333, 7));
  }
  EXPECT_TRUE(probe.gateway.conserved());
}

TEST(ClassifyInside, DropsWhatNoTunnelIsFor) {
  InsideProbe probe;
  PacketBuilder b = InsideProbe::host();
  b.destination4 = {10, 64, 1, 1};
  probe.from_inside(b.udp(Octets(5)));
  EXPECT_EQ(probe.outside.drop(), Drop::no_child_sa);
  b.destination4 = {8, 8, 8, 8};
  probe.from_inside(b.udp(Octets(5)));
  EXPECT_EQ(probe.outside.drop(), Drop::ip_not_for_us);
  b.vlan = 9;
  probe.from_inside(b.udp(Octets(5)));
  EXPECT_EQ(probe.outside.drop(), Drop::vlan_unknown);
}

// A switch that does not know where we are floods what is for others; nothing but ARP and neighbour
// discovery has a reason to come to everybody.
TEST(ClassifyInside, TakesNoIpThatIsForEverybody) {
  InsideProbe probe;
  Tunnel t = probe.tunnel();
  PacketBuilder b = InsideProbe::to_client(t);
  for (const Mac& to : {Mac{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, Mac{0x33, 0x33, 0, 0, 0, 1}}) {
    b.destination_mac = to;
    probe.from_inside(b.udp(Octets(5)));
    EXPECT_EQ(probe.outside.drop(), Drop::eth_not_for_us);
  }
  b.destination_mac = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
  EXPECT_EQ(probe.from_inside(b.arp(1, {10, 0, 0, 1})).size(), 1u);
}

// Answers to ARP want no answer, and a group has no neighbour. RFC 826, RFC 1812 §3.3.2.
TEST(ClassifyInside, LearnsFromGoodAnswersAlone) {
  InsideProbe probe;
  Tunnel t = probe.tunnel();
  const Octets packet = InsideProbe::inner(InsideProbe::from_client(t).udp(Octets(8)));
  ASSERT_EQ(probe.from_tunnel(t, packet).size(), 1u) << "who has 10.0.0.9?";
  PacketBuilder b = InsideProbe::host();
  b.source_mac[0] |= 1;
  probe.from_inside(b.arp(2, {10, 0, 0, 1}));
  ++probe.gateway.now.ms;
  probe.run();
  EXPECT_TRUE(probe.sent_inside().empty()) << "the packet waits still";
  EXPECT_TRUE(probe.from_inside(InsideProbe::host().arp(2, {10, 0, 0, 1})).empty());
  EXPECT_TRUE(probe.outside.drops.empty()) << probe.outside.describe();
  ++probe.gateway.now.ms;
  probe.run();
  const auto sent = probe.sent_inside();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(read_packet(sent[0])->protocol, 17) << "the packet, and no ARP";
}

// RFC 4861 §7.1.1, §7.1.2: what came through a router, or damaged, is from nobody on this link.
TEST(ClassifyInside, BelievesNoNeighbourFromAfar) {
  InsideProbe probe;
  Tunnel t = probe.tunnel({.ip6 = true});
  const Octets packet = InsideProbe::inner(InsideProbe::from_client(t, true).udp(Octets(8)));
  ASSERT_EQ(probe.from_tunnel(t, packet).size(), 1u) << "a solicitation";
  PacketBuilder b = InsideProbe::host();
  b.is_ip6 = true;
  Octets message{136, 0, 0, 0, 0x60, 0, 0, 0};
  message.insert(message.end(), b.source6.begin(), b.source6.end());
  message.insert(message.end(), {2, 1});
  message.insert(message.end(), rig::kHostMac.begin(), rig::kHostMac.end());
  const auto believed = [&](const Octets& frame) {
    probe.from_inside(frame);
    ++probe.gateway.now.ms;
    probe.run();
    return probe.gateway.sum(&WorkerCounters::forwarded) != 0;
  };
  b.ttl = 254;
  EXPECT_FALSE(believed(b.icmp6(message)));
  EXPECT_EQ(probe.outside.drop(), Drop::inner_ignored);
  b.ttl = 255;
  Octets damaged = b.icmp6(message);
  damaged.back() ^= 1;
  EXPECT_FALSE(believed(damaged));
  Octets group = message;
  group[26] |= 1;
  EXPECT_FALSE(believed(b.icmp6(group)));
  Octets source_option = message;
  source_option[24] = 1;
  EXPECT_FALSE(believed(b.icmp6(source_option))) << "not the target's address";
  EXPECT_TRUE(believed(b.icmp6(message)));
  probe.sent_inside();
  Octets solicitation = b.neighbour_solicitation(b.destination6);
  solicitation[14 + 7] = 254;
  EXPECT_TRUE(probe.from_inside(solicitation).empty());
}

// A host on the inside cannot speak as a client, or as the gateway.
TEST(ClassifyInside, DropsWhatNobodyThereMaySay) {
  InsideProbe probe;
  Tunnel t = probe.tunnel({.ip6 = true});
  for (const ike::Ip4& source :
       {ike::Ip4{10, 64, 1, 1}, ike::Ip4{10, 0, 0, 1}, ike::Ip4{127, 0, 0, 1}, ike::Ip4{0, 0, 0, 0},
        ike::Ip4{224, 0, 0, 1}, ike::Ip4{255, 255, 255, 255}}) {
    PacketBuilder b = InsideProbe::to_client(t);
    b.source4 = source;
    probe.from_inside(b.udp(Octets(5)));
    EXPECT_EQ(probe.outside.drop(), Drop::ip_bad_source) << unsigned{source[0]};
  }
  for (const ike::Ip6& source :
       {ike::Ip6{0xfd}, ike::Ip6{0xff, 2}, ike::Ip6{}, InsideProbe::host().destination6}) {
    PacketBuilder b = InsideProbe::to_client(t);
    b.is_ip6 = true;
    b.source6 = source;
    probe.from_inside(b.udp(Octets(5)));
    EXPECT_EQ(probe.outside.drop(), Drop::ip_bad_source) << unsigned{source[0]};
  }
}

// Packets from the inside that reach the worker without the SA go to the one that has it.
TEST(ClassifyInside, LeadsToTheWorkerOfTheTunnel) {
  InsideProbe probe({.workers = 2});
  for (const unsigned owner : {0u, 1u}) {
    Tunnel t = probe.tunnel({.worker = owner});
    for (const unsigned w : {0u, 1u}) {
      probe.from_inside(InsideProbe::to_client(t).udp(Octets(20)), w);
      EXPECT_EQ(InsideProbe::opened(t, probe.outside).at(8), 63);
    }
  }
  Tunnel a = probe.tunnel({.worker = 0}), b = probe.tunnel({.worker = 1});
  PacketBuilder between = InsideProbe::from_client(a);
  std::ranges::copy(b.ip4, between.destination4.begin());
  const EspSpiCodec spis(probe.gateway.shared().config);
  const auto at = spis.decode(ike::EspSpi(a.peer.gateway_spi)).worker;
  probe.from_tunnel(a, InsideProbe::inner(between.udp(Octets(9))), at);
  EXPECT_EQ(InsideProbe::opened(b, probe.outside).at(8), 63);
  EXPECT_TRUE(probe.gateway.conserved());
}

}  // namespace
}  // namespace dp
