// read_inner and what a router changes.
#include <gtest/gtest.h>

#include "dataplane/esp_trip.h"
#include "tests/support/packet_builder.h"

namespace dp {
namespace {

using Octets = std::vector<std::uint8_t>;

Octets inner(const Octets& frame) { return Octets(frame.begin() + 14, frame.end()); }

TEST(InnerPacket, ReadsPortsAndIcmpTypes) {
  PacketBuilder b;
  b.source_port = 1234;
  b.destination_port = 80;
  for (const bool is_ip6 : {false, true}) {
    b.is_ip6 = is_ip6;
    InnerPacket packet;
    ASSERT_TRUE(read_inner(inner(b.udp(Octets(5))), packet));
    EXPECT_EQ(packet.subject.is_ip6, is_ip6);
    EXPECT_TRUE(packet.subject.has_ports);
    EXPECT_EQ(packet.subject.protocol, 17);
    EXPECT_EQ(packet.subject.source_port, 1234);
    EXPECT_EQ(packet.subject.destination_port, 80);
    EXPECT_EQ(packet.l4_offset, is_ip6 ? 40 : 20);
    ASSERT_TRUE(read_inner(inner(b.echo_request(Octets(5))), packet));
    EXPECT_EQ(packet.subject.source_port, is_ip6 ? 0x8000 : 0x0800);
  }
}

// RFC 4301 §7: a later fragment has no ports.
TEST(InnerPacket, KnowsFragments) {
  PacketBuilder b;
  b.ip4_fragment_word = 0x2000;
  InnerPacket packet;
  ASSERT_TRUE(read_inner(inner(b.udp(Octets(8))), packet));
  EXPECT_TRUE(packet.is_fragment);
  EXPECT_TRUE(packet.subject.has_ports);
  b.ip4_fragment_word = 0x0010;
  ASSERT_TRUE(read_inner(inner(b.udp(Octets(8))), packet));
  EXPECT_TRUE(packet.is_fragment);
  EXPECT_FALSE(packet.subject.has_ports);
  b.is_ip6 = true;
  b.extension_headers = {{.type = 44, .body = {0, 8, 0, 0, 0, 1}}};
  ASSERT_TRUE(read_inner(inner(b.udp(Octets(8))), packet));
  EXPECT_TRUE(packet.is_fragment);
  EXPECT_FALSE(packet.subject.has_ports);
  EXPECT_EQ(packet.subject.protocol, 17);
}

TEST(InnerPacket, StepsOverExtensionHeaders) {
  PacketBuilder b;
  b.is_ip6 = true;
  b.extension_headers = {{.type = 0}, {.type = 60}};
  InnerPacket packet;
  ASSERT_TRUE(read_inner(inner(b.udp(Octets(8))), packet));
  EXPECT_EQ(packet.subject.protocol, 17);
  EXPECT_EQ(packet.l4_offset, 56);
  for (int i = 0; i < 8; ++i) b.extension_headers.push_back({.type = 60});
  EXPECT_FALSE(read_inner(inner(b.udp(Octets(8))), packet)) << "ten of them";
}

TEST(InnerPacket, NeverReadsBeyondTheEnd) {
  for (const bool is_ip6 : {false, true}) {
    PacketBuilder b;
    b.is_ip6 = is_ip6;
    const Octets whole = inner(b.udp(Octets(8)));
    for (std::size_t len = 0; len < whole.size(); ++len) {
      const Octets cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(len));
      InnerPacket packet;
      EXPECT_FALSE(read_inner(cut, packet)) << len;
    }
  }
}

// RFC 1624: the checksum follows.
TEST(InnerPacket, KeepsTheChecksumRight) {
  for (unsigned i = 0; i < 256; ++i) {
    PacketBuilder b;
    b.ttl = static_cast<std::uint8_t>(i);
    b.source4[3] = static_cast<std::uint8_t>(i * 7);
    Octets packet = inner(b.udp(Octets(8)));
    EXPECT_EQ(take_hop(packet.data(), false), i > 1);
    set_ecn(packet.data(), false, i & 3);
    EXPECT_EQ(packet[1] & 3u, i & 3);
    EXPECT_EQ(plain_checksum(crypto::Bytes(packet).first(20)), 0) << i;
  }
  PacketBuilder b;
  b.is_ip6 = true;
  Octets packet = inner(b.udp(Octets(8)));
  packet[0] = 0x6b;
  packet[1] = 0x8f;
  EXPECT_EQ(traffic_class(packet.data(), true), 0xb8);
  set_ecn(packet.data(), true, 1);
  EXPECT_EQ(traffic_class(packet.data(), true), 0xb9);
  EXPECT_EQ(packet[1] & 0x0f, 0x0f);
}

}  // namespace
}  // namespace dp
