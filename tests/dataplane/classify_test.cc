// Every drop reason of classify from a frame made for it, the families, and what is left in the
// burst.
#include "dataplane/classify.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <set>

#include "tests/support/fake_port.h"
#include "tests/support/packet_builder.h"

namespace dp {
namespace {

using Octets = std::vector<std::uint8_t>;
using Marks = FakePort::Marks;

Link link_for_tests() {
  const PacketBuilder b;
  return {.mac = b.destination_mac, .ip4 = {b.destination4}, .ip6 = {b.destination6}};
}

Octets ike_message(ike::Exchange exchange = ike::Exchange::ike_session_resume,
                   std::uint64_t spi_r = 0, std::uint8_t flags = ike::kFlagInitiator) {
  Octets m(100, 0x3c);
  ike::write_header({.spi_i = ike::IkeSpi(0x0102030405060708),
                     .spi_r = ike::IkeSpi(spi_r),
                     .exchange = exchange,
                     .flags = flags,
                     .length = 100},
                    m.data());
  return m;
}

// One frame through classify. The octets lie at the end of a block of their own size, so that
// AddressSanitizer sees the first octet read beyond them.
struct Classified {
  explicit Classified(const Octets& octets, const Link& link = link_for_tests(), Marks marks = {})
      : block(new std::uint8_t[octets.size()]) {
    std::copy(octets.begin(), octets.end(), block.get());
    burst.count = 1;
    burst.frame[0] = {.data = block.get(),
                      .len = static_cast<std::uint32_t>(octets.size()),
                      .capacity = static_cast<std::uint32_t>(octets.size()),
                      .ip_checksum_good = marks.ip_good,
                      .ip_checksum_bad = marks.ip_bad,
                      .l4_checksum_good = marks.l4_good,
                      .l4_checksum_bad = marks.l4_bad};
    families = classify(burst, link);
    // Conservation: one family or dropped, never both.
    const unsigned in = families.link.size() + families.resume.size() + families.sessions.size() +
                        families.initiations.size() + families.fragments.size() +
                        families.versions.size();
    EXPECT_EQ(in, burst.verdict[0] == Verdict::live ? 1u : 0u);
    EXPECT_EQ(burst.verdict[0] == Verdict::drop, burst.reason[0] != Drop::none);
    EXPECT_TRUE(std::equal(octets.begin(), octets.end(), block.get()));  // nothing was written
  }
  Drop reason() const { return burst.reason[0]; }

