// fit_tunnel: hops, and what becomes of packets that do not fit.
#include <gtest/gtest.h>

#include "tests/support/inside_probe.h"

namespace dp {
namespace {

using rig::InsideProbe;
using rig::Octets;
using rig::Tunnel;

TEST(FitTunnel, TakesAHop) {
  InsideProbe probe;
  Tunnel t = probe.tunnel();
  PacketBuilder b = InsideProbe::to_client(t);
  b.ttl = 1;
  EXPECT_EQ(probe.from_inside(b.udp(Octets(10))).size(), 1u) << "the sender is told";
  EXPECT_EQ(probe.outside.drop(), Drop::inner_expired);
  b.ttl = 2;
  EXPECT_TRUE(probe.from_inside(b.udp(Octets(10))).empty());
  EXPECT_EQ(InsideProbe::opened(t, probe.outside).at(8), 1);
}

// esp.md §6: DF and IPv6 are told the MTU.
TEST(FitTunnel, TellsWhatFits) {
  InsideProbe probe;
  Tunnel t = probe.tunnel({.ip6 = true});
  PacketBuilder b = InsideProbe::to_client(t);
  auto told = probe.from_inside(b.udp(Octets(1472)));
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(probe.outside.drop(), Drop::inner_too_big);
  const auto packet = read_packet(told[0]);
  ASSERT_TRUE(packet.has_value());
  EXPECT_EQ(packet->destination_mac, rig::kHostMac);
  EXPECT_EQ(crypto::load_be16(packet->l4.data() + 6), 1446);
  b.is_ip6 = true;
  told = probe.from_inside(b.udp(Octets(1450)));
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(crypto::load_be32(read_packet(told[0])->l4.data() + 4), 1446u);
  EXPECT_EQ(probe.gateway.sum(&WorkerCounters::senders_told), 2u);
  b.is_ip6 = false;
  EXPECT_TRUE(probe.from_inside(b.udp(Octets(1446 - 28))).empty()) << "the longest that fits";
  EXPECT_EQ(InsideProbe::opened(t, probe.outside).size(), 1446u);
  EXPECT_TRUE(probe.gateway.conserved());
}

TEST(FitTunnel, CutsTheOthers) {
  InsideProbe probe;
  Tunnel t = probe.tunnel();
  PacketBuilder b = InsideProbe::to_client(t);
  b.ip4_fragment_word = 0;
  EXPECT_TRUE(probe.from_inside(b.udp(Octets(1472, 0x77))).empty());
  EXPECT_TRUE(probe.outside.drops.empty()) << probe.outside.describe();
  ASSERT_EQ(probe.outside.packets.size(), 2u);
  std::size_t total = 0;
  for (const Packet& piece : probe.outside.packets) {
    const auto opened = t.peer.open(piece.l4);
    ASSERT_TRUE(opened.has_value());
    EXPECT_EQ(plain_checksum(crypto::Bytes(opened->inner).first(20)), 0);
    EXPECT_EQ((crypto::load_be16(opened->inner.data() + 6) & 0x1fff) * 8u, total);
    total += opened->inner.size() - 20;
  }
  EXPECT_EQ(total, 1480u);
  EXPECT_TRUE(probe.gateway.conserved());
}

// More pieces than a burst has places.
TEST(FitTunnel, CutsWholeBursts) {
  InsideProbe probe;
  Tunnel t = probe.tunnel();
  PacketBuilder b = InsideProbe::to_client(t);
  b.ip4_fragment_word = 0;
  for (int i = 0; i < 32; ++i) ASSERT_TRUE(probe.gateway.inside().inject(b.udp(Octets(1472))));
  EXPECT_EQ(probe.run().packets.size(), 64u);
  EXPECT_TRUE(probe.gateway.conserved());
}

TEST(FitTunnel, DropsWhatFindsNoBuffers) {
  InsideProbe probe({.port_buffers = 1});
  Tunnel t = probe.tunnel();
  PacketBuilder b = InsideProbe::to_client(t);
  b.ip4_fragment_word = 0;
  probe.from_inside(b.udp(Octets(1472)));
  EXPECT_EQ(probe.outside.drop(), Drop::no_buffer);
  EXPECT_TRUE(probe.gateway.conserved());
}

}  // namespace
}  // namespace dp
