// Checksums against known values, our addresses, and replies read back by an independent reader.
#include "dataplane/frame.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "dataplane/classify.h"
#include "tests/support/fake_port.h"
#include "tests/support/packet_builder.h"

namespace dp {
namespace {

using Octets = std::vector<std::uint8_t>;

Link test_link() {
  const PacketBuilder b;
  return {.mac = b.destination_mac, .ip4 = {b.destination4}, .ip6 = {b.destination6}};
}

// A request that classify lets through: IKE_SA_INIT of `len` octets.
Octets ike_message(std::size_t len = 120) {
  Octets m(len);
  std::iota(m.begin(), m.end(), std::uint8_t{1});
  ike::Header header{.spi_i = ike::IkeSpi(0x1122334455667788),
                     .exchange = ike::Exchange::ike_sa_init};
  header.flags = ike::kFlagInitiator;
  header.length = static_cast<std::uint32_t>(len);
  ike::write_header(header, m.data());
  return m;
}

TEST(Checksum, EqualsTheExampleOfRfc1071) {
  // RFC 1071 §3: 00 01 f2 03 f4 f5 f6 f7 sums to ddf2.
  const Octets octets{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
  EXPECT_EQ(checksum_fold(checksum_add(0, octets)), 0xffff - 0xddf2);
}

TEST(Checksum, EqualsAKnownIp4Header) {
  const Octets header{0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11,
                      0xb8, 0x61, 0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7};
  EXPECT_EQ(checksum_fold(checksum_add(0, header)), 0);
  Octets zeroed = header;
  zeroed[10] = zeroed[11] = 0;
  EXPECT_EQ(checksum_fold(checksum_add(0, zeroed)), 0xb861);
}

TEST(Checksum, EqualsThePlainOneForEveryLength) {
  Octets octets(300);
  std::uint32_t x = 1;
  for (std::uint8_t& o : octets)
    o = static_cast<std::uint8_t>((x = x * 1664525 + 1013904223) >> 24);
  for (std::size_t len = 0; len <= octets.size(); ++len) {
    const crypto::Bytes part{octets.data(), len};
    ASSERT_EQ(checksum_fold(checksum_add(0, part)), plain_checksum(part)) << len;
    const std::size_t even = len / 4 * 2;
    ASSERT_EQ(checksum_fold(checksum_add(checksum_add(0, part.first(even)), part.subspan(even))),
              plain_checksum(part))
        << len;
  }
}

TEST(Checksum, FoldsSumsThatCarryManyTimes) {
  const Octets ones(65534, 0xff);
  EXPECT_EQ(checksum_fold(checksum_add(0, ones)), 0);
  EXPECT_EQ(checksum_fold(0xffffffffffffffffULL), 0);
  EXPECT_EQ(checksum_fold(0), 0xffff);
}

TEST(Link, KnowsItsAddresses) {
  Link link = test_link();
  link.ip4.push_back({198, 51, 100, 7});
  const PacketBuilder b;
  EXPECT_TRUE(link.owns4(b.destination4.data()));
  EXPECT_TRUE(link.owns4(link.ip4[1].data()));
  EXPECT_FALSE(link.owns4(b.source4.data()));
  EXPECT_TRUE(link.owns6(b.destination6.data()));
  EXPECT_FALSE(link.owns6(b.source6.data()));
}

// Sends `b`'s request through classify and turn_into_reply with a reply of `reply_len` octets and
// returns what leaves.
std::optional<Packet> reply_to(const PacketBuilder& b, const Link& link, std::size_t reply_len) {
  FakePort port;
  EXPECT_TRUE(port.inject(b.ike(ike_message())));
  Burst burst;
  burst.count = port.receive(burst.frame);
  const Families families = classify(burst, link);
  EXPECT_EQ(families.initiations, LaneSet::first(1)) << drop_name(burst.reason[0]);
  Octets answer(reply_len, 0xab);
  std::uint8_t* const place = burst.reply_room(0).data();
  std::ranges::copy(answer, place);
  EXPECT_TRUE(turn_into_reply(burst, 0, reply_len, link, false));
  EXPECT_EQ(burst.reply_room(0).data(), place);  // the message did not move
  EXPECT_EQ(port.transmit({burst.frame.data(), 1}), 1u);
  EXPECT_EQ(port.held(), 0u);
  std::string why;
  auto packet = read_packet(port.take_sent().at(0), &why);
  EXPECT_TRUE(packet) << why;
  if (packet) {
    EXPECT_EQ(packet->ike, answer);
  }
  return packet;
}

void expect_swapped(const PacketBuilder& b, const Packet& p) {
  EXPECT_EQ(p.source_mac, b.destination_mac);
  EXPECT_EQ(p.destination_mac, b.source_mac);
  EXPECT_EQ(p.source_port, b.destination_port);
  EXPECT_EQ(p.destination_port, b.source_port);
  EXPECT_EQ(p.marker, b.destination_port == kNatPort);
  EXPECT_EQ(p.is_ip6, b.is_ip6);
  EXPECT_EQ(p.ip_header_len, b.is_ip6 ? 40u : 20u);
  EXPECT_EQ(p.ttl, 64);
  if (!b.is_ip6) {
    EXPECT_EQ(p.ip4_identification, 0);
    EXPECT_EQ(p.ip4_fragment_word, 0x4000);
  }
  const crypto::Bytes source = b.is_ip6 ? crypto::Bytes{b.source6} : crypto::Bytes{b.source4};
  EXPECT_TRUE(std::ranges::equal(p.destination, source));
  EXPECT_NE(p.udp_checksum, 0);
}

TEST(TurnIntoReply, SwapsEverythingOverIp4) {
  PacketBuilder b;
  b.source_port = 1500;
  const auto p = reply_to(b, test_link(), 200);
  ASSERT_TRUE(p);
  expect_swapped(b, *p);
  EXPECT_EQ(p->vlan, std::nullopt);
}

TEST(TurnIntoReply, KeepsTheMarkerOnPort4500) {
  PacketBuilder b;
  b.source_port = 40000;
  b.destination_port = 4500;
  const auto p = reply_to(b, test_link(), 64);
  ASSERT_TRUE(p);
  expect_swapped(b, *p);
}

TEST(TurnIntoReply, LeavesOutIp4Options) {
  PacketBuilder b;
  b.ip4_options = {7, 7, 4, 0, 0, 0, 0};
  const auto p = reply_to(b, test_link(), 700);
  ASSERT_TRUE(p);
  expect_swapped(b, *p);
}

TEST(TurnIntoReply, LeavesOutIp6ExtensionHeaders) {
  PacketBuilder b;
  b.is_ip6 = true;
  b.destination_port = 4500;
  b.extension_headers = {{.type = 0},
                         {.type = 60, .body = {1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}}};
  const auto p = reply_to(b, test_link(), 1000);
  ASSERT_TRUE(p);
  expect_swapped(b, *p);
}

TEST(TurnIntoReply, TagsForTheVlanOfTheLink) {
  PacketBuilder b;
  b.vlan = 0xe000 | 77;
  Link link = test_link();
  link.vlan = 77;
  const auto p = reply_to(b, link, 100);
  ASSERT_TRUE(p);
  expect_swapped(b, *p);
  EXPECT_EQ(p->vlan, 77);
}

TEST(TurnIntoReply, AnswersAPriorityTagUntagged) {
  PacketBuilder b;
  b.vlan = 0xe000;
  const auto p = reply_to(b, test_link(), 100);
  ASSERT_TRUE(p);
  expect_swapped(b, *p);
  EXPECT_EQ(p->vlan, std::nullopt);
}

TEST(TurnIntoReply, RefusesWhatExceedsMtuOrFrame) {
  for (const std::size_t over : {0u, 1u}) {
    PacketBuilder b;
    FakePort port;
    Link link = test_link();
    ASSERT_TRUE(port.inject(b.ike(ike_message())));
    Burst burst;
    burst.count = port.receive(burst.frame);
    classify(burst, link);
    EXPECT_EQ(turn_into_reply(burst, 0, 1500 - 28 + over, link, false), over == 0);
    port.release({burst.frame.data(), 1});

    link.mtu = 9000;
    ASSERT_TRUE(port.inject(b.ike(ike_message())));
    burst.count = port.receive(burst.frame);
    classify(burst, link);
    const std::size_t room = burst.reply_room(0).size();
    EXPECT_EQ(turn_into_reply(burst, 0, room + over, link, false), over == 0);
    port.release({burst.frame.data(), 1});
  }
}

TEST(TurnIntoReply, LeavesChecksumsToTheDevice) {
  for (const bool is_ip6 : {false, true}) {
    PacketBuilder b;
    b.is_ip6 = is_ip6;
    FakePort port;
    ASSERT_TRUE(port.inject(b.ike(ike_message())));
    Burst burst;
    burst.count = port.receive(burst.frame);
    classify(burst, test_link());
    ASSERT_TRUE(turn_into_reply(burst, 0, 100, test_link(), true));
    const Frame& f = burst.frame[0];
    EXPECT_TRUE(f.offload_checksums);
    EXPECT_EQ(f.l2_len, 14);
    EXPECT_EQ(f.l3_len, is_ip6 ? 40 : 20);
    EXPECT_EQ(f.is_ip6, is_ip6);
    // What the device does: sum from the UDP header on, invert, store; then the IPv4 header's.
    std::uint8_t* udp = f.data + f.l2_len + f.l3_len;
    const std::uint16_t sum = plain_checksum({udp, f.len - f.l2_len - f.l3_len});
    crypto::store_be16(udp + 6, sum);
    if (!is_ip6) {
      EXPECT_EQ(crypto::load_be16(f.data + 14 + 10), 0);
      crypto::store_be16(f.data + 14 + 10, plain_checksum({f.data + 14, 20}));
    }
    std::string why;
    EXPECT_TRUE(read_packet({f.data, f.len}, &why)) << why;
    port.release({burst.frame.data(), 1});
  }
}

TEST(WriteDatagram, SendsAChecksumOfZeroAsOnes) {  // RFC 768
  FakePort port;
  Frame frame;
  ASSERT_EQ(port.allocate({&frame, 1}), 1u);
  const Flow flow{.local = {10, 0, 0, 1}, .peer = {10, 0, 0, 2}, .local_port = 7, .peer_port = 8};
  std::uint8_t* message = frame.data + flow.overhead();
  crypto::store_be16(message, 0);
  ASSERT_TRUE(write_datagram(frame, flow, flow.overhead(), 2, 1500, false));
  const std::uint16_t checksum = crypto::load_be16(message - 2);
  crypto::store_be16(message, checksum);  // brings the sum to all ones
  ASSERT_TRUE(write_datagram(frame, flow, flow.overhead(), 2, 1500, false));
  EXPECT_EQ(crypto::load_be16(message - 2), 0xffff);
  port.release({&frame, 1});
}

TEST(WriteDatagram, BuildsARequestInAnEmptyFrame) {
  for (const bool marker : {false, true}) {
    FakePort port;
    Frame frame;
    ASSERT_EQ(port.allocate({&frame, 1}), 1u);
    const PacketBuilder b;
    Flow flow{.local_mac = b.source_mac,
              .peer_mac = b.destination_mac,
              .vlan = 5,
              .non_esp_marker = marker,
              .local_port = 1000,
              .peer_port = marker ? kNatPort : kIkePort};
    std::ranges::copy(b.source4, flow.local.begin());
    std::ranges::copy(b.destination4, flow.peer.begin());
    const Octets message = ike_message();
    const std::size_t offset = flow.overhead();
    std::fill_n(frame.data, offset, std::uint8_t{0xff});
    std::ranges::copy(message, frame.data + offset);
    EXPECT_FALSE(write_datagram(frame, flow, offset - 1, message.size(), 1500, false));
    ASSERT_TRUE(write_datagram(frame, flow, offset, message.size(), 1500, false));
    const auto p = read_packet({frame.data, frame.len});
    ASSERT_TRUE(p);
    EXPECT_EQ(p->ike, message);
    EXPECT_EQ(p->vlan, 5);
    port.release({&frame, 1});
  }
}

TEST(Frame, TellsVlansApart) {
  PacketBuilder b;
  EXPECT_TRUE(has_vlan(b.udp(Octets(9)), 0));
  EXPECT_FALSE(has_vlan(b.udp(Octets(9)), 7));
  b.vlan = 0xe007;  // with a priority
  EXPECT_TRUE(has_vlan(b.udp(Octets(9)), 7));
  EXPECT_FALSE(has_vlan(b.udp(Octets(9)), 0));
  EXPECT_FALSE(has_vlan(b.udp(Octets(9)), 8));
  b.vlan = 0xe000;
  EXPECT_TRUE(has_vlan(b.udp(Octets(9)), 0)) << "a priority is no VLAN";
  EXPECT_FALSE(has_vlan(Octets(17), 0)) << "a runt";
}

}  // namespace
}  // namespace dp
