// clamp_mss: which segments, what becomes of the option, and that the checksum stays right.
#include <gtest/gtest.h>

#include "dataplane/inside.h"
#include "tests/support/inside_probe.h"

namespace dp {
namespace {

using rig::InsideProbe;
using rig::Octets;
using rig::Tunnel;

// A TCP segment with these options, its checksum right.
Octets tcp(const PacketBuilder& b, std::uint8_t flags, Octets options) {
  options.resize((options.size() + 3) / 4 * 4);
  Octets l4{0x9c, 0x40, 0, 80, 1, 2, 3, 4, 0, 0, 0, 0};
  l4.push_back(static_cast<std::uint8_t>((20 + options.size()) / 4 << 4));
  l4.insert(l4.end(), {flags, 0xff, 0xff, 0, 0, 0, 0});
  l4.insert(l4.end(), options.begin(), options.end());
  const Path ends{.source = {}, .destination = {}, .is_ip6 = b.is_ip6};
  Path path = ends;
  if (b.is_ip6) {
    std::ranges::copy(b.source6, path.source.begin());
    std::ranges::copy(b.destination6, path.destination.begin());
  } else {
    std::ranges::copy(b.source4, path.source.begin());
    std::ranges::copy(b.destination4, path.destination.begin());
  }
  const std::uint64_t pseudo = pseudo_header_sum(path, 6, l4.size());
  crypto::store_be16(l4.data() + 16, checksum_fold(checksum_add(pseudo, l4)));
  return InsideProbe::inner(b.ip(6, l4));
}

bool checksum_is_right(const PacketBuilder& b, const Octets& packet) {
  const std::size_t at = b.is_ip6 ? 40 : 20, len = b.is_ip6 ? 16 : 4, from = b.is_ip6 ? 8 : 12;
  Path path{.is_ip6 = b.is_ip6};
  std::copy_n(packet.begin() + static_cast<std::ptrdiff_t>(from), len, path.source.begin());
  std::copy_n(packet.begin() + static_cast<std::ptrdiff_t>(from + len), len,
              path.destination.begin());
  const crypto::Bytes l4 = crypto::Bytes(packet).subspan(at);
  return checksum_fold(checksum_add(pseudo_header_sum(path, 6, l4.size()), l4)) == 0;
}

Octets clamped(const Octets& packet, std::size_t max) {
  InnerPacket inner;
  EXPECT_TRUE(read_inner(packet, inner));
  Octets out = packet;
  clamp_mss(inner, out.data(), max);
  return out;
}

TEST(ClampMss, LowersTheOptionWhereverItStands) {
  for (const bool is_ip6 : {false, true}) {
    PacketBuilder b;
    b.is_ip6 = is_ip6;
    for (unsigned before = 0; before < 4; ++before) {
      Octets options(before, 1);
      options.insert(options.end(), {2, 4, 0x05, 0xb4, 4, 2});
      for (const auto flags : {std::uint8_t{0x02}, std::uint8_t{0x12}}) {
        const Octets out = clamped(tcp(b, flags, options), 1438);
        const std::size_t at = (is_ip6 ? 60u : 40u) + before + 2;
        EXPECT_EQ(crypto::load_be16(out.data() + at), is_ip6 ? 1378 : 1398);
        EXPECT_TRUE(checksum_is_right(b, out)) << before;
      }
    }
  }
}

TEST(ClampMss, LeavesEverythingElseAlone) {
  PacketBuilder b;
  const auto unchanged = [&](const Octets& packet, std::size_t max = 1438) {
    return clamped(packet, max) == packet;
  };
  EXPECT_TRUE(unchanged(tcp(b, 0x10, {2, 4, 0x05, 0xb4}))) << "no SYN";
  EXPECT_TRUE(unchanged(tcp(b, 0x02, {2, 4, 0x05, 0x00}))) << "small already";
  EXPECT_TRUE(unchanged(tcp(b, 0x02, {0, 2, 4, 0x05, 0xb4}))) << "behind the end";
  EXPECT_TRUE(unchanged(tcp(b, 0x02, {3, 3, 7}))) << "not there";
  EXPECT_TRUE(unchanged(tcp(b, 0x02, {2, 3, 0x05, 1}))) << "of a wrong length";
  EXPECT_TRUE(unchanged(tcp(b, 0x02, {8, 0, 2, 4}))) << "behind one of length 0";
  EXPECT_TRUE(unchanged(tcp(b, 0x02, {8, 99, 2, 4}))) << "behind one that is too long";
  EXPECT_TRUE(unchanged(tcp(b, 0x02, {2, 4, 0x02, 0x18}), 100)) << "536 needs no option";
  Octets short_header = tcp(b, 0x02, {2, 4, 0x05, 0xb4});
  short_header[32] = 0xf0;
  EXPECT_TRUE(unchanged(short_header));
  b.ip4_fragment_word = 0x2000;
  EXPECT_TRUE(unchanged(tcp(b, 0x02, {2, 4, 0x05, 0xb4}))) << "a fragment";
  b.ip4_fragment_word = 0x4000;
  EXPECT_TRUE(unchanged(InsideProbe::inner(b.udp(Octets(40, 2)))));
}

// Both ways through a gateway, and not when the configuration says so.
TEST(ClampMss, IsDoneBothWays) {
  for (const bool on : {true, false}) {
    InsideProbe probe({.configure = [on](WorkerConfig& c) { c.clamp_mss = on; }});
    Tunnel t = probe.tunnel();
    probe.meet_host(t);
    const std::uint16_t expected = on ? 1406 : 1460;
    const Octets options{2, 4, 0x05, 0xb4};
    const PacketBuilder in = InsideProbe::from_client(t), out = InsideProbe::to_client(t);
    const auto sent = probe.from_tunnel(t, tcp(in, 0x02, options));
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(crypto::load_be16(sent[0].data() + 14 + 42), expected);
    const Octets forwarded(sent[0].begin() + 14, sent[0].begin() + 14 + 44);  // the rest is padding
    EXPECT_TRUE(checksum_is_right(in, forwarded));
    const Octets packet = tcp(out, 0x12, options);
    probe.from_inside(out.ip(6, Octets(packet.begin() + 20, packet.end())));
    const Octets back = InsideProbe::opened(t, probe.outside);
    ASSERT_EQ(back.size(), packet.size());
    EXPECT_EQ(crypto::load_be16(back.data() + 42), expected);
  }
}

}  // namespace
}  // namespace dp
