// children: install, remove and move by order; a rekey loses nothing; sessions end with their SA.
#include <gtest/gtest.h>

#include "dataplane/esp_spi.h"
#include "tests/support/esp_peer.h"

namespace dp {
namespace {

using rig::EspPeer;
using rig::EspProbe;
using rig::Octets;
using rig::Tunnel;

Octets keymat(std::uint8_t seed) {
  Octets octets(ike::child_keymat_len(ike::Suite{}));
  for (std::size_t i = 0; i < octets.size(); ++i)
    octets[i] = static_cast<std::uint8_t>(seed + 7 * i);
  return octets;
}

class Children : public ::testing::Test {
 protected:
  EspProbe probe;
  Tunnel t = probe.tunnel();

  std::uint32_t spi(std::uint32_t place, std::uint8_t generation = 1) {
    const WorkerConfig& c = probe.gateway.shared().config;
    return EspSpiCodec(c).encode(0, c.sessions_max + place, generation).value();
  }
  void order(OrderKind kind, std::uint32_t spi_in, std::uint8_t seed = 0, bool we_initiated = false,
             const PeerPath& path = {}) {
    Order* letter = probe.gateway.shared().seams[0]->orders.claim();
    ASSERT_NE(letter, nullptr);
    letter->kind = kind;
    letter->path = path;
    letter->message_len = 0;
    ChildInstall& child = letter->child;
    child.spi_in = ike::EspSpi(spi_in);
    child.spi_out = ike::EspSpi(0x2000 + seed);
    child.suite = {};
    child.we_initiated = we_initiated;
    ike::Ip4 address;
    std::ranges::copy(t.ip4, address.begin());
    child.ip4_lease = probe.gateway.shared().leases.index4(address);
    child.ip6_lease = kNoLease;
    child.ts_local = probe.gateway.shared().config.child.local_ts;
    child.ts_remote.count = 1;
    child.ts_remote.items[0] = ike::selector_of(ike::TsType::ipv4_addr_range, address, 32);
    std::ranges::copy(keymat(seed), child.keymat.begin());
    probe.gateway.shared().seams[0]->orders.publish();
    probe.run();
  }
  EspPeer peer(std::uint32_t spi_in, std::uint8_t seed) {
    return EspPeer({}, keymat(seed), spi_in, 0x2000u + seed);
  }
  // Which SPI a packet to the client leaves by: another client sends it.
  std::uint32_t spi_towards_client() {
    Tunnel other = probe.tunnel();
    PacketBuilder b;
    std::ranges::copy(other.ip4, b.source4.begin());
    std::ranges::copy(t.ip4, b.destination4.begin());
    const Octets frame = b.echo_request(Octets(8));
    const auto reaction =
        probe.send_esp(other, other.peer.seal(Octets(frame.begin() + 14, frame.end()))).reaction;
    return reaction.packets.size() == 1 ? crypto::load_be32(reaction.packets[0].l4.data()) : 0;
  }
};

TEST_F(Children, InstallAndRemoveByOrder) {
  EXPECT_EQ(spi_towards_client(), t.peer.own_spi);
  order(OrderKind::install_child, spi(3), 1, true, probe.way());
  EXPECT_EQ(spi_towards_client(), 0x2001u);
  order(OrderKind::remove_child, spi(3));
  t.peer = peer(spi(3), 1);
  EXPECT_EQ(probe.send_esp(t, t.peer.seal(probe.echo(t))).reaction.drop(), Drop::esp_unknown_spi);
  EXPECT_EQ(spi_towards_client(), 0u) << "the route went with it";
}

// RFC 7296 §2.8: on the peer's rekey we go over when it does, or after a minute.
TEST_F(Children, SwitchesWhenThePeerUsesTheNewSa) {
  order(OrderKind::install_child, spi(0), 1, false, probe.way());
  EXPECT_EQ(spi_towards_client(), t.peer.own_spi);
  EXPECT_EQ(probe.echo_complaint(t), "") << "the old one drains";
  t.peer = peer(spi(0), 1);
  EXPECT_EQ(probe.echo_complaint(t), "");
  EXPECT_EQ(spi_towards_client(), 0x2001u);
}

TEST_F(Children, SwitchesAfterAMinute) {
  order(OrderKind::install_child, spi(0), 1, false, probe.way());
  probe.gateway.now.ms += 59'999;
  EXPECT_EQ(spi_towards_client(), t.peer.own_spi);
  probe.gateway.now.ms += 1;
  EXPECT_EQ(spi_towards_client(), 0x2001u);
}

TEST_F(Children, SwitchesWhenTheOldSaGoes) {
  order(OrderKind::install_child, spi(0), 1, false, probe.way());
  order(OrderKind::install_child, spi(1), 2, false, probe.way());
  EXPECT_EQ(spi_towards_client(), t.peer.own_spi);
  order(OrderKind::remove_child, t.peer.gateway_spi);
  EXPECT_EQ(spi_towards_client(), 0x2002u);
}

TEST_F(Children, MovesByOrder) {
  order(OrderKind::install_child, spi(0), 1, true, probe.way());
  PeerPath path = probe.way();
  path.peer = {203, 0, 113, 77};
  order(OrderKind::move_child, spi(0), 0, false, path);
  t.path.source4 = {203, 0, 113, 77};
  t.peer = peer(spi(0), 1);
  Tunnel other = probe.tunnel();
  PacketBuilder b;
  std::ranges::copy(other.ip4, b.source4.begin());
  std::ranges::copy(t.ip4, b.destination4.begin());
  const Octets frame = b.echo_request(Octets(8));
  const auto reaction =
      probe.send_esp(other, other.peer.seal(Octets(frame.begin() + 14, frame.end()))).reaction;
  ASSERT_EQ(reaction.packets.size(), 1u);
  EXPECT_EQ(reaction.packets[0].destination, (Octets{203, 0, 113, 77}));
}

TEST_F(Children, IgnoresOrdersAboutPlacesThatItDoesNotHave) {
  order(OrderKind::install_child, 255, 1);
  order(OrderKind::install_child, 0xffffffff, 1);
  order(OrderKind::remove_child, 77);
  order(OrderKind::move_child, spi(9));
  EXPECT_EQ(probe.echo_complaint(t), "");
}

TEST_F(Children, EndWithTheirSession) {
  probe.gateway.now.ms +=
      std::uint64_t{probe.gateway.shared().config.tickets.lifetime_s} * 1000 + 1;
  for (std::uint32_t i = 0; i < probe.gateway.shared().config.sessions_max; ++i)
    probe.gateway.run();
  EXPECT_EQ(probe.send_esp(t, t.peer.seal(probe.echo(t))).reaction.drop(), Drop::esp_unknown_spi);
  EXPECT_EQ(probe.gateway.sum(&WorkerCounters::children), 0u);
}

// RFC 7296 §2.18: a Child SA is inherited by the rekeyed IKE SA; the slot is free when it goes.
TEST_F(Children, OutlivesASessionThatIsReleased) {
  const std::uint64_t ike_spi = t.client.spi_r;
  probe.order({.kind = OrderKind::recall, .spi_r = ike_spi});
  probe.run();
  ASSERT_EQ(probe.take_punts().size(), 1u);
  probe.order({.kind = OrderKind::release, .spi_r = ike_spi});
  probe.run();
  EXPECT_EQ(probe.echo_complaint(t), "");
  order(OrderKind::remove_child, t.peer.gateway_spi);
  EXPECT_EQ(probe.send_esp(t, t.peer.seal(probe.echo(t))).reaction.drop(), Drop::esp_unknown_spi);
  EXPECT_EQ(probe.complaint(), "");
}

}  // namespace
}  // namespace dp
