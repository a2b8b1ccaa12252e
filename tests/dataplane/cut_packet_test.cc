// cut_packet: pieces, pieces of pieces, and what must stay whole.
#include <gtest/gtest.h>

#include "dataplane/inside.h"
#include "tests/support/inside_probe.h"

namespace dp {
namespace {

using rig::InsideProbe;
using rig::Octets;

// One packet in a burst, to be cut.
struct Cut {
  FakePort port{64};
  Burst burst;
  EspTrip trip;
  std::unique_ptr<Pieces> pieces = std::make_unique<Pieces>();

  explicit Cut(const Octets& ether) {
    EXPECT_TRUE(port.inject(ether));
    burst.count = port.receive(std::span(burst.frame).first(1));
    EXPECT_TRUE(read_inner(crypto::Bytes(ether).subspan(14), trip.inner[0]));
    trip.inner[0].offset = 14;
    trip.place[0] = 7;
  }
  ~Cut() {
    port.release(std::span(burst.frame).first(burst.count));
    port.release(std::span(pieces->burst.frame).first(pieces->burst.count));
    EXPECT_EQ(port.held(), 0u);
  }
  bool operator()(std::size_t max) { return cut_packet(burst, 0, trip, max, port, *pieces); }
  Octets piece(unsigned i) const {
    const InnerPacket& inner = pieces->trip.inner[i];
    const std::uint8_t* p = pieces->trip.packet(pieces->burst, i);
    return Octets(p, p + inner.len);
  }
};

TEST(CutPacket, MakesPiecesOfEightfoldLength) {  // RFC 791 §2.3
  PacketBuilder b;
  b.ip4_fragment_word = 0;
  Octets payload(1500);
  for (std::size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<std::uint8_t>(i);
  const Octets frame = b.udp(payload);
  Cut cut(frame);
  ASSERT_TRUE(cut(555));
  ASSERT_EQ(cut.pieces->burst.count, 3u);
  Octets whole;
  for (unsigned i = 0; i < 3; ++i) {
    const Octets piece = cut.piece(i);
    EXPECT_LE(piece.size(), 555u);
    EXPECT_EQ(plain_checksum(crypto::Bytes(piece).first(20)), 0);
    const unsigned word = crypto::load_be16(piece.data() + 6);
    EXPECT_EQ((word & 0x2000) != 0, i != 2);
    EXPECT_EQ((word & 0x1fff) * 8, whole.size());
    EXPECT_EQ(cut.pieces->trip.place[i], 7u);
    EXPECT_TRUE(cut.pieces->trip.inner[i].is_fragment);
    EXPECT_EQ(cut.pieces->trip.inner[i].subject.has_ports, i == 0);
    whole.insert(whole.end(), piece.begin() + 20, piece.end());
  }
  EXPECT_EQ(whole, Octets(frame.begin() + 34, frame.end()));
}

TEST(CutPacket, CutsAPieceFurther) {
  PacketBuilder b;
  b.ip4_fragment_word = 0x2000 | 100;
  Cut cut(b.udp(Octets(1472, 5)));
  ASSERT_TRUE(cut(1400));
  ASSERT_EQ(cut.pieces->burst.count, 2u);
  EXPECT_EQ(crypto::load_be16(cut.piece(0).data() + 6), 0x2000 | 100);
  EXPECT_EQ(crypto::load_be16(cut.piece(1).data() + 6),
            0x2000 | (100 + (cut.piece(0).size() - 20) / 8));
}

TEST(CutPacket, LeavesNothingBehindWhenThereIsNoRoom) {
  PacketBuilder b;
  b.ip4_fragment_word = 0;
  Cut cut(b.udp(Octets(1472)));
  for (int i = 0; i < 16; ++i) EXPECT_TRUE(cut(1000)) << i;
  EXPECT_FALSE(cut(1000)) << "32 places";
  EXPECT_EQ(cut.pieces->burst.count, 32u);
  cut.port.release(std::span(cut.pieces->burst.frame).first(32));
  cut.pieces->burst.count = 0;
  std::array<Frame, 32> taken;
  const unsigned held = cut.port.allocate(taken);
  std::array<Frame, 32> more;
  const unsigned rest = cut.port.allocate(std::span(more).first(30));
  EXPECT_FALSE(cut(1000)) << "one buffer is left, and two are needed";
  EXPECT_EQ(cut.pieces->burst.count, 0u);
  cut.port.release(std::span(taken).first(held));
  cut.port.release(std::span(more).first(rest));
}

TEST(CutPacket, IsNotForDfOptionsAndIp6) {
  const auto may = [](const PacketBuilder& b) {
    const Octets packet = InsideProbe::inner(b.udp(Octets(9)));
    InnerPacket inner;
    EXPECT_TRUE(read_inner(packet, inner));
    return may_cut(inner, packet.data());
  };
  PacketBuilder b;
  EXPECT_FALSE(may(b)) << "DF";
  b.ip4_fragment_word = 0;
  EXPECT_TRUE(may(b));
  b.ip4_options = {1, 1, 1, 0};
  EXPECT_FALSE(may(b));
  b.is_ip6 = true;
  EXPECT_FALSE(may(b));
}

}  // namespace
}  // namespace dp
