// ARP, neighbour discovery and echo: what is answered, with what, and what is not.
#include "dataplane/answer_link.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "dataplane/classify.h"
#include "tests/support/fake_port.h"
#include "tests/support/packet_builder.h"

namespace dp {
namespace {

using Octets = std::vector<std::uint8_t>;

Link link_for_tests(std::uint16_t vlan = 0) {
  const PacketBuilder b;
  return {.mac = b.destination_mac, .vlan = vlan, .ip4 = {b.destination4}, .ip6 = {b.destination6}};
}

struct Outcome {
  Drop reason = Drop::none;
  std::optional<Packet> answer;
  std::size_t len = 0;
};

// Through receive, classify, answer_link, and out; packets are conserved.
Outcome answer(const Octets& frame, const Link& link = link_for_tests()) {
  FakePort port;
  EXPECT_TRUE(port.inject(frame));
  Burst burst;
  burst.count = port.receive(burst.frame);
  const Families families = classify(burst, link);
  EXPECT_EQ(families.link.size(), 1u) << drop_name(burst.reason[0]);
  const LaneSet answered = answer_link(burst, families.link, link);
  EXPECT_EQ(answered, burst.with(Verdict::reply));
  EXPECT_EQ(answered.size() + burst.with(Verdict::drop).size(), 1u);
  Outcome outcome{.reason = burst.reason[0]};
  if (answered.empty()) {
    port.release({burst.frame.data(), 1});
  } else {
    port.transmit({burst.frame.data(), 1});
    const Octets sent = port.take_sent().at(0);
    std::string why;
    outcome.answer = read_packet(sent, &why);
    outcome.len = sent.size();
    EXPECT_TRUE(outcome.answer) << why;
  }
  EXPECT_EQ(port.held(), 0u);
  return outcome;
}

Octets iota(std::size_t len) {
  Octets o(len);
  for (std::size_t i = 0; i < len; ++i) o[i] = static_cast<std::uint8_t>(i);
  return o;
}

TEST(AnswerArp, TellsOurMac) {
  for (const std::uint16_t vlan : {std::uint16_t{0}, std::uint16_t{33}}) {
    PacketBuilder b;
    if (vlan != 0) b.vlan = vlan;
    const Outcome o = answer(b.arp(1, b.destination4), link_for_tests(vlan));
    ASSERT_TRUE(o.answer) << drop_name(o.reason);
    EXPECT_EQ(o.len, 60u);
    EXPECT_EQ(o.answer->ether_type, 0x0806);
    EXPECT_EQ(o.answer->vlan.value_or(0), vlan);
    EXPECT_EQ(o.answer->destination_mac, b.source_mac);
    EXPECT_EQ(o.answer->source_mac, b.destination_mac);
    Octets expected{0, 1, 8, 0, 6, 4, 0, 2};
    auto append = [&](const auto& part) {
      expected.insert(expected.end(), part.begin(), part.end());
    };
    append(b.destination_mac);
    append(b.destination4);
    append(b.source_mac);
    append(b.source4);
    expected.resize(o.answer->l4.size());
    EXPECT_EQ(o.answer->l4, expected);
  }
}

TEST(AnswerArp, AnswersAProbe) {  // RFC 5227 §2.1.1
  PacketBuilder b;
  b.source4 = {};
  EXPECT_TRUE(answer(b.arp(1, b.destination4)).answer);
}

TEST(AnswerArp, ClearsThePadding) {
  PacketBuilder b;
  b.padding = 18;
  const Outcome o = answer(b.arp(1, b.destination4));
  ASSERT_TRUE(o.answer);
  EXPECT_EQ(o.len, 60u);
  for (std::size_t i = 28; i < o.answer->l4.size(); ++i) EXPECT_EQ(o.answer->l4[i], 0);
}

TEST(AnswerArp, DoesNotReadBeyondTheFrame) {
  const PacketBuilder b;
  Octets octets = b.arp(1, b.destination4);
  Burst burst;
  burst.count = 1;
  burst.frame[0] = {.data = octets.data(),
                    .len = static_cast<std::uint32_t>(octets.size() - 1),
                    .capacity = static_cast<std::uint32_t>(octets.size())};
  const Families families = classify(burst, link_for_tests());
  EXPECT_TRUE(answer_link(burst, families.link, link_for_tests()).empty());
  EXPECT_EQ(burst.reason[0], Drop::arp_bad);
}

TEST(AnswerEcho, LeavesEthernetPaddingOut) {
  PacketBuilder b;
  b.padding = 30;
  const Outcome o = answer(b.echo_request(iota(56)));
  ASSERT_TRUE(o.answer);
  EXPECT_EQ(o.answer->l4.size(), 64u);
}

TEST(AnswerEcho, ReturnsTheBody) {
  for (const bool is_ip6 : {false, true}) {
    for (const std::size_t len : {0u, 1u, 56u, 1400u}) {
      PacketBuilder b;
      b.is_ip6 = is_ip6;
      b.ttl = 3;
      const Octets body = iota(len);
      const Outcome o = answer(b.echo_request(body));
      ASSERT_TRUE(o.answer) << drop_name(o.reason);
      EXPECT_EQ(o.answer->l4[0], is_ip6 ? 129 : 0);
      EXPECT_EQ(o.answer->l4[4], 0x12);  // identifier
      EXPECT_TRUE(std::ranges::equal(crypto::Bytes(o.answer->l4).subspan(8), body));
      EXPECT_EQ(o.answer->ttl, 64);
      EXPECT_EQ(o.answer->destination_mac, b.source_mac);
      const crypto::Bytes source = is_ip6 ? crypto::Bytes{b.source6} : crypto::Bytes{b.source4};
      EXPECT_TRUE(std::ranges::equal(o.answer->destination, source));
    }
  }
}

TEST(AnswerEcho, LeavesOutOptionsAndExtensionHeaders) {
  PacketBuilder b;
  b.ip4_options = {7, 7, 4, 0, 0, 0, 0};
  Outcome o = answer(b.echo_request(iota(20)));
  ASSERT_TRUE(o.answer);
  EXPECT_EQ(o.answer->ip_header_len, 20u);
  EXPECT_EQ(o.answer->l4.size(), 28u);
  b.is_ip6 = true;
  b.extension_headers = {{.type = 0}, {.type = 60}};
  b.vlan = 5;
  o = answer(b.echo_request(iota(20)), link_for_tests(5));
  ASSERT_TRUE(o.answer);
  EXPECT_EQ(o.answer->protocol, 58);
  EXPECT_EQ(o.answer->l4.size(), 28u);
  EXPECT_EQ(o.answer->vlan, 5);
}

TEST(AnswerNeighbour, AdvertisesOurMac) {
  PacketBuilder b;
  const Outcome o = answer(b.neighbour_solicitation(b.destination6));
  ASSERT_TRUE(o.answer) << drop_name(o.reason);
  EXPECT_EQ(o.answer->ttl, 255);
  EXPECT_EQ(o.answer->destination_mac, b.source_mac);
  EXPECT_TRUE(std::ranges::equal(o.answer->source, b.destination6));
  EXPECT_TRUE(std::ranges::equal(o.answer->destination, b.source6));
  Octets expected{136, 0, o.answer->l4[2], o.answer->l4[3], 0x60, 0, 0, 0};
  expected.insert(expected.end(), b.destination6.begin(), b.destination6.end());
  expected.insert(expected.end(), {2, 1});
  expected.insert(expected.end(), b.destination_mac.begin(), b.destination_mac.end());
  EXPECT_EQ(o.answer->l4, expected);
}

TEST(AnswerNeighbour, AnswersTheMacOfTheOption) {  // RFC 4861 §7.2.4
  PacketBuilder b;
  Octets frame = b.neighbour_solicitation(b.destination6);
  frame[11] ^= 0x55;  // a bridge of its own sent it
  const Outcome o = answer(frame);
  ASSERT_TRUE(o.answer);
  EXPECT_EQ(o.answer->destination_mac, b.source_mac);
}

TEST(AnswerNeighbour, AnswersAProbeToAllNodes) {  // RFC 4861 §7.2.4
  PacketBuilder b;
  b.source6 = {};
  Octets ns(24);
  ns[0] = 135;
  std::ranges::copy(b.destination6, ns.begin() + 8);
  b.is_ip6 = true;
  b.ttl = 255;
  const auto target = b.destination6;
  b.destination6 = {0xff, 2, 0, 0, 0,    0,          0,          0,
                    0,    0, 0, 1, 0xff, target[13], target[14], target[15]};
  b.destination_mac = {0x33, 0x33, 0xff, target[13], target[14], target[15]};
  const Outcome o = answer(b.icmp6(ns));
  ASSERT_TRUE(o.answer) << drop_name(o.reason);
  EXPECT_EQ(o.answer->destination_mac, (Mac{0x33, 0x33, 0, 0, 0, 1}));
  EXPECT_EQ(o.answer->destination[0], 0xff);
  EXPECT_EQ(o.answer->l4[4], 0x20);  // not solicited, override
  EXPECT_TRUE(std::ranges::equal(o.answer->source, target));
}

TEST(AnswerNeighbour, AnswersAUnicastCheckWithoutOptions) {  // RFC 4861 §7.3
  PacketBuilder b;
  b.is_ip6 = true;
  b.ttl = 255;
  Octets ns(24);
  ns[0] = 135;
  std::ranges::copy(b.destination6, ns.begin() + 8);
  const Outcome o = answer(b.icmp6(ns));
  ASSERT_TRUE(o.answer);
  EXPECT_EQ(o.answer->destination_mac, b.source_mac);
  EXPECT_EQ(o.answer->l4.size(), 32u);
}

struct Case {
  const char* name;
  Drop reason;
  std::function<Octets()> frame;
};

Octets arp_with(std::size_t offset, std::uint8_t value) {
  const PacketBuilder b;
  Octets p = b.arp(1, b.destination4);
  p.at(14 + offset) = value;
  return p;
}
// A solicitation whose ICMP message and builder were changed before the checksum was made.
Octets ns_with(const std::function<void(PacketBuilder&, Octets&)>& change) {
  PacketBuilder b;
  const auto target = b.destination6;
  b.is_ip6 = true;
  b.ttl = 255;
  b.destination6 = {0xff, 2, 0, 0, 0,    0,          0,          0,
                    0,    0, 0, 1, 0xff, target[13], target[14], target[15]};
  b.destination_mac = {0x33, 0x33, 0xff, target[13], target[14], target[15]};
  Octets ns(24);
  ns[0] = 135;
  std::ranges::copy(target, ns.begin() + 8);
  ns.insert(ns.end(), {1, 1});
  ns.insert(ns.end(), b.source_mac.begin(), b.source_mac.end());
  change(b, ns);
  return b.icmp6(ns);
}
Octets echo_with(bool is_ip6, std::size_t offset, std::uint8_t value) {
  PacketBuilder b;
  b.is_ip6 = is_ip6;
  Octets p = b.echo_request(iota(8));
  p.at((is_ip6 ? 54u : 34u) + offset) = value;
  return p;
}

const Case kCases[] = {
    {"ArpCut", Drop::arp_bad,
     [] {
       Octets p = arp_with(0, 0);
       p.resize(14 + 27);
       return p;
     }},
    {"ArpReply", Drop::arp_bad, [] { return arp_with(7, 2); }},
    {"ArpOtherHardware", Drop::arp_bad, [] { return arp_with(1, 6); }},
    {"ArpOtherProtocol", Drop::arp_bad, [] { return arp_with(2, 0x86); }},
    {"ArpAddressLengths", Drop::arp_bad, [] { return arp_with(4, 8); }},
    {"ArpForOthers", Drop::arp_bad, [] { return arp_with(27, 77); }},
    {"ArpFromGroup", Drop::arp_bad, [] { return arp_with(8, 0x03); }},
    {"ArpFromOurAddress", Drop::arp_bad, [] { return arp_with(17, 1); }},
    {"NsThroughRouter", Drop::arp_bad,
     [] { return ns_with([](PacketBuilder& b, Octets&) { b.ttl = 254; }); }},
    {"NsCut", Drop::arp_bad, [] { return ns_with([](auto&, Octets& m) { m.resize(23); }); }},
    {"NsCode", Drop::arp_bad, [] { return ns_with([](auto&, Octets& m) { m[1] = 1; }); }},
    {"NsOtherTarget", Drop::arp_bad, [] { return ns_with([](auto&, Octets& m) { m[9] ^= 1; }); }},
    {"NsOptionOfLength0", Drop::arp_bad,
     [] { return ns_with([](auto&, Octets& m) { m[25] = 0; }); }},
    {"NsOptionTooLong", Drop::arp_bad, [] { return ns_with([](auto&, Octets& m) { m[25] = 2; }); }},
    {"NsOptionCut", Drop::arp_bad, [] { return ns_with([](auto&, Octets& m) { m.resize(25); }); }},
    {"NsGroupMac", Drop::arp_bad, [] { return ns_with([](auto&, Octets& m) { m[26] |= 1; }); }},
    {"NsProbeWithOption", Drop::arp_bad,
     [] { return ns_with([](PacketBuilder& b, auto&) { b.source6 = {}; }); }},
    {"NsProbeToUnicast", Drop::arp_bad,
     [] {
       return ns_with([](PacketBuilder& b, Octets& m) {
         m.resize(24);
         b.source6 = {};
         b.destination6 = PacketBuilder().destination6;
       });
     }},
    {"NsChecksum", Drop::arp_bad,
     [] {
       Octets p = ns_with([](auto&, auto&) {});
       p[14 + 40 + 2] ^= 1;
       return p;
     }},
    {"EchoReply4", Drop::icmp_ignored, [] { return echo_with(false, 0, 0); }},
    {"EchoCode4", Drop::icmp_ignored,
     [] {
       return PacketBuilder().ip(1, Octets{8, 1, 0xf7, 0xfe, 0, 0, 0, 0});
     }},
    {"EchoChecksum4", Drop::icmp_ignored, [] { return echo_with(false, 9, 77); }},
    {"EchoChecksum6", Drop::icmp_ignored, [] { return echo_with(true, 9, 77); }},
    {"Icmp4Cut", Drop::icmp_ignored,
     [] {
       return PacketBuilder().ip(1, Octets{8, 0, 0xf7, 0xff});
     }},
    {"Icmp4Empty", Drop::icmp_ignored, [] { return PacketBuilder().ip(1, {}); }},
    {"Unreachable4", Drop::icmp_ignored, [] { return echo_with(false, 0, 3); }},
    {"RouterAdvertisement", Drop::icmp_ignored, [] { return echo_with(true, 0, 134); }},
    {"Icmp6Empty", Drop::icmp_ignored,
     [] {
       PacketBuilder b;
       b.is_ip6 = true;
       return b.ip(58, {});
     }},
    {"EchoToGroup6", Drop::icmp_ignored,
     [] {
       return ns_with([](PacketBuilder&, Octets& m) {
         m.assign(16, 0);
         m[0] = 128;
       });
     }},
};

class AnswerLinkDrops : public testing::TestWithParam<Case> {};

TEST_P(AnswerLinkDrops, NamesTheReason) {
  const Outcome o = answer(GetParam().frame());
  EXPECT_EQ(drop_name(o.reason), drop_name(GetParam().reason));
  EXPECT_FALSE(o.answer);
}

INSTANTIATE_TEST_SUITE_P(Frames, AnswerLinkDrops, testing::ValuesIn(kCases),
                         [](const auto& test) { return test.param.name; });

TEST(AnswerNeighbour, NeedsRoomForTheOption) {
  PacketBuilder b;
  b.is_ip6 = true;
  b.ttl = 255;
  Octets ns(24);
  ns[0] = 135;
  std::ranges::copy(b.destination6, ns.begin() + 8);
  Octets frame = b.icmp6(ns);
  Burst burst;
  burst.count = 1;
  burst.frame[0] = {.data = frame.data(),
                    .len = static_cast<std::uint32_t>(frame.size()),
                    .capacity = static_cast<std::uint32_t>(frame.size())};
  const Link link = link_for_tests();
  const Families families = classify(burst, link);
  ASSERT_EQ(families.link.size(), 1u);
  EXPECT_TRUE(answer_link(burst, families.link, link).empty());
  EXPECT_EQ(burst.reason[0], Drop::reply_too_large);
}

}  // namespace
}  // namespace dp
