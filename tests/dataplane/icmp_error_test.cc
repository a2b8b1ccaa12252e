// icmp_error: what is told, to whom, and when nobody is.
#include "dataplane/icmp_error.h"

#include <gtest/gtest.h>

#include "tests/support/packet_builder.h"

namespace dp {
namespace {

using Octets = std::vector<std::uint8_t>;

struct Box {
  Octets buffer = Octets(128 + 2048);
  Frame frame;
  InnerPacket inner;
  Link link{.ip4 = {{10, 0, 0, 1}}, .ip6 = {{0xfd, 1}}};

  bool turn(const Octets& ether, const IcmpError& error) {
    std::ranges::copy(ether, buffer.begin() + 128);
    frame = {.data = buffer.data() + 128, .capacity = 2048, .headroom = 128};
    EXPECT_TRUE(read_inner(crypto::Bytes(ether).subspan(14), inner));
    inner.offset = 14;
    return turn_into_error(frame, inner, link, error);
  }
  bool too_big(const Octets& ether, std::size_t mtu) {
    return turn(ether, {IcmpError::Kind::too_big, mtu});
  }
  Octets result() const { return Octets(frame.data, frame.data + inner.len); }
};

TEST(IcmpError, TellsTheMtuOverIp4) {  // RFC 1191 §4
  Box box;
  const Octets request = PacketBuilder().udp(Octets(1400));
  ASSERT_TRUE(box.too_big(request, 1438));
  const auto packet = read_packet(PacketBuilder().ether(0x0800, box.result()));
  ASSERT_TRUE(packet.has_value());
  EXPECT_EQ(packet->l4[0], 3);
  EXPECT_EQ(packet->l4[1], 4);
  EXPECT_EQ(crypto::load_be16(packet->l4.data() + 6), 1438);
  EXPECT_EQ(packet->destination, (Octets{192, 0, 2, 10}));
  EXPECT_EQ(packet->source, (Octets{10, 0, 0, 1}));
  EXPECT_EQ(box.inner.len, 576);
  EXPECT_EQ(Octets(packet->l4.begin() + 8, packet->l4.begin() + 40),
            Octets(request.begin() + 14, request.begin() + 46))
      << "the packet is quoted";
}

TEST(IcmpError, TellsTheMtuOverIp6) {  // RFC 4443 §3.2, RFC 8200 §5
  for (const auto& [mtu, told] : {std::pair{1418, 1418}, std::pair{1000, 1280}}) {
    Box box;
    PacketBuilder b;
    b.is_ip6 = true;
    ASSERT_TRUE(box.too_big(b.udp(Octets(1400)), static_cast<std::size_t>(mtu)));
    const auto packet = read_packet(PacketBuilder().ether(0x86dd, box.result()));
    ASSERT_TRUE(packet.has_value()) << "checksum";
    EXPECT_EQ(packet->l4[0], 2);
    EXPECT_EQ(crypto::load_be32(packet->l4.data() + 4), static_cast<std::uint32_t>(told));
    EXPECT_EQ(box.inner.len, 1280);
  }
}

TEST(IcmpError, IsNotSentAboutErrorsFragmentsAndGroups) {  // RFC 1122 §3.2.2
  Box box;
  PacketBuilder b;
  EXPECT_FALSE(box.too_big(b.ip(1, Octets{3, 1, 0, 0, 0, 0, 0, 0}), 1000));
  EXPECT_TRUE(box.too_big(b.ip(1, Octets{8, 0, 0, 0, 0, 0, 0, 0}), 1000));
  b.ip4_fragment_word = 0x0010;
  EXPECT_FALSE(box.too_big(b.udp(Octets(100)), 1000));
  b.ip4_fragment_word = 0x4000;
  EXPECT_FALSE(box.too_big(b.ip(1, Octets{}), 1000)) << "without a type";
  b.destination4 = {224, 0, 0, 5};
  EXPECT_FALSE(box.too_big(b.udp(Octets(100)), 1000));
}

TEST(IcmpError, TellsThatHopsRanOut) {  // RFC 792, RFC 4443 §3.3
  for (const bool is_ip6 : {false, true}) {
    Box box;
    PacketBuilder b;
    b.is_ip6 = is_ip6;
    ASSERT_TRUE(box.turn(b.udp(Octets(10)), {}));
    const auto packet = read_packet(PacketBuilder().ether(is_ip6 ? 0x86dd : 0x0800, box.result()));
    ASSERT_TRUE(packet.has_value());
    EXPECT_EQ(packet->l4[0], is_ip6 ? 3 : 11);
    EXPECT_EQ(packet->l4[1], 0);
    EXPECT_EQ(crypto::load_be32(packet->l4.data() + 4), 0u);
    EXPECT_EQ(box.inner.subject.source_port, is_ip6 ? 0x0300 : 0x0b00) << "for selectors";
  }
}

TEST(IcmpError, NeedsAnAddressOfTheFamily) {
  Box box;
  box.link.ip4.clear();
  EXPECT_FALSE(box.turn(PacketBuilder().udp(Octets(10)), {}));
}

}  // namespace
}  // namespace dp
