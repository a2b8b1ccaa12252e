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

// The same of IPv6: the target of the solicitation, which goes to the group that its last three
// octets name (RFC 4291 §2.7.1).
Octets solicited(InsideRoute route, const ike::Ip6& destination) {
  InsideProbe probe({.configure = [route](WorkerConfig& c) { c.inside_route = route; }});
  Tunnel t = probe.tunnel({.ip6 = true});
  PacketBuilder b = InsideProbe::from_client(t, true);
  b.destination6 = destination;
  const auto sent = probe.from_tunnel(t, InsideProbe::inner(b.udp(Octets(8))));
  if (sent.empty()) {
    EXPECT_EQ(probe.outside.drop(), Drop::no_gateway);
    return {};
  }
  const auto packet = read_packet(sent[0]);
  EXPECT_TRUE(packet.has_value() && packet->l4.size() == 32);
  if (!packet) return {};
  const Octets target(packet->l4.begin() + 8, packet->l4.begin() + 24);
  EXPECT_EQ(packet->destination_mac, (Mac{0x33, 0x33, 0xff, target[13], target[14], target[15]}));
  EXPECT_EQ(packet->destination, (Octets{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, target[13],
                                         target[14], target[15]}));
  EXPECT_EQ(packet->ttl, 255);
  return target;
}

TEST(ForwardInside, SolicitsHostsOfThePrefixAndTheGateway) {
  ike::Ip6 near = InsideProbe::host().source6, far = near, gateway = near;
  near[13] = 0xab;
  near[14] = 0xcd;
  far[7] = 1;  // of another /64
  gateway[15] = 0xfe;
  const auto octets = [](const ike::Ip6& address) {
    return Octets(address.begin(), address.end());
  };
  EXPECT_EQ(solicited({}, near), octets(near));
  EXPECT_EQ(solicited({}, far), Octets{}) << "no way there";
  EXPECT_EQ(solicited({.prefix6 = 48}, far), octets(far));
  EXPECT_EQ(solicited({.gateway6 = gateway}, far), octets(gateway));
  EXPECT_EQ(solicited({.gateway6 = gateway}, near), octets(near));
}

// An Ethernet frame has 60 octets; what stands behind a short packet says nothing of others.
TEST(ForwardInside, FillsShortFramesWithZeros) {
  InsideProbe probe;
  Tunnel t = probe.tunnel();
  probe.meet_host(t);
  const auto sent =
      probe.from_tunnel(t, InsideProbe::inner(InsideProbe::from_client(t).udp(Octets(1, 7))));
  ASSERT_EQ(sent.size(), 1u);
  ASSERT_EQ(sent[0].size(), 60u);
  EXPECT_EQ(Octets(sent[0].begin() + 14 + 29, sent[0].end()), Octets(60 - 14 - 29));
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
  EXPECT_TRUE(probe.sent_inside().empty()) << "asked once";
  probe.gateway.now.ms += NeighbourQueue::kWaitMs - 1;
  EXPECT_TRUE(probe.run().drops.empty());
  EXPECT_FALSE(probe.gateway.conserved());
  ++probe.gateway.now.ms;
  EXPECT_EQ(probe.run().drops, (std::map<Drop, unsigned>{{Drop::neighbour_unknown, 3}}));
  EXPECT_TRUE(probe.gateway.conserved());
}

// RFC 1122 §2.3.2.1: at most once a second; what came later has its chance too.
TEST(ForwardInside, AsksAgainForWhatWaits) {
  InsideProbe probe;
  Tunnel t = probe.tunnel();
  EXPECT_EQ(probe.from_tunnel(t, to(t, {10, 0, 0, 9})).size(), 1u);
  probe.gateway.now.ms += 600;
  EXPECT_TRUE(probe.from_tunnel(t, to(t, {10, 0, 0, 9})).empty());
  probe.gateway.now.ms += 400;
  EXPECT_EQ(probe.run().drop(), Drop::neighbour_unknown) << "the first is given up";
  EXPECT_EQ(probe.sent_inside().size(), 1u) << "and asked for again";
  probe.from_inside(InsideProbe::host().arp(2, {10, 0, 0, 1}));
  ++probe.gateway.now.ms;
  probe.run();
  EXPECT_EQ(probe.gateway.sum(&WorkerCounters::forwarded), 1u);
}

}  // namespace
}  // namespace dp
