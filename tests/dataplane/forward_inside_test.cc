// forward_inside: next hops, asked for and learned, and what waits for them meanwhile.
#include <gtest/gtest.h>

#include "dataplane/neighbour_queue.h"
#include "tests/support/inside_probe.h"

namespace dp {
namespace {

using rig::InsideProbe;
using rig::Octets;
using rig::Tunnel;

Octets to(const Tunnel& t, const ike::Ip4& destination) {
  PacketBuilder b = InsideProbe::from_client(t);
  b.destination4 = destination;
  return InsideProbe::inner(b.udp(Octets(8)));
}

// The address in the ARP request that the packet leads to; empty when there is none.
Octets asked(InsideRoute route, const ike::Ip4& destination) {
  InsideProbe probe({.configure = [route](WorkerConfig& c) { c.inside_route = route; }});
  Tunnel t = probe.tunnel();
  const auto sent = probe.from_tunnel(t, to(t, destination));
  if (!sent.empty()) return Octets(sent[0].begin() + 38, sent[0].begin() + 42);
  EXPECT_EQ(probe.outside.drop(), Drop::no_gateway);
  return {};
}

TEST(ForwardInside, AsksForHostsOfTheSubnetAndForTheGateway) {
  EXPECT_EQ(asked({}, {10, 0, 0, 200}), (Octets{10, 0, 0, 200}));
  EXPECT_EQ(asked({}, {10, 0, 1, 200}), Octets{}) << "no way there";
  EXPECT_EQ(asked({.prefix4 = 23}, {10, 0, 1, 200}), (Octets{10, 0, 1, 200}));
  EXPECT_EQ(asked({.gateway4 = ike::Ip4{10, 0, 0, 254}}, {8, 8, 8, 8}), (Octets{10, 0, 0, 254}));
}

TEST(ForwardInside, SendsAllToAStaticMac) {
  const Mac mac{2, 0, 0, 0, 0, 0x77};
  InsideProbe probe({.configure = [&](WorkerConfig& c) { c.inside_route.gateway_mac = mac; }});
  Tunnel t = probe.tunnel();
  const auto sent = probe.from_tunnel(t, to(t, {8, 8, 8, 8}));
  ASSERT_EQ(sent.size(), 1u);
  const auto packet = read_packet(sent[0]);
  ASSERT_TRUE(packet.has_value());
  EXPECT_EQ(packet->destination_mac, mac);
  EXPECT_EQ(packet->source_mac, (Mac{2, 0, 0, 0, 0, 2}));
  EXPECT_EQ(packet->ttl, 63);
}

// RFC 826: the packet waits for the answer.
TEST(ForwardInside, FindsHostsByArp) {
  InsideProbe probe;
  Tunnel t = probe.tunnel();
  auto sent = probe.from_tunnel(t, to(t, {10, 0, 0, 9}));
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(Octets(sent[0].begin() + 38, sent[0].begin() + 42), (Octets{10, 0, 0, 9}));
  ++probe.gateway.now.ms;
  sent = probe.from_inside(InsideProbe::host().arp(2, {10, 0, 0, 1}));
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(read_packet(sent[0])->destination_mac, rig::kHostMac);
  sent = probe.from_tunnel(t, to(t, {10, 0, 0, 9}));
  ASSERT_EQ(sent.size(), 1u) << "the next one goes at once";
  EXPECT_EQ(probe.gateway.sum(&WorkerCounters::forwarded), 2u);
  EXPECT_TRUE(probe.gateway.conserved());
}

// RFC 4861 §7.2.
TEST(ForwardInside, FindsHostsByNeighbourDiscovery) {
  InsideProbe probe;
  Tunnel t = probe.tunnel({.ip6 = true});
  const Octets packet = InsideProbe::inner(InsideProbe::from_client(t, true).udp(Octets(40, 3)));
  auto sent = probe.from_tunnel(t, packet);
  ASSERT_EQ(sent.size(), 1u);
  const auto solicitation = read_packet(sent[0]);
  ASSERT_TRUE(solicitation.has_value()) << "checksum";
  EXPECT_EQ(solicitation->l4[0], 135);
  PacketBuilder b = InsideProbe::host();
  b.is_ip6 = true;
  b.ttl = 255;
  Octets advertisement{136, 0, 0, 0, 0x60, 0, 0, 0};
  advertisement.insert(advertisement.end(), b.source6.begin(), b.source6.end());
  advertisement.insert(advertisement.end(), {2, 1});
  advertisement.insert(advertisement.end(), rig::kHostMac.begin(), rig::kHostMac.end());
  ++probe.gateway.now.ms;
  sent = probe.from_inside(b.icmp6(advertisement));
  ASSERT_EQ(sent.size(), 1u);
  const auto forwarded = read_packet(sent[0]);
  ASSERT_TRUE(forwarded.has_value());
  EXPECT_EQ(forwarded->destination_mac, rig::kHostMac);
  EXPECT_EQ(forwarded->ttl, 63);
  EXPECT_TRUE(probe.gateway.conserved());
}

// Three packets wait for a next hop, for a second.
TEST(ForwardInside, LetsFewPacketsWait) {
  InsideProbe probe;
  Tunnel t = probe.tunnel();
  for (int i = 0; i < 3; ++i) {
    probe.from_tunnel(t, to(t, {10, 0, 0, 9}));
    EXPECT_TRUE(probe.outside.drops.empty());
  }
  probe.from_tunnel(t, to(t, {10, 0, 0, 9}));
  EXPECT_EQ(probe.outside.drop(), Drop::neighbour_unknown);
  probe.gateway.now.ms += NeighbourQueue::kWaitMs - 1;
  EXPECT_TRUE(probe.run().drops.empty());
  EXPECT_FALSE(probe.gateway.conserved());
  ++probe.gateway.now.ms;
  EXPECT_EQ(probe.run().drops, (std::map<Drop, unsigned>{{Drop::neighbour_unknown, 3}}));
  EXPECT_TRUE(probe.gateway.conserved());
}

}  // namespace
}  // namespace dp
