// Datagrams as IP fragments: put together again they are the datagram, whatever MTU and length.
#include "dataplane/split_datagram.h"

#include <gtest/gtest.h>

#include "tests/support/fake_port.h"
#include "tests/support/packet_builder.h"

namespace dp {
namespace {

using Octets = std::vector<std::uint8_t>;

Flow flow_to_client(bool is_ip6, bool marker) {
  Flow flow{.local_mac = {2, 0, 0, 0, 0, 1},
            .peer_mac = {2, 0, 0, 0, 0, 12},
            .is_ip6 = is_ip6,
            .non_esp_marker = marker,
            .local = {0x20, 1, 0xd, 0xb8, 1},
            .peer = {0x20, 1, 0xd, 0xb8, 2},
            .local_port = static_cast<std::uint16_t>(marker ? 4500 : 500),
            .peer_port = 6000};
  return flow;
}

Octets numbered(std::size_t len) {
  Octets octets(len);
  for (std::size_t i = 0; i < len; ++i) octets[i] = static_cast<std::uint8_t>(i * 7 + i / 256);
  return octets;
}

struct Split {
  bool written = false;
  std::vector<Octets> frames;
};
Split split(const Flow& flow, const Octets& message, std::size_t mtu) {
  FakePort port(40);
  std::vector<Frame> frames(frames_of_datagram(flow, message.size(), mtu));
  EXPECT_EQ(port.allocate(frames), frames.size());
  Split out;
  out.written = write_fragments(frames, flow, message, mtu, 0x01020304);
  port.transmit(frames);
  out.frames = port.take_sent();
  return out;
}

// The datagram without its fragment headers, read by the tests' own reader.
std::optional<Packet> join(const Flow& flow, const std::vector<Octets>& frames, std::size_t mtu) {
  const std::size_t l2 = flow.l2_len();
  const std::size_t headers = l2 + flow.l3_len() + (flow.is_ip6 ? 8 : 0);
  Octets whole;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const Octets& f = frames[i];
    EXPECT_LE(f.size() - l2, mtu);
    const std::uint8_t* ip = f.data() + l2;
    const bool last = i + 1 == frames.size();
    if (flow.is_ip6) {
      EXPECT_EQ(ip[6], 44);
      EXPECT_EQ(ip[40], 17);
      EXPECT_EQ(crypto::load_be16(ip + 42), whole.size() | (last ? 0u : 1u));
      EXPECT_EQ(crypto::load_be32(ip + 44), 0x01020304u);
    } else {
      // No DF: a router may cut again.
      EXPECT_EQ(crypto::load_be16(ip + 6), whole.size() / 8 | (last ? 0u : 0x2000u));
      EXPECT_EQ(crypto::load_be16(ip + 4), 0x0304);
      EXPECT_EQ(plain_checksum({ip, 20}), 0);
    }
    whole.insert(whole.end(), f.begin() + static_cast<std::ptrdiff_t>(headers), f.end());
  }
  PacketBuilder builder;
  builder.is_ip6 = flow.is_ip6;
  std::ranges::copy_n(flow.local.begin(), 4, builder.source4.begin());
  std::ranges::copy_n(flow.peer.begin(), 4, builder.destination4.begin());
  builder.source6 = flow.local;
  builder.destination6 = flow.peer;
  return read_packet(builder.ip(17, whole));
}

TEST(SplitDatagram, TakesOneFrameUpToTheMtu) {
  for (const bool marker : {false, true}) {
    const std::size_t marker_len = marker ? 4 : 0;
    const Flow flow4 = flow_to_client(false, marker);
    EXPECT_EQ(frames_of_datagram(flow4, 1500 - 28 - marker_len, 1500), 1u);
    EXPECT_EQ(frames_of_datagram(flow4, 1500 - 27 - marker_len, 1500), 2u);
    const Flow flow6 = flow_to_client(true, marker);
    EXPECT_EQ(frames_of_datagram(flow6, 1500 - 48 - marker_len, 1500), 1u);
    EXPECT_EQ(frames_of_datagram(flow6, 1500 - 47 - marker_len, 1500), 2u);
  }
}

TEST(SplitDatagram, PiecesMakeTheDatagram) {
  for (const bool is_ip6 : {false, true}) {
    for (const bool marker : {false, true}) {
      const Flow flow = flow_to_client(is_ip6, marker);
      for (const std::size_t mtu : {576u, 1280u, 1500u}) {
        for (std::size_t len : {1500u, 1501u, 1507u, 1508u, 2960u, 3001u, 10240u}) {
          SCOPED_TRACE(testing::Message() << is_ip6 << " " << marker << " " << mtu << " " << len);
          const Octets message = numbered(len);
          const Split pieces = split(flow, message, mtu);
          ASSERT_TRUE(pieces.written);
          const std::optional<Packet> packet = join(flow, pieces.frames, mtu);
          ASSERT_TRUE(packet.has_value());  // lengths and the UDP checksum are right
          EXPECT_EQ(packet->payload.size(), len + (marker ? 4 : 0));
          EXPECT_TRUE(
              std::ranges::equal(std::span(packet->payload).subspan(marker ? 4 : 0), message));
        }
      }
    }
  }
}

TEST(SplitDatagram, RefusesFramesThatAreTooSmall) {
  const Flow flow = flow_to_client(false, false);
  std::array<std::uint8_t, 2048> octets;
  Frame small{.data = octets.data(), .capacity = 1000};
  std::array<Frame, 2> frames = {small, small};
  EXPECT_FALSE(write_fragments(frames, flow, numbered(2000), 1500, 1));
}

}  // namespace
}  // namespace dp
