// Attacks on tunnels from either side: each packet is dropped by the name of what is wrong with it,
// counted once and not answered, and genuine packets beside it arrive. RFC 4301 §5.2, RFC 4303
// §3.4.
#include <gtest/gtest.h>

#include "tests/support/inside_probe.h"

namespace {

using dp::Drop;
using dp::WorkerCounters;
using rig::EspProbe;
using rig::InsideProbe;
using rig::Octets;
using rig::Tunnel;

Octets first(const Octets& octets, std::size_t len) {
  return Octets(octets.begin(), octets.begin() + static_cast<std::ptrdiff_t>(len));
}

const ike::Suite kCbc{.encr = ike::EncrId::aes_cbc, .integ = ike::IntegId::hmac_sha2_256_128};
const ike::Suite kSuites[] = {ike::Suite{}, ike::Suite{.esn = true}, kCbc};

rig::Options options() {
  return {.configure = [](dp::WorkerConfig& c) {
    c.child.esp_suites = {std::begin(kSuites), std::end(kSuites)};
  }};
}

// What a cut ESP packet is dropped by. With UDP the first four octets say whether it is IKE, and
// RFC 3948 §2.3 has a keepalive of one octet, which is 0xff.
Drop reason_of_cut(std::size_t len, const ike::Suite& suite, bool in_udp) {
  const bool is_cbc = suite.encr == ike::EncrId::aes_cbc;
  const std::size_t block = is_cbc ? 16 : 4, overhead = 8 + (is_cbc ? 16 : 8) + 16;
  if (in_udp && len < 4) return Drop::ike_runt;
  if (len < overhead + block || (len - overhead) % block != 0) return Drop::esp_bad_length;
  return Drop::esp_bad_icv;
}

// Every length of an ESP packet, by every way that it can come.
TEST(Attack, CutEspIsDroppedAtEveryLength) {
  for (const ike::Suite& suite : kSuites)
    for (const unsigned way : {0u, 1u, 2u, 3u}) {
      EspProbe probe(options());
      probe.path.is_ip6 = (way & 1) != 0;
      const bool in_udp = (way & 2) != 0;
      Tunnel t = probe.tunnel({.child = suite, .encapsulated = in_udp});
      const Octets good = t.peer.seal(probe.echo(t));
      for (std::size_t len = 0; len < good.size(); ++len) {
        const auto back = probe.send_esp(t, first(good, len));
        EXPECT_EQ(back.reaction.drop(), reason_of_cut(len, suite, in_udp))
            << "way " << way << ", " << len << " octets: " << back.reaction.describe();
        EXPECT_TRUE(back.reaction.packets.empty()) << len;
      }
      EXPECT_EQ(probe.send_esp(t, good).packets.size(), 1u) << "the whole one is genuine still";
      EXPECT_EQ(probe.gateway.sum(&WorkerCounters::esp_in), 1u);
      EXPECT_EQ(probe.echo_complaint(t), "");
    }
}

// The frame is cut, and its headers say what they said.
TEST(Attack, CutOuterFramesAreDroppedAtEveryLength) {
  for (const unsigned way : {0u, 1u, 2u, 3u}) {
    EspProbe probe;
    probe.path.is_ip6 = (way & 1) != 0;
    Tunnel t = probe.tunnel({.encapsulated = (way & 2) != 0});
    const Octets good = EspProbe::frame(t, t.peer.seal(probe.echo(t)));
    for (std::size_t len = 1; len < good.size(); ++len) {
      const auto reaction = probe.send_frame(first(good, len));
      EXPECT_EQ(reaction.drop(), len < 14 ? Drop::eth_runt : Drop::ip_runt) << way << ' ' << len;
    }
    EXPECT_EQ(probe.send_frame(good).packets.size(), 1u);
  }
}

// Sealed by the client itself: the ICV is right.
TEST(Attack, CutInnerPacketsAreDroppedAtEveryLength) {
  for (const bool is_ip6 : {false, true}) {
    EspProbe probe;
    Tunnel t = probe.tunnel({.ip6 = true});
    const Octets good = is_ip6 ? probe.echo6(t) : probe.echo(t);
    const std::uint8_t next = is_ip6 ? 41 : 4;
    for (std::size_t len = 0; len < good.size(); ++len) {
      const auto back = probe.send_esp(t, t.peer.seal(first(good, len), {.next_header = next}));
      EXPECT_EQ(back.reaction.drop(), Drop::inner_malformed) << len;
      EXPECT_TRUE(back.reaction.packets.empty()) << len;
    }
    EXPECT_EQ(probe.send_esp(t, t.peer.seal(good)).packets.size(), 1u);
  }
}

TEST(Attack, CutFramesFromTheInsideAreDroppedAtEveryLength) {
  for (const bool is_ip6 : {false, true}) {
    InsideProbe probe;
    Tunnel t = probe.tunnel({.ip6 = true});
    dp::PacketBuilder b = InsideProbe::to_client(t);
    b.is_ip6 = is_ip6;
    const Octets good = b.udp(Octets(60, 3));
    for (std::size_t len = 1; len < good.size(); ++len) {
      EXPECT_TRUE(probe.from_inside(first(good, len)).empty()) << len;
      EXPECT_TRUE(probe.outside.packets.empty()) << len;
      EXPECT_EQ(probe.outside.drop(), len < 18 ? Drop::eth_runt : Drop::ip_bad_header) << len;
    }
    EXPECT_TRUE(probe.from_inside(good).empty());
    EXPECT_FALSE(InsideProbe::opened(t, probe.outside).empty());
    EXPECT_EQ(probe.gateway.sum(&WorkerCounters::esp_out), 1u);
    EXPECT_TRUE(probe.gateway.conserved());
  }
}

// An octet of ESP changed, each in turn: the SPI leads nowhere or elsewhere, a number may be old,
// and anything else is no ICV.
TEST(Attack, OneChangedOctetIsEnough) {
  EspProbe probe(options());
  for (const ike::Suite& suite : kSuites) {
    Tunnel t = probe.tunnel({.child = suite});
    ASSERT_EQ(probe.echo_complaint(t), "");
    const Octets good = t.peer.seal(probe.echo(t));
    for (std::size_t at = 0; at < good.size(); ++at) {
      Octets forged = good;
      forged[at] ^= 0x40;
      const auto back = probe.send_esp(t, forged);
      EXPECT_TRUE(back.reaction.packets.empty()) << at;
      EXPECT_EQ(back.reaction.drop(), at < 4 ? Drop::esp_unknown_spi : Drop::esp_bad_icv) << at;
    }
    EXPECT_EQ(probe.send_esp(t, good).packets.size(), 1u);
  }
}

// Attacks in the same burst as genuine packets, one beside the other.
class Beside : public testing::Test {
 protected:
  Beside() {
    probe.meet_host(t);
    recorded_ = t.peer.seal(probe.echo(t));
    EXPECT_EQ(probe.send_esp(t, recorded_).packets.size(), 1u);
  }
  // `attack` makes one packet of ESP; 16 of them among 16 genuine ones.
  template <class F>
  void expect_dropped(Drop why, F attack) {
    SCOPED_TRACE(dp::drop_name(why));
    std::vector<Octets> burst;
    for (int i = 0; i < 16; ++i) {
      burst.push_back(attack());
      burst.push_back(t.peer.seal(probe.echo(t)));
    }
    const auto back = probe.send_all_esp(t, burst);
    EXPECT_EQ(back.packets.size(), 16u);
    EXPECT_EQ(back.reaction.packets.size(), 16u);
    EXPECT_EQ(back.reaction.drops, (std::map<Drop, unsigned>{{why, 16}}));
    EXPECT_TRUE(probe.sent_inside().empty());
    EXPECT_TRUE(probe.gateway.conserved());
  }
  Octets from(const ike::Ip4& source, const ike::Ip4& destination) {
    dp::PacketBuilder b;
    b.source4 = source;
    b.destination4 = destination;
    return t.peer.seal(InsideProbe::inner(b.udp(Octets(20))));
  }
  ike::Ip4 leased() const {
    ike::Ip4 address;
    std::ranges::copy(t.ip4, address.begin());
    return address;
  }

