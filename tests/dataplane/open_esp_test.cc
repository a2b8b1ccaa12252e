// open_esp: every suite, forged packets, the window after the tag, and peers that move.
#include <gtest/gtest.h>

#include "tests/support/esp_peer.h"

namespace dp {
namespace {

using rig::EspProbe;
using rig::Octets;
using rig::Tunnel;

std::vector<ike::Suite> suites() {
  using ike::EncrId;
  using ike::IntegId;
  std::vector<ike::Suite> all;
  for (const bool esn : {false, true}) {
    all.push_back({.encr = EncrId::aes_gcm_16, .key_bits = 128, .esn = esn});
    all.push_back({.encr = EncrId::aes_gcm_16, .key_bits = 256, .esn = esn});
    all.push_back({.encr = EncrId::chacha20_poly1305, .key_bits = 0, .esn = esn});
    for (const IntegId integ :
         {IntegId::hmac_sha2_256_128, IntegId::hmac_sha2_384_192, IntegId::hmac_sha2_512_256})
      all.push_back({.encr = EncrId::aes_cbc, .key_bits = 256, .integ = integ, .esn = esn});
    all.push_back({.encr = EncrId::aes_cbc,
                   .key_bits = 128,
                   .integ = IntegId::hmac_sha2_256_128,
                   .esn = esn});
  }
  return all;
}

// RFC 4106, RFC 7634, RFC 3602 with RFC 4868, each with and without ESN, both directions.
TEST(OpenEsp, CarriesPacketsWithEverySuite) {
  EspProbe probe({.configure = [](WorkerConfig& c) { c.child.esp_suites = suites(); }});
  for (const ike::Suite& suite : suites()) {
    SCOPED_TRACE(static_cast<int>(suite.encr) * 1000 + suite.key_bits + (suite.esn ? 1 : 0));
    Tunnel t = probe.tunnel({.child = suite, .ip6 = true});
    EXPECT_EQ(probe.echo_complaint(t), "");
    for (std::size_t len = 0; len < 40; ++len) {
      const Octets request = probe.echo6(t, len);
      const auto back = probe.send_esp(t, t.peer.seal(request));
      ASSERT_EQ(back.packets.size(), 1u) << len << back.reaction.describe();
      EXPECT_TRUE(rig::is_echo_reply(request, back.packets[0].inner));
    }
  }
}

// Both inner families on one SA.
TEST(OpenEsp, CarriesBothFamiliesOnOneSa) {
  EspProbe probe;
  Tunnel t = probe.tunnel({.ip6 = true});
  EXPECT_EQ(probe.echo_complaint(t), "");
  const Octets request = probe.echo6(t);
  const auto back = probe.send_esp(t, t.peer.seal(request));
  ASSERT_EQ(back.packets.size(), 1u);
  EXPECT_EQ(back.packets[0].next_header, 41);
  EXPECT_TRUE(rig::is_echo_reply(request, back.packets[0].inner));
}

// RFC 4303 §3.4.3: a bad ICV does not move the window.
TEST(OpenEsp, DropsForgedPacketsAndKeepsTheWindow) {
  EspProbe probe;
  Tunnel t = probe.tunnel();
  const Octets good = t.peer.seal(probe.echo(t));
  for (std::size_t at : {std::size_t{8}, std::size_t{20}, good.size() - 1}) {
    Octets forged = good;
    forged[at] ^= 1;
    EXPECT_EQ(probe.send_esp(t, forged).reaction.drop(), Drop::esp_bad_icv) << at;
  }
  Octets ahead = t.peer.seal(probe.echo(t), {.number = 0x7fff'ffff});
  ahead.back() ^= 1;
  EXPECT_EQ(probe.send_esp(t, ahead).reaction.drop(), Drop::esp_bad_icv);
  EXPECT_EQ(probe.send_esp(t, good).packets.size(), 1u) << "the genuine one still comes";
  EXPECT_EQ(probe.complaint(), "");
}

TEST(OpenEsp, TakesOneOfTwoCopiesInABurst) {
  EspProbe probe;
  Tunnel t = probe.tunnel();
  const Octets good = t.peer.seal(probe.echo(t));
  const auto back = probe.send_all_esp(t, {good, good});
  EXPECT_EQ(back.packets.size(), 1u);
  EXPECT_EQ(back.reaction.drop(), Drop::esp_replayed);
}

TEST(OpenEsp, TakesPacketsOutOfOrder) {
  EspProbe probe;
  Tunnel t = probe.tunnel();
  std::vector<Octets> sealed;
  for (int i = 0; i < 64; ++i) sealed.insert(sealed.begin(), t.peer.seal(probe.echo(t)));
  EXPECT_EQ(probe.send_all_esp(t, sealed).packets.size(), 64u);
}

// RFC 4303 appendix A: numbers pass 2^32 when ESN was negotiated.
TEST(OpenEsp, CrossesTheFirst32BitsWithEsn) {
  EspProbe probe({.configure = [](WorkerConfig& c) { c.child.esp_suites = suites(); }});
  for (const ike::Suite& suite : suites()) {
    if (!suite.esn) continue;
    Tunnel t = probe.tunnel({.child = suite});
    // Half of the numbers at most may be skipped at once, so this takes two steps.
    for (std::uint64_t n : {0x7000'0000ull, 0xe000'0000ull, 0xffff'fffeull, 0xffff'ffffull,
                            0x1'0000'0000ull, 0x1'0000'0001ull, 0x1'0000'0002ull}) {
      const Octets request = probe.echo(t);
      const auto back = probe.send_esp(t, t.peer.seal(request, {.number = n}));
      EXPECT_EQ(back.packets.size(), 1u) << n << ' ' << back.reaction.describe();
    }
  }
}

// RFC 7296 §2.23: plain and encapsulated ESP are both accepted for one SA, and we send as the peer
// does.
TEST(OpenEsp, TakesPlainAndEncapsulatedByTurns) {
  EspProbe probe;
  Tunnel t = probe.tunnel({.encapsulated = true});
  for (const std::uint16_t port : std::initializer_list<std::uint16_t>{4500, 500, 4500}) {
    t.path.source_port = t.path.destination_port = port;
    const auto back = probe.send_esp(t, t.peer.seal(probe.echo(t)));
    ASSERT_EQ(back.packets.size(), 1u) << back.reaction.describe();
    EXPECT_EQ(back.outer[0].protocol, port == 4500 ? 17 : 50);
  }
}

// RFC 3948 §2.1.
TEST(OpenEsp, IgnoresTheUdpChecksum) {
  EspProbe probe;
  Tunnel t = probe.tunnel({.encapsulated = true});
  Octets frame = EspProbe::frame(t, t.peer.seal(probe.echo(t)));
  frame[14 + 20 + 6] ^= 0x55;
  EXPECT_EQ(probe.send_frame(frame).packets.size(), 1u);
}

// RFC 3948 §4.1, esp.md §7: a newer authentic packet moves the endpoint, nothing else does.
TEST(OpenEsp, FollowsANatThatRebinds) {
  EspProbe probe;
  Tunnel t = probe.tunnel({.encapsulated = true});
  const Octets old_packet = t.peer.seal(probe.echo(t));
  ASSERT_EQ(probe.echo_complaint(t), "");
  t.path.source_port = 40001;
  t.path.source4 = {203, 0, 113, 9};
  auto back = probe.send_esp(t, t.peer.seal(probe.echo(t)));
  ASSERT_EQ(back.outer.size(), 1u);
  EXPECT_EQ(back.outer[0].destination_port, 40001);
  EXPECT_EQ(back.outer[0].destination, (Octets{203, 0, 113, 9}));
  EXPECT_EQ(probe.gateway.sum(&WorkerCounters::peers_moved), 1u);

  t.path.source4 = {198, 51, 100, 66};  // an attacker delays an old packet and sends it from here
  t.path.source_port = 6666;
  back = probe.send_esp(t, old_packet);
  ASSERT_EQ(back.outer.size(), 1u);
  EXPECT_EQ(back.outer[0].destination_port, 40001);
  Octets forged = t.peer.seal(probe.echo(t));
  forged.back() ^= 1;
  probe.send_esp(t, forged);
  EXPECT_EQ(probe.gateway.sum(&WorkerCounters::peers_moved), 1u);
}

// Without UDP there is no NAT that could rebind.
TEST(OpenEsp, DoesNotFollowAPlainPeer) {
  EspProbe probe;
  Tunnel t = probe.tunnel();
  t.path.source4 = {203, 0, 113, 9};
  const auto back = probe.send_esp(t, t.peer.seal(probe.echo(t)));
  ASSERT_EQ(back.outer.size(), 1u);
  EXPECT_EQ(back.outer[0].destination, (Octets{192, 0, 2, 10}));
}

}  // namespace
}  // namespace dp
