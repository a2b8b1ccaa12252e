// Durations, addresses, pools and selectors: what is read, what is refused and with which words.
#include "controlplane/value_text.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace cp {
namespace {

TEST(DurationText, ReadsUnitsAndTheirSums) {
  const std::pair<const char*, std::uint64_t> cases[] = {{"0", 0},
                                                         {"0s", 0},
                                                         {"1ms", 1},
                                                         {"90s", 90'000},
                                                         {"15m", 900'000},
                                                         {"24h", 86'400'000},
                                                         {"7d", 604'800'000},
                                                         {"2w", 1'209'600'000},
                                                         {"1h30m", 5'400'000},
                                                         {"1d2h3m4s5ms", 93'784'005}};
  for (const auto& [text, ms] : cases) EXPECT_EQ(parse_duration_ms(text).value(), ms) << text;
}

TEST(DurationText, RefusesWhatIsNotOne) {
  for (const char* text :
       {"", "s", "10", "10 s", "-1s", "1.5h", "1s1h", "1h1h", "1y", "1h2", "+1s"}) {
    const auto result = parse_duration_ms(text);
    ASSERT_FALSE(result) << text;
    EXPECT_EQ(result.error().text,
              std::string("expected a duration such as \"90s\", \"15m\", \"12h\" or "
                          "\"7d\", not \"") +
                  text + "\"");
  }
}

TEST(DurationText, RefusesMoreThanItCanCount) {
  EXPECT_FALSE(parse_duration_ms("18446744073709551615w"));
  EXPECT_FALSE(parse_duration_ms("18446744073709551616ms"));
  EXPECT_FALSE(parse_duration_ms("30500568904d18446744073709551615ms"));
  EXPECT_EQ(parse_duration_ms("18446744073709551615ms").value(), ~0ull);
}

TEST(DurationText, WritesWhatItReads) {
  for (const std::uint64_t ms :
       {0ull, 1ull, 999ull, 60'000ull, 5'400'000ull, 604'800'000ull, 93'784'005ull})
    EXPECT_EQ(parse_duration_ms(duration_text(ms)).value(), ms) << duration_text(ms);
  EXPECT_EQ(duration_text(14'400'000), "4h");
}

TEST(AddressText, ReadsBothFamilies) {
  EXPECT_EQ(std::get<ike::Ip4>(parse_address("192.0.2.1").value()), (ike::Ip4{192, 0, 2, 1}));
  const auto ip6 = std::get<ike::Ip6>(parse_address("2001:db8::7").value());
  EXPECT_EQ(address_text(ip6), "2001:db8::7");
  for (const char* text : {"", "192.0.2", "192.0.2.256", "2001:db8::7%eth0", "gw.example", "::1 "})
    EXPECT_FALSE(parse_address(text)) << text;
  EXPECT_FALSE(parse_address(std::string_view("192.0.2.1\0x", 11)));
}

TEST(PoolText, LeavesOutNetworkAndBroadcastOfAPrefix) {
  const auto pool = parse_pool4("10.1.0.0/24").value();
  EXPECT_EQ(pool_text(pool), "10.1.0.1-10.1.0.254");
  EXPECT_EQ(pool.count, 254u);
  EXPECT_EQ(parse_pool4("10.1.0.8/31").value().count, 2u);
  EXPECT_EQ(parse_pool4("10.1.0.8/32").value().count, 1u);
  const auto pool6 = parse_pool6("2001:db8::/112").value();
  EXPECT_EQ(pool_text(pool6), "2001:db8::1-2001:db8::ffff");
}

TEST(PoolText, TakesARangeAsItStands) {
  const auto pool = parse_pool4("10.0.0.250-10.0.1.5").value();
  EXPECT_EQ(pool.count, 12u);
  EXPECT_EQ(pool_text(pool), "10.0.0.250-10.0.1.5");
  EXPECT_EQ(parse_pool6("2001:db8::-2001:db8::f:ffff").value().count, 1u << 20);
}

TEST(PoolText, RefusesWithAReason) {
  const std::pair<const char*, const char*> cases[] = {
      {"10.0.0.1/24", "\"10.0.0.1/24\" has bits set behind its prefix length"},
      {"10.0.0.0/33", "expected a prefix length of 0 to 32 in \"10.0.0.0/33\""},
      {"10.0.0.0/", "expected a prefix length of 0 to 32 in \"10.0.0.0/\""},
      {"10.0.0.9-10.0.0.1", "the range \"10.0.0.9-10.0.0.1\" ends before it begins"},
      {"10.0.0.9-2001:db8::1",
       "both ends of the range \"10.0.0.9-2001:db8::1\" must be of one family"},
      {"2001:db8::/112", "expected an IPv4 prefix or range, not \"2001:db8::/112\""},
      {"10.0.0.0/6", "\"10.0.0.0/6\" has bits set behind its prefix length"},
      {"8.0.0.0/7",
       "\"8.0.0.0/7\" has more than 16777216 addresses; write a range, e.g. \"8.0.0.1-8.16.0.0\""},
      {"pool", "expected an IPv4 or IPv6 address, not \"pool\""}};
  for (const auto& [text, why] : cases) {
    const auto pool = parse_pool4(text);
    ASSERT_FALSE(pool) << text;
    EXPECT_EQ(pool.error().text, why);
  }
  EXPECT_EQ(parse_pool6("2001:db8::/64").error().text,
            "\"2001:db8::/64\" has more than 16777216 addresses; write a range, e.g. "
            "\"2001:db8::1-2001:db8::10:0\"");
}

TEST(PoolText, HoldsAtMostTheLimit) {
  EXPECT_EQ(parse_pool4("10.0.0.0-10.255.255.255").value().count, kPoolMax);
  EXPECT_FALSE(parse_pool4("10.0.0.0-11.0.0.0"));
}

TEST(SelectorText, ReadsPrefixRangeAndAddress) {
  const auto all = parse_selector("::/0").value();
  EXPECT_EQ(all.type, ike::TsType::ipv6_addr_range);
  EXPECT_EQ(all.start, (std::array<std::uint8_t, 16>{}));
  EXPECT_TRUE(std::ranges::all_of(all.end, [](std::uint8_t octet) { return octet == 0xff; }));
  const auto range = parse_selector("10.0.0.1-10.0.0.9").value();
  EXPECT_EQ(range.end[3], 9);
  EXPECT_EQ(range.end_port, 65535);
  EXPECT_EQ(parse_selector("10.0.0.0/8").value(),
            ike::selector_of(ike::TsType::ipv4_addr_range, ike::Ip4{10, 0, 0, 0}, 8));
  EXPECT_EQ(parse_selector("10.1.2.3").value().start, parse_selector("10.1.2.3").value().end);
  EXPECT_FALSE(parse_selector("10.0.0.1/8"));
}

TEST(ValueText, WritesSelectorsAsTheyAreRead) {
  for (const char* text : {"0.0.0.0/0", "::/0", "10.0.0.0/8", "10.0.0.4/31", "10.0.0.1-10.0.0.9",
                           "192.0.2.7/32", "2001:db8::/32", "2001:db8::1-2001:db8::7"})
    EXPECT_EQ(selector_text(parse_selector(text).value()), text);
  ike::Selector web = parse_selector("192.0.2.0/24").value();
  web.ip_protocol = 6;
  web.start_port = 80;
  web.end_port = 443;
  EXPECT_EQ(selector_text(web), "192.0.2.0/24[6/80-443]");
}

}  // namespace
}  // namespace cp
