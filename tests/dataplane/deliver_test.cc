// deliver, answer_inner, route_out: where inner packets go.
#include <gtest/gtest.h>

#include "tests/support/inside_probe.h"

namespace dp {
namespace {

using rig::EspProbe;
using rig::Octets;
using rig::Tunnel;

Octets to(const Tunnel& t, const Octets& destination, std::uint8_t ttl = 64) {
  PacketBuilder b;
  std::ranges::copy(t.ip4, b.source4.begin());
  std::ranges::copy(destination, b.destination4.begin());
  b.ttl = ttl;
  const Octets frame = b.echo_request(Octets(40, 1));
  return Octets(frame.begin() + 14, frame.end());
}

TEST(Deliver, DropsWhatIsForAnInsideThatIsNotThere) {
  EspProbe probe;
  Tunnel t = probe.tunnel();
  EXPECT_EQ(probe.send_esp(t, t.peer.seal(to(t, {10, 0, 0, 9}))).reaction.drop(),
            Drop::inside_absent);
  EXPECT_EQ(probe.echo_complaint(t), "");
}

// A router takes one hop, and none from a packet that is for itself.
TEST(Deliver, CountsHops) {
  EspProbe probe;
  Tunnel a = probe.tunnel(), b = probe.tunnel();
  EXPECT_EQ(probe.send_esp(a, a.peer.seal(to(a, b.ip4, 1))).reaction.drop(), Drop::inner_expired);
  EXPECT_EQ(probe.send_esp(a, a.peer.seal(to(a, {10, 0, 0, 1}, 1))).packets.size(), 1u);
}

TEST(Deliver, CarriesPacketsFromClientToClient) {
  EspProbe probe;
  Tunnel a = probe.tunnel(), b = probe.tunnel({.encapsulated = true});
  const Octets packet = to(a, b.ip4, 9);
  const auto reaction = probe.send_esp(a, a.peer.seal(packet)).reaction;
  ASSERT_EQ(reaction.packets.size(), 1u) << reaction.describe();
  const auto opened = b.peer.open(reaction.packets[0].payload);
  ASSERT_TRUE(opened.has_value());
  EXPECT_EQ(opened->inner[8], 8) << "one hop less";
  EXPECT_EQ(opened->inner.size(), packet.size());
  EXPECT_TRUE(read_packet(PacketBuilder().ether(0x0800, opened->inner)).has_value()) << "checksums";
}

// A packet that came in fragments of its tunnel may be longer than the link inside.
TEST(Deliver, CutsOrRefusesWhatTheInsideLinkCannotCarry) {
  rig::InsideProbe probe({.configure = [](WorkerConfig& c) { c.inside.mtu = 1300; }});
  Tunnel t = probe.tunnel({.ip6 = true});
  probe.meet_host(t);
  PacketBuilder b = rig::InsideProbe::from_client(t);
  auto sent = probe.from_tunnel(t, rig::InsideProbe::inner(b.udp(Octets(1320))));
  EXPECT_TRUE(sent.empty());
  EXPECT_EQ(probe.outside.drop(), Drop::inner_too_big);
  Octets told = rig::InsideProbe::opened(t, probe.outside);
  ASSERT_GT(told.size(), 28u);
  EXPECT_EQ(crypto::load_be16(told.data() + 26), 1300);
  b.ip4_fragment_word = 0;
  sent = probe.from_tunnel(t, rig::InsideProbe::inner(b.udp(Octets(1320, 8))));
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[0].size() + sent[1].size(), 2 * 34 + 1328u);
  for (const Octets& piece : sent)
    EXPECT_TRUE(std::equal(rig::kHostMac.begin(), rig::kHostMac.end(), piece.begin()));
  EXPECT_TRUE(probe.gateway.conserved());
}

// The outside addresses are the gateway's own as well, for clients that ask whether it lives.
TEST(Deliver, AnswersAtTheOutsideAddressesToo) {
  rig::InsideProbe probe;
  Tunnel t = probe.tunnel({.ip6 = true});
  EXPECT_EQ(probe.send_esp(t, t.peer.seal(to(t, {192, 0, 2, 1}))).packets.size(), 1u);
  PacketBuilder b = rig::InsideProbe::from_client(t, true);
  b.destination6 = PacketBuilder().destination6;
  EXPECT_EQ(probe.send_esp(t, t.peer.seal(rig::InsideProbe::inner(b.echo_request(Octets(9)))))
                .packets.size(),
            1u);
  EXPECT_TRUE(probe.sent_inside().empty());
}

// RFC 1812 §5.3.7, RFC 4291 §2.5: what a router never forwards.
TEST(Deliver, ForwardsNothingToGroupsLoopbackOrTheLinkItself) {
  rig::InsideProbe probe({.configure = [](WorkerConfig& c) {
    c.inside_route.gateway_mac = Mac{2, 0, 0, 0, 0, 0x77};
  }});
  Tunnel t = probe.tunnel({.ip6 = true});
  for (const Octets& destination :
       {Octets{0, 0, 0, 0}, Octets{127, 0, 0, 1}, Octets{224, 0, 0, 1}, Octets{239, 1, 1, 1},
        Octets{255, 255, 255, 255}, Octets{169, 254, 1, 1}}) {
    const auto reaction = probe.send_esp(t, t.peer.seal(to(t, destination))).reaction;
    EXPECT_EQ(reaction.drop(), Drop::inner_bad_destination) << unsigned{destination[0]};
  }
  for (const ike::Ip6& destination :
       {ike::Ip6{}, ike::Ip6{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, ike::Ip6{0xff, 2},
        ike::Ip6{0xfe, 0x80}, ike::Ip6{0xfe, 0xbf, 1}}) {
    PacketBuilder b = rig::InsideProbe::from_client(t, true);
    b.destination6 = destination;
    const Octets inner = rig::InsideProbe::inner(b.echo_request(Octets(9)));
    EXPECT_EQ(probe.send_esp(t, t.peer.seal(inner)).reaction.drop(), Drop::inner_bad_destination)
        << unsigned{destination[0]};
  }
  EXPECT_TRUE(probe.sent_inside().empty());
}

TEST(Deliver, HasNoWayToAnAddressThatNobodyHas) {
  EspProbe probe;
  Tunnel t = probe.tunnel();
  EXPECT_EQ(probe.send_esp(t, t.peer.seal(to(t, {10, 64, 99, 99}))).reaction.drop(),
            Drop::no_child_sa);
}

}  // namespace
}  // namespace dp
