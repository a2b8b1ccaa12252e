// Tests of traffic selectors and narrowing.
#include "ike/traffic_selector.h"

#include <gtest/gtest.h>

#include "ike/payload.h"
#include "tests/ike/messages.h"

namespace ike {
namespace {

constexpr const char* kAny4 = "070000100000ffff00000000ffffffff";
constexpr const char* kAny6 =
    "080000280000ffff00000000000000000000000000000000ffffffffffffffffffffffffffffffff";

SelectorList list_of(const std::vector<Selector>& selectors) {
  SelectorList out;
  for (const Selector& s : selectors) out.items[out.count++] = s;
  return out;
}

SelectorList narrowed(const SelectorList& offered, const SelectorList& allowed) {
  SelectorList out;
  narrow(offered, allowed, out);
  return out;
}

Selector net4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d, unsigned len) {
  return selector_of(TsType::ipv4_addr_range, Octets{a, b, c, d}, len);
}

Selector with_ports(Selector s, std::uint8_t protocol, unsigned start, unsigned end) {
  s.ip_protocol = protocol;
  s.start_port = static_cast<std::uint16_t>(start);
  s.end_port = static_cast<std::uint16_t>(end);
  return s;
}

TEST(TrafficSelector, ReadsBothFamilies) {  // RFC 7296 §3.13.1, CORE-67
  SelectorList list;
  ASSERT_EQ(parse_selectors(from_hex(std::string("02000000") + kAny4 + kAny6), list),
            ParseError::none);
  ASSERT_EQ(list.count, 2u);
  EXPECT_EQ(list.items[0], net4(0, 0, 0, 0, 0));
  EXPECT_EQ(list.items[1], selector_of(TsType::ipv6_addr_range, filled(16, 0), 0));
}

TEST(TrafficSelector, DropsUnknownTypes) {  // CORE-66
  SelectorList list;
  ASSERT_EQ(parse_selectors(from_hex(std::string("02000000c8000009000000000a") + kAny4), list),
            ParseError::none);
  ASSERT_EQ(list.count, 1u);
  EXPECT_EQ(list.items[0].type, TsType::ipv4_addr_range);
}

TEST(TrafficSelector, RefusesWrongCountsAndLengths) {  // CORE-66
  const std::string any4 = kAny4;
  SelectorList list;
  for (const std::string& hex :
       {std::string(), std::string("00"), std::string("00000000"), std::string("01000000"),
        "02000000" + any4, "01000000" + any4 + any4, "01000000" + any4.substr(0, 30),
        "01000000" + any4 + "00", std::string("010000000700000f0000ffff00000000ffffff"),
        std::string("01000000070000110000ffff00000000ffffffff00"),
        std::string("01000000c80000070000ff"), std::string("0100000008000010") + any4.substr(8)})
    EXPECT_EQ(parse_selectors(from_hex(hex), list), ParseError::bad_selector) << hex;
}

TEST(TrafficSelector, LimitsTheNumberOfSelectors) {
  std::string hex = "10000000";
  for (unsigned i = 0; i < kSelectorsMax; ++i) hex += kAny4;
  SelectorList list;
  EXPECT_EQ(parse_selectors(from_hex(hex), list), ParseError::none);
  EXPECT_EQ(list.count, kSelectorsMax);
  hex += kAny4;
  hex.replace(0, 2, "11");
  EXPECT_EQ(parse_selectors(from_hex(hex), list), ParseError::bad_selector);
}

TEST(TrafficSelector, WritesWhatItReads) {
  const Octets body = from_hex(std::string("02000000") + kAny4 + kAny6);
  SelectorList list;
  ASSERT_EQ(parse_selectors(body, list), ParseError::none);
  Octets buffer(256);
  crypto::ByteWriter writer(buffer);
  ChainBuilder chain(writer);
  write_selectors(chain, PayloadType::ts_r, list);
  EXPECT_EQ(chain.first_type(), PayloadType::ts_r);
  EXPECT_EQ(to_hex(writer.written()), to_hex(chain_of({raw(PayloadType::ts_r, body)})));
}

TEST(TrafficSelector, MakesAddressBlocks) {
  const Selector s = net4(192, 0, 2, 77, 20);
  EXPECT_EQ(to_hex(crypto::Bytes(s.start).first(4)), "c0000000");
  EXPECT_EQ(to_hex(crypto::Bytes(s.end).first(4)), "c0000fff");
  const Selector host = net4(192, 0, 2, 77, 32);
  EXPECT_EQ(host.start, host.end);
  const Selector six = selector_of(TsType::ipv6_addr_range, filled(16, 0xab), 61);
  EXPECT_EQ(to_hex(six.start),
            "abababababababa8"
            "0000000000000000");
  EXPECT_EQ(to_hex(six.end),
            "ababababababab"
            "afffffffffffffffff");
}

// Bit by bit, for every length of a prefix.
TEST(TrafficSelector, FixesThePrefixAlone) {
  for (const TsType type : {TsType::ipv4_addr_range, TsType::ipv6_addr_range}) {
    const std::size_t len = type == TsType::ipv4_addr_range ? 4 : 16;
    const Octets address = filled(len, 0x5a);
    for (unsigned prefix = 0; prefix <= 8 * len; ++prefix) {
      const Selector s = selector_of(type, address, prefix);
      for (unsigned bit = 0; bit < 128; ++bit) {
        const auto of = [&](const auto& octets) { return octets[bit / 8] >> (7 - bit % 8) & 1; };
        const bool inside = bit < 8 * len;
        const bool fixed = bit < prefix;
        EXPECT_EQ(of(s.start), fixed ? of(address) : 0) << prefix << ' ' << bit;
        EXPECT_EQ(of(s.end), fixed ? of(address) : inside ? 1 : 0) << prefix << ' ' << bit;
      }
    }
  }
}

TEST(TrafficSelector, NarrowsARangeToThePolicy) {  // CORE-65, RFC 7296 §2.9
  const SelectorList got = narrowed(list_of({net4(0, 0, 0, 0, 0)}),
                                    list_of({net4(10, 1, 0, 0, 16), net4(10, 9, 0, 0, 24)}));
  ASSERT_EQ(got.count, 2u);
  EXPECT_EQ(got.items[0], net4(10, 1, 0, 0, 16));
  EXPECT_EQ(got.items[1], net4(10, 9, 0, 0, 24));
}

TEST(TrafficSelector, KeepsTheOrderOfTheOfferAndDropsRepeats) {
  const Selector packet = with_ports(net4(10, 1, 0, 5, 32), 6, 443, 443);
  const SelectorList got = narrowed(list_of({packet, net4(10, 1, 0, 0, 16), net4(10, 0, 0, 0, 8)}),
                                    list_of({net4(10, 1, 0, 0, 16)}));
  ASSERT_EQ(got.count, 2u);
  EXPECT_EQ(got.items[0], packet);
  EXPECT_EQ(got.items[1], net4(10, 1, 0, 0, 16));
}

TEST(TrafficSelector, NothingInCommonIsEmpty) {
  const auto count = [](const Selector& a, const Selector& b) {
    return narrowed(list_of({a}), list_of({b})).count;
  };
  const Selector any = net4(0, 0, 0, 0, 0);
  EXPECT_EQ(count(net4(10, 0, 0, 0, 8), net4(11, 0, 0, 0, 8)), 0u);
  EXPECT_EQ(count(any, selector_of(TsType::ipv6_addr_range, filled(16, 0), 0)), 0u);
  EXPECT_EQ(count(with_ports(any, 6, 0, 65535), with_ports(any, 17, 0, 65535)), 0u);
  EXPECT_EQ(count(with_ports(any, 6, 1, 9), with_ports(any, 6, 10, 20)), 0u);
  EXPECT_EQ(narrowed({}, list_of({any})).count, 0u);
  EXPECT_EQ(narrowed(list_of({any}), {}).count, 0u);
}

TEST(TrafficSelector, NarrowsProtocolAndPorts) {  // CORE-67
  const Selector any = net4(0, 0, 0, 0, 0);
  const SelectorList got =
      narrowed(list_of({with_ports(any, 0, 100, 65535)}), list_of({with_ports(any, 17, 0, 500)}));
  ASSERT_EQ(got.count, 1u);
  EXPECT_EQ(got.items[0], with_ports(any, 17, 100, 500));
}

TEST(TrafficSelector, KnowsOneAddress) {
  const auto ip4 = filled(4, 10), ip6 = filled(16, 10), other = filled(4, 11);
  const Selector one4 = selector_of(TsType::ipv4_addr_range, ip4, 32);
  const Selector one6 = selector_of(TsType::ipv6_addr_range, ip6, 128);
  EXPECT_TRUE(is_one_address(one4, ip4));
  EXPECT_TRUE(is_one_address(one6, ip6));
  EXPECT_FALSE(is_one_address(one4, other));
  EXPECT_FALSE(is_one_address(one4, ip6));
  EXPECT_FALSE(is_one_address(one6, ip4));
  EXPECT_FALSE(is_one_address(selector_of(TsType::ipv4_addr_range, ip4, 31), ip4));
  EXPECT_FALSE(is_one_address(selector_of(TsType::ipv6_addr_range, ip6, 127), ip6));
  EXPECT_FALSE(is_one_address(with_ports(one4, 17, 0, 65535), ip4));
  EXPECT_FALSE(is_one_address(with_ports(one4, 0, 0, 65534), ip4));
}

TEST(TrafficSelector, OpaquePortsMeetOnlyOpaqueAndAny) {  // RFC 7296 §3.13.1
  const Selector any = net4(0, 0, 0, 0, 0);
  const Selector opaque = with_ports(any, 6, 65535, 0);
  EXPECT_EQ(narrowed(list_of({opaque}), list_of({any})).items[0], opaque);
  EXPECT_EQ(narrowed(list_of({any}), list_of({opaque})).items[0], opaque);
  EXPECT_EQ(narrowed(list_of({opaque}), list_of({opaque})).count, 1u);
  EXPECT_EQ(narrowed(list_of({opaque}), list_of({with_ports(any, 6, 1, 2)})).count, 0u);
}

TEST(TrafficSelector, ResultNeverOverflows) {
  SelectorList many;
  for (unsigned i = 0; i < kSelectorsMax; ++i)
    many.items[many.count++] = net4(10, static_cast<std::uint8_t>(i), 0, 0, 16);
  SelectorList limits;
  for (unsigned i = 0; i < kSelectorsMax; ++i)
    limits.items[limits.count++] = with_ports(net4(10, 0, 0, 0, 8), 6, i, i);
  EXPECT_EQ(narrowed(many, limits).count, kSelectorsMax);
}

}  // namespace
}  // namespace ike
