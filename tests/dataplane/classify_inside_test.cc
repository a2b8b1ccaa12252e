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