  std::unique_ptr<std::uint8_t[]> block;
  Burst burst;
  Families families;
};

PacketBuilder builder6() {
  PacketBuilder b;
  b.is_ip6 = true;
  return b;
}

struct Case {
  const char* name;
  Drop reason;
  std::function<Octets()> frame;
};

Octets with(const std::function<void(PacketBuilder&)>& change, bool is_ip6 = false) {
  PacketBuilder b;
  b.is_ip6 = is_ip6;
  change(b);
  return b.ike(ike_message());
}
Octets edited(std::size_t offset, std::uint8_t value, bool is_ip6 = false) {
  PacketBuilder b;
  b.is_ip6 = is_ip6;
  Octets p = b.ike(ike_message());
  p.at(offset) = value;
  return p;
}
Octets cut(std::size_t len, bool is_ip6 = false) {
  PacketBuilder b;
  b.is_ip6 = is_ip6;
  Octets p = b.ike(ike_message());
  p.resize(len);
  return p;
}
Octets with_source4(ike::Ip4 source) {
  return with([&](PacketBuilder& b) { b.source4 = source; });
}
Octets with_source6(ike::Ip6 source) {
  return with([&](PacketBuilder& b) { b.source6 = source; }, true);
}
Octets with_extension(std::uint8_t type, Octets body) {
  return with([&](PacketBuilder& b) { b.extension_headers = {{type, body}}; }, true);
}
Octets nat_payload(const Octets& payload) {
  PacketBuilder b;
  b.destination_port = 4500;
  return b.udp(payload);
}
Octets changed_message(std::size_t offset, std::uint8_t value) {
  Octets m = ike_message();
  m[offset] = value;
  return PacketBuilder().ike(m);
}

const Case kCases[] = {
    {"Empty", Drop::eth_runt, [] { return Octets{}; }},
    {"EthernetCut", Drop::eth_runt, [] { return cut(13); }},
    {"TagCut", Drop::eth_runt,
     [] {
       Octets p = with([](PacketBuilder& b) { b.vlan = 0; });
       p.resize(17);
       return p;
     }},
    {"OtherMac", Drop::eth_not_for_us, [] { return edited(5, 0x99); }},
    {"OtherMulticast", Drop::eth_not_for_us,
     [] { return with([](PacketBuilder& b) { b.destination_mac = {1, 0, 0x5e, 0, 0, 1}; }); }},
    {"UnicastInBroadcast", Drop::eth_not_for_us,
     [] { return with([](PacketBuilder& b) { b.destination_mac.fill(0xff); }); }},
    {"Ip4InIp6Multicast", Drop::eth_not_for_us,
     [] { return with([](PacketBuilder& b) { b.destination_mac = {0x33, 0x33, 0, 0, 0, 1}; }); }},
    {"GroupSourceMac", Drop::ip_bad_source, [] { return edited(6, 0x03); }},
    {"OtherType", Drop::eth_unknown_type, [] { return PacketBuilder().ether(0x88cc, Octets(50)); }},
    {"TwoTags", Drop::eth_unknown_type,
     [] {
       PacketBuilder b;
       b.vlan = 0;
       return b.ether(0x8100, Octets(50));
     }},
    {"UnknownVlan", Drop::vlan_unknown, [] { return with([](PacketBuilder& b) { b.vlan = 12; }); }},
    {"Ip4Cut", Drop::ip_runt, [] { return cut(14 + 19); }},
    {"Ip4LongerThanFrame", Drop::ip_runt, [] { return cut(14 + 20 + 8 + 99); }},
    {"Ip4BadVersion", Drop::ip_bad_header, [] { return edited(14, 0x55); }},
    {"Ip4HeaderTooShort", Drop::ip_bad_header, [] { return edited(14, 0x44); }},
    {"Ip4TotalBelowHeader", Drop::ip_bad_header,
     [] {
       Octets p = edited(16, 0);
       p[17] = 19;
       return p;
     }},
    {"Ip4OptionsBeyondTotal", Drop::ip_bad_header,
     [] {
       Octets p = edited(14, 0x4f);
       p[16] = 0;
       p[17] = 59;
       return p;
     }},
    {"Ip4Checksum", Drop::ip_bad_checksum, [] { return edited(24, 0); }},
    {"Ip4OtherAddress", Drop::ip_not_for_us,
     [] { return with([](PacketBuilder& b) {
            b.destination4 = {192, 0, 2, 2};
          }); }},
    {"Source0", Drop::ip_bad_source,
     [] {
       return with_source4({0, 0, 0, 0});
     }},
    {"SourceLoopback", Drop::ip_bad_source,
     [] {
       return with_source4({127, 0, 0, 1});
     }},
    {"SourceMulticast", Drop::ip_bad_source,
     [] {
       return with_source4({224, 0, 0, 1});
     }},
    {"SourceBroadcast", Drop::ip_bad_source,
     [] {
       return with_source4({255, 255, 255, 255});
     }},
    {"SourceOurs", Drop::ip_bad_source,
     [] {
       return with_source4({192, 0, 2, 1});
     }},
    {"Ip4Tcp", Drop::ip_unknown_protocol, [] { return PacketBuilder().ip(6, Octets(20)); }},
    {"Icmp6OverIp4", Drop::ip_unknown_protocol, [] { return PacketBuilder().ip(58, Octets(20)); }},
    {"Ip6Cut", Drop::ip_runt, [] { return cut(14 + 39, true); }},
    {"Ip6LongerThanFrame", Drop::ip_runt, [] { return cut(14 + 40 + 8 + 99, true); }},
    {"Ip6BadVersion", Drop::ip_bad_header, [] { return edited(14, 0x40, true); }},
    {"Ip6OtherAddress", Drop::ip_not_for_us,
     [] { return with([](PacketBuilder& b) { b.destination6[15] = 9; }, true); }},
    {"Ip6UdpToOurGroup", Drop::ip_not_for_us,
     [] {
       return with(
           [](PacketBuilder& b) {
             b.destination6 = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 1};
             b.destination_mac = {0x33, 0x33, 0xff, 0, 0, 1};
           },
           true);
     }},
    {"Ip6AllNodes", Drop::ip_not_for_us,
     [] {
       PacketBuilder b = builder6();
       b.destination6 = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
       b.destination_mac = {0x33, 0x33, 0, 0, 0, 1};
       return b.echo_request(Octets(8));
     }},
    {"Source6Unspecified", Drop::ip_bad_source, [] { return with_source6({}); }},
    {"Source6Loopback", Drop::ip_bad_source,
     [] {
       return with_source6({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
     }},
    {"Source6Mapped", Drop::ip_bad_source,
     [] {
       return with_source6({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 9});
     }},
    {"Source6Multicast", Drop::ip_bad_source,
     [] {
       return with_source6({0xff, 2});
     }},
    {"Source6Ours", Drop::ip_bad_source, [] { return with_source6(PacketBuilder().destination6); }},
    {"Ip6FragmentRunt", Drop::ip_bad_header,
     [] {
       PacketBuilder b = builder6();
       return b.ip(44, Octets(7));
     }},
    {"Ip6RoutingToOthers", Drop::ip_bad_header,
     [] {
       return with_extension(43, {0, 1, 0, 0, 0, 0});
     }},
    {"Ip6OptionToDiscard", Drop::ip_bad_header,
     [] {
       return with_extension(60, {0x5e, 4, 0, 0, 0, 0});
     }},
    {"Ip6OptionBeyondHeader", Drop::ip_bad_header,
     [] {
       return with_extension(60, {1, 5, 0, 0, 0, 0});
     }},
    {"Ip6OptionWithoutLength", Drop::ip_bad_header,
     [] {
       return with_extension(60, {0, 0, 0, 0, 0, 1});
     }},
    {"Ip6HopByHopNotFirst", Drop::ip_bad_header,
     [] {
       return with(
           [](PacketBuilder& b) {
             b.extension_headers = {{.type = 60}, {.type = 0}};
           },
           true);
     }},
    {"Ip6FiveExtensionHeaders", Drop::ip_bad_header,
     [] {
       return with([](PacketBuilder& b) { b.extension_headers.assign(5, {.type = 60}); }, true);
     }},
    {"Ip6ExtensionBeyondPacket", Drop::ip_bad_header,
     [] {
       PacketBuilder b = builder6();
       return b.ip(60, Octets{17, 1, 1, 4, 0, 0, 0, 0});
     }},
    {"Ip6ExtensionCut", Drop::ip_bad_header,
     [] {
       return builder6().ip(60, Octets{17, 0, 1, 0});
     }},
    {"Ip6ExtensionAbsent", Drop::ip_bad_header, [] { return builder6().ip(60, {}); }},
    {"Ip6OtherScope", Drop::ip_not_for_us,
     [] {
       PacketBuilder b = builder6();
       b.destination6 = {0xff, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 1};
       b.destination_mac = {0x33, 0x33, 0xff, 0, 0, 1};
       return b.echo_request(Octets(8));
     }},
    {"Ip6NoNextHeader", Drop::ip_unknown_protocol, [] { return builder6().ip(59, Octets(8)); }},
    {"Ip6Authentication", Drop::ip_unknown_protocol, [] { return builder6().ip(51, Octets(24)); }},
    {"Icmp4OverIp6", Drop::ip_unknown_protocol, [] { return builder6().ip(1, Octets(8)); }},
    {"UdpCut", Drop::udp_bad_length, [] { return PacketBuilder().ip(17, Octets(7)); }},
    {"UdpLengthBelow8", Drop::udp_bad_length, [] { return edited(14 + 20 + 5, 7); }},
    {"UdpLengthBeyondPacket", Drop::udp_bad_length, [] { return edited(14 + 20 + 5, 109); }},
    {"UdpSourcePort0", Drop::udp_bad_length,
     [] { return with([](PacketBuilder& b) { b.source_port = 0; }); }},
    {"UdpOtherPort", Drop::udp_unknown_port,
     [] { return with([](PacketBuilder& b) { b.destination_port = 501; }); }},
    {"UdpChecksum4", Drop::udp_bad_checksum, [] { return edited(14 + 20 + 6, 1); }},
    {"UdpChecksum6", Drop::udp_bad_checksum, [] { return edited(14 + 40 + 6, 1, true); }},
    {"UdpPayloadAltered", Drop::udp_bad_checksum, [] { return edited(120, 1); }},
    {"UdpChecksumAbsent6", Drop::udp_bad_checksum,
     [] { return with([](PacketBuilder& b) { b.udp_checksum = false; }, true); }},
    {"NatKeepalive", Drop::nat_keepalive, [] { return nat_payload({0xff}); }},
    {"NatPayloadTooShort", Drop::ike_runt,
     [] {
       return nat_payload({0, 0, 0});
     }},
    {"NatEmpty", Drop::ike_runt, [] { return nat_payload({}); }},
    {"IkeRunt", Drop::ike_runt, [] { return PacketBuilder().udp(Octets(27)); }},
    {"IkeEmpty", Drop::ike_runt, [] { return PacketBuilder().udp({}); }},
    {"MarkerOnPort500", Drop::ike_bad_length,
     [] {
       Octets m = ike_message();
       m.insert(m.begin(), 4, 0);
       return PacketBuilder().ike(m);
     }},
    {"IkeLength", Drop::ike_bad_length, [] { return changed_message(27, 99); }},
    {"IkeVersion1", Drop::ike_bad_version, [] { return changed_message(17, 0x10); }},
    {"IkeSpiZero", Drop::ike_bad_header,
     [] {
       Octets m = ike_message();
       std::fill_n(m.begin(), 8, std::uint8_t{0});
       return PacketBuilder().ike(m);
     }},
    {"IkeResponse", Drop::ike_response,
     [] { return changed_message(19, ike::kFlagResponse | ike::kFlagInitiator); }},
    {"IkeAuthWithoutSpi", Drop::ike_other_exchange, [] { return changed_message(18, 35); }},
};

class ClassifyDrops : public testing::TestWithParam<Case> {};

TEST_P(ClassifyDrops, NamesTheReason) {
  const Classified c(GetParam().frame());
  EXPECT_EQ(drop_name(c.reason()), drop_name(GetParam().reason));
}

INSTANTIATE_TEST_SUITE_P(Frames, ClassifyDrops, testing::ValuesIn(kCases),
                         [](const auto& test) { return test.param.name; });

TEST(Classify, HasACaseForEachOfItsReasons) {
  std::set<Drop> seen;
  for (const Case& c : kCases) seen.insert(c.reason);
  for (auto d = Drop::eth_runt; d <= Drop::ike_other_exchange;
       d = static_cast<Drop>(static_cast<int>(d) + 1)) {
    // Of reassemble and answer_link.
    if (d >= Drop::ip_fragment_waiting && d <= Drop::icmp_ignored) continue;
    if (d == Drop::esp_unknown_spi) continue;  // of find_esp
    EXPECT_TRUE(seen.contains(d)) << drop_name(d);
  }
}

TEST(Classify, LeavesAResumeRequestWithItsPath) {
  for (const bool is_ip6 : {false, true}) {
    for (const std::uint16_t port : {std::uint16_t{500}, std::uint16_t{4500}}) {
      PacketBuilder b;
      b.is_ip6 = is_ip6;
      b.source_port = 33333;
      b.destination_port = port;
      b.padding = 9;  // Ethernet padding belongs to nobody
      const Octets message = ike_message();
      const Classified c(b.ike(message));
      ASSERT_EQ(c.families.resume, LaneSet::first(1)) << drop_name(c.reason());
      const Path& path = c.burst.path[0];
      EXPECT_EQ(path.is_ip6, is_ip6);
      EXPECT_EQ(path.non_esp_marker, port == 4500);
      EXPECT_EQ(path.source_port, 33333);
      EXPECT_EQ(path.destination_port, port);
      EXPECT_EQ(path.l3_offset, 14);
      EXPECT_EQ(path.l4_offset, is_ip6 ? 54 : 34);
      EXPECT_EQ(path.payload_offset, path.l4_offset + 8 + (port == 4500 ? 4 : 0));
      const crypto::Bytes source = is_ip6 ? crypto::Bytes{b.source6} : crypto::Bytes{b.source4};
      const crypto::Bytes target =
          is_ip6 ? crypto::Bytes{b.destination6} : crypto::Bytes{b.destination4};
      EXPECT_TRUE(std::ranges::equal(path.source_octets(), source));
      EXPECT_TRUE(std::ranges::equal(path.destination_octets(), target));
      EXPECT_TRUE(std::ranges::equal(c.burst.message[0], message));
      EXPECT_EQ(c.burst.header[0].spi_i.value(), 0x0102030405060708u);
      EXPECT_EQ(c.burst.header[0].exchange, ike::Exchange::ike_session_resume);
    }
  }
}

TEST(Classify, SortsByExchangeSpiAndInitiatorFlag) {
  using enum ike::Exchange;
  const std::uint8_t i = ike::kFlagInitiator;
  auto families = [](const Octets& m) { return Classified(PacketBuilder().ike(m)).families; };
  EXPECT_FALSE(families(ike_message(ike_session_resume)).resume.empty());
  EXPECT_FALSE(families(ike_message(ike_session_resume, 0, 0)).resume.empty());
  EXPECT_FALSE(families(ike_message(ike_auth, 7, i)).sessions.empty());
  EXPECT_FALSE(families(ike_message(informational, 7, i)).sessions.empty());
  EXPECT_FALSE(families(ike_message(ike_session_resume, 7, i)).sessions.empty());
  EXPECT_FALSE(families(ike_message(informational, 7, 0)).sessions.empty());
  EXPECT_FALSE(families(ike_message(ike_sa_init)).initiations.empty());
}

TEST(Classify, IgnoresMinorVersionAndReservedFlags) {  // RFC 7296 §2.5
  Octets m = ike_message();
  m[17] = 0x2f;
  m[19] = 0xdf;
  EXPECT_FALSE(Classified(PacketBuilder().ike(m)).families.resume.empty());
}

TEST(Classify, PutsArpIcmpAndNeighbourDiscoveryIntoTheLinkFamily) {
  const PacketBuilder b;
  const auto target = builder6().destination6;
  PacketBuilder prober;
  prober.source6 = {};
  for (const Octets& frame :
       {b.arp(1, b.destination4), b.echo_request(Octets(8)), builder6().echo_request(Octets(8)),
        b.neighbour_solicitation(target), prober.neighbour_solicitation(target)}) {
    const Classified c(frame);
    EXPECT_EQ(c.families.link, LaneSet::first(1)) << drop_name(c.reason());
  }
}

TEST(Classify, AcceptsOptionsAndExtensionHeaders) {
  PacketBuilder b;
  b.ip4_options = {7, 7, 4, 0, 0, 0, 0};
  EXPECT_FALSE(Classified(b.ike(ike_message())).families.resume.empty());
  PacketBuilder six = builder6();
  six.extension_headers = {
      {.type = 0, .body = {5, 2, 0, 0, 0, 0}},  // router alert, then Pad1 twice
      {.type = 60},
      {.type = 43, .body = {0, 0, 0, 0, 0, 0}},
      {.type = 60, .body = Octets(6 + 8)}};
  const Classified c(six.ike(ike_message()));
  EXPECT_FALSE(c.families.resume.empty()) << drop_name(c.reason());
  EXPECT_EQ(c.burst.path[0].l4_offset, 14 + 40 + 8 + 8 + 8 + 16);
}

TEST(Classify, AcceptsAnAbsentChecksumOverIp4) {  // RFC 768
  PacketBuilder b;
  b.udp_checksum = false;
  EXPECT_FALSE(Classified(b.ike(ike_message())).families.resume.empty());
  b.destination_port = 4500;
  EXPECT_FALSE(Classified(b.ike(ike_message())).families.resume.empty());
}

TEST(Classify, IgnoresOctetsBetweenUdpAndIpLength) {
  Octets udp = PacketBuilder().ike(ike_message());
  udp.erase(udp.begin(), udp.begin() + 34);
  udp.insert(udp.end(), 5, 0xaa);
  const Classified c(PacketBuilder().ip(17, udp));
  EXPECT_FALSE(c.families.resume.empty()) << drop_name(c.reason());
  EXPECT_EQ(c.burst.message[0].size(), 100u);
}

TEST(Classify, BelievesTheDeviceAboutChecksums) {
  const Link link = link_for_tests();
  const Octets good = PacketBuilder().ike(ike_message());
  EXPECT_EQ(Classified(good, link, {.ip_bad = true}).reason(), Drop::ip_bad_checksum);
  EXPECT_EQ(Classified(good, link, {.l4_bad = true}).reason(), Drop::udp_bad_checksum);
  EXPECT_EQ(Classified(edited(24, 0), link, {.ip_good = true}).reason(), Drop::none);
  EXPECT_EQ(Classified(edited(120, 1), link, {.l4_good = true}).reason(), Drop::none);
}

TEST(Classify, HonoursTheVlanOfTheLink) {
  Link link = link_for_tests();
  link.vlan = 12;
  auto reason = [&](std::optional<std::uint16_t> vlan) {
    PacketBuilder b;
    b.vlan = vlan;
    return Classified(b.ike(ike_message()), link).reason();
  };
  EXPECT_EQ(reason(12), Drop::none);
  EXPECT_EQ(reason(0xe00c), Drop::none);  // with a priority
  EXPECT_EQ(reason(13), Drop::vlan_unknown);
  EXPECT_EQ(reason(0), Drop::vlan_unknown);
  EXPECT_EQ(reason(std::nullopt), Drop::vlan_unknown);
  link.vlan = 0;
  EXPECT_EQ(reason(0xe000), Drop::none);
}

TEST(Classify, ForgetsThePathOfTheFormerBurst) {
  PacketBuilder b = builder6();
  b.destination_port = 4500;
  Classified c(b.ike(ike_message()));
  ASSERT_TRUE(c.burst.path[0].non_esp_marker && c.burst.path[0].is_ip6);
  Octets plain = PacketBuilder().ike(ike_message());
  c.burst.frame[0].data = plain.data();
  c.burst.frame[0].len = static_cast<std::uint32_t>(plain.size());
  ASSERT_FALSE(classify(c.burst, link_for_tests()).resume.empty());
  EXPECT_FALSE(c.burst.path[0].non_esp_marker);
  EXPECT_FALSE(c.burst.path[0].is_ip6);
  EXPECT_EQ(c.burst.path[0].source[15], 0);
}

TEST(Classify, KeepsLanesApartInAFullBurst) {
  FakePort port;
  for (unsigned lane = 0; lane < kBurstMax; ++lane) {
    PacketBuilder b;
    b.source4[3] = static_cast<std::uint8_t>(100 + lane);
    if (lane % 3 == 1) b.destination_port = 99;
    ASSERT_TRUE(port.inject(b.ike(ike_message(ike::Exchange::ike_sa_init, lane % 3))));
  }
  Burst burst;
  burst.count = port.receive(burst.frame);
  ASSERT_EQ(burst.count, kBurstMax);
  const Families f = classify(burst, link_for_tests());
  for (unsigned lane = 0; lane < kBurstMax; ++lane) {
    EXPECT_EQ(f.initiations.has(lane), lane % 3 == 0);
    EXPECT_EQ(burst.verdict[lane] == Verdict::drop, lane % 3 == 1);
    EXPECT_EQ(f.sessions.has(lane), lane % 3 == 2);
    if (lane % 3 != 1) {
      EXPECT_EQ(burst.path[lane].source[3], 100 + lane);
    }
  }
  port.release({burst.frame.data(), burst.count});
  EXPECT_EQ(port.held(), 0u);
}

}  // namespace
}  // namespace dp