  InsideProbe probe{{.configure = [](dp::WorkerConfig& c) {
    c.child.local_ts.count = 1;  // 10.0.0.0/9
    c.child.local_ts.items[0] =
        ike::selector_of(ike::TsType::ipv4_addr_range, ike::Ip4{10, 0, 0, 0}, 9);
  }}};
  Tunnel t = probe.tunnel(), other = probe.tunnel();

 protected:
  Octets recorded_;
};

TEST_F(Beside, GenuinePacketsArriveInTheBurstOfAnAttack) {
  const ike::Ip4 host = InsideProbe::host().source4;
  expect_dropped(Drop::esp_replayed, [&] { return recorded_; });
  expect_dropped(Drop::esp_bad_icv, [&] {
    Octets forged = t.peer.seal(probe.echo(t));
    forged.back() ^= 1;
    return forged;
  });
  expect_dropped(Drop::esp_bad_length, [&] { return first(t.peer.seal(probe.echo(t)), 35); });
  expect_dropped(Drop::esp_unknown_spi, [&] {
    return t.peer.seal(probe.echo(t), {.number = 1, .spi = t.peer.gateway_spi ^ 1});
  });
  expect_dropped(Drop::inner_spoofed, [&] { return from({10, 64, 99, 99}, host); });
  expect_dropped(Drop::inner_spoofed, [&] {
    ike::Ip4 neighbours;
    std::ranges::copy(other.ip4, neighbours.begin());
    return from(neighbours, host);
  });
  expect_dropped(Drop::inner_spoofed, [&] { return from({10, 0, 0, 1}, host); });
  expect_dropped(Drop::inner_not_selected, [&] { return from(leased(), {203, 0, 113, 1}); });
  expect_dropped(Drop::esp_bad_next_header,
                 [&] { return t.peer.seal(probe.echo(t), {.next_header = 17}); });
  expect_dropped(Drop::esp_bad_padding,
                 [&] { return t.peer.seal(probe.echo(t), {.pad_len = 255}); });
  EXPECT_EQ(probe.gateway.sum(&WorkerCounters::peers_moved), 0u);
}

// From the private side: nothing of it gets into a tunnel.
TEST_F(Beside, AHostMaySpeakOnlyForItself) {
  const auto expect = [&](Drop why, const Octets& frame) {
    const Octets genuine = InsideProbe::to_client(t).udp(Octets(20));
    for (const Octets& one : {frame, genuine, frame, genuine})
      ASSERT_TRUE(probe.gateway.inside().inject(one));
    const rig::Reaction reaction = probe.run();
    EXPECT_EQ(reaction.drops, (std::map<Drop, unsigned>{{why, 2}})) << dp::drop_name(why);
    EXPECT_EQ(reaction.packets.size(), 2u) << dp::drop_name(why);
    EXPECT_TRUE(probe.sent_inside().empty()) << dp::drop_name(why);
  };
  dp::PacketBuilder b = InsideProbe::to_client(t);
  std::ranges::copy(other.ip4, b.source4.begin());
  expect(Drop::ip_bad_source, b.udp(Octets(20)));
  b.source4 = {10, 0, 0, 1};
  expect(Drop::ip_bad_source, b.udp(Octets(20)));
  b.source4 = {203, 0, 113, 7};  // outside of what the Child SA leads to: RFC 4301 §5.1
  expect(Drop::inner_not_selected, b.udp(Octets(20)));
  b = InsideProbe::to_client(t);
  b.destination4 = {10, 64, 99, 99};
  expect(Drop::no_child_sa, b.udp(Octets(20)));
  b.destination4 = {203, 0, 113, 1};
  expect(Drop::ip_not_for_us, b.udp(Octets(20)));
  b = InsideProbe::to_client(t);
  b.ttl = 0;
  b.source4 = {203, 0, 113, 7};
  b.destination_mac[5] ^= 1;
  expect(Drop::eth_not_for_us, b.udp(Octets(20)));
  Octets lying = InsideProbe::to_client(t).udp(Octets(20));
  lying[14] = 0x4f;
  expect(Drop::ip_bad_header, lying);
  EXPECT_TRUE(probe.gateway.conserved());
}

}  // namespace
