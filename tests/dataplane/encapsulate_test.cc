// encapsulate and seal_esp: numbers, padding, outer headers.
#include <gtest/gtest.h>

#include "dataplane/stages.h"
#include "tests/support/esp_peer.h"

namespace dp {
namespace {

using rig::EspProbe;
using rig::Octets;
using rig::Tunnel;

TEST(Encapsulate, CountsFromOneWithoutGaps) {  // RFC 4303 §2.2
  EspProbe probe;
  Tunnel t = probe.tunnel();
  for (std::uint64_t n = 1; n < 40; ++n) {
    const auto back = probe.send_esp(t, t.peer.seal(probe.echo(t)));
    ASSERT_EQ(back.packets.size(), 1u);
    EXPECT_EQ(back.packets[0].number, n);
    // RFC 4106 §3.1: the IV is the number, so it never repeats.
    EXPECT_EQ(crypto::load_be64(back.outer[0].l4.data() + 8), n);
  }
}

TEST(Encapsulate, PadsWithOneTwoThree) {  // RFC 4303 §2.4
  EspProbe probe;
  Tunnel t = probe.tunnel();
  for (std::size_t len = 0; len < 9; ++len) {
    const auto back = probe.send_esp(t, t.peer.seal(probe.echo(t, len)));
    ASSERT_EQ(back.packets.size(), 1u);
    EXPECT_LT(back.packets[0].padding.size(), 4u);
    for (std::size_t i = 0; i < back.packets[0].padding.size(); ++i)
      EXPECT_EQ(back.packets[0].padding[i], i + 1);
    EXPECT_EQ((back.packets[0].inner.size() + back.packets[0].padding.size() + 2) % 4, 0u);
  }
}

// RFC 4301 §5.1.2: DSCP and ECN are copied out; RFC 3948 §2.1: no UDP checksum over IPv4.
TEST(Encapsulate, WritesOuterHeaders) {
  EspProbe probe;
  Tunnel t = probe.tunnel({.encapsulated = true});
  Octets request = probe.echo(t);
  request[1] = 0xb8;  // EF
  request[10] = request[11] = 0;
  const std::uint16_t sum = plain_checksum(crypto::Bytes(request).first(20));
  request[10] = static_cast<std::uint8_t>(sum >> 8);
  request[11] = static_cast<std::uint8_t>(sum);
  ASSERT_TRUE(probe.gateway.port().inject(EspProbe::frame(t, t.peer.seal(request))));
  probe.gateway.run();
  const auto frames = probe.gateway.port().take_sent();
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0][15], 0xb8);
  const auto packet = read_packet(frames[0]);
  ASSERT_TRUE(packet.has_value());
  EXPECT_EQ(packet->udp_checksum, 0);
  EXPECT_EQ(packet->source_port, 4500);
  EXPECT_EQ(packet->ip4_fragment_word, 0x4000) << "DF";
  EXPECT_EQ(packet->destination, (Octets{192, 0, 2, 10}));
}

// RFC 8200 §8.1: over IPv6 UDP has a checksum; read_packet checks it.
TEST(Encapsulate, WritesOuterIp6) {
  EspProbe probe;
  probe.path.is_ip6 = true;
  for (const bool encapsulated : {false, true}) {
    Tunnel t = probe.tunnel({.encapsulated = encapsulated});
    const auto back = probe.send_esp(t, t.peer.seal(probe.echo(t)));
    ASSERT_EQ(back.packets.size(), 1u) << back.reaction.describe();
    EXPECT_TRUE(back.outer[0].is_ip6);
    EXPECT_EQ(back.outer[0].udp_checksum != 0, encapsulated);
  }
}

// esp.md §6: the table of inner MTUs.
TEST(Encapsulate, KnowsTheLongestInnerPacket) {
  Link link;
  EspSa sa;
  const auto max = [&](EspCipher cipher, bool ip6, bool udp) {
    sa.cipher = cipher;
    sa.peer_is_ip6 = ip6;
    sa.encapsulated = udp;
    return inner_max(sa, link);
  };
  EXPECT_EQ(max(EspCipher::aes256_gcm, false, false), 1446u);
  EXPECT_EQ(max(EspCipher::aes256_gcm, false, true), 1438u);
  EXPECT_EQ(max(EspCipher::aes256_gcm, true, false), 1426u);
  EXPECT_EQ(max(EspCipher::aes256_gcm, true, true), 1418u);
  EXPECT_EQ(max(EspCipher::aes256_cbc, false, false), 1438u);
  EXPECT_EQ(max(EspCipher::aes256_cbc, false, true), 1422u);
  EXPECT_EQ(max(EspCipher::aes256_cbc, true, false), 1406u);
  EXPECT_EQ(max(EspCipher::aes256_cbc, true, true), 1406u);
}

}  // namespace
}  // namespace dp
