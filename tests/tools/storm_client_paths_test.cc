// Addresses and ports of clients.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "tools/storm/client_paths.h"

namespace storm {
namespace {

PathConfig config(const std::string& source, const std::string& gateway) {
  PathConfig c;
  c.source = *parse_prefix(source);
  c.gateway = *parse_address(gateway);
  return c;
}

TEST(ClientPaths, GiveEveryClientItsOwnAddressAndPort) {
  constexpr std::uint32_t kClients = 2'000'000;
  const auto paths = ClientPaths::make(config("198.19.0.0/16", "192.0.2.1"), kClients);
  ASSERT_TRUE(paths.has_value());
  std::vector<std::uint64_t> seen;
  seen.reserve(kClients);
  for (std::uint32_t i = 0; i < kClients; ++i) {
    const Address a = paths->address(i);
    seen.push_back(std::uint64_t{crypto::load_be32(a.octets.data())} << 16 | paths->port(i));
    ASSERT_TRUE(paths->is_of(i, a.octets.data(), paths->port(i)));
  }
  std::ranges::sort(seen);
  EXPECT_EQ(std::ranges::adjacent_find(seen), seen.end());
  EXPECT_EQ(to_text(paths->address(0)), "198.19.0.1");
  EXPECT_EQ(to_text(paths->address(65533)), "198.19.255.254");
  EXPECT_EQ(to_text(paths->address(65534)), "198.19.0.1");
  EXPECT_EQ(paths->port(65533), 20000);
  EXPECT_EQ(paths->port(65534), 20001);
}

TEST(ClientPaths, CountWithinAnIp6Prefix) {
  const auto paths = ClientPaths::make(config("2001:2:0:1::/64", "2001:db8::1"), 1'000'000);
  ASSERT_TRUE(paths.has_value());
  EXPECT_EQ(to_text(paths->address(0)), "2001:2:0:1::1");
  EXPECT_EQ(to_text(paths->address(999'999)), "2001:2:0:1::f:4240");
  EXPECT_EQ(paths->port(999'999), 20000);
}

TEST(ClientPaths, KnowTheirOwnAddressesOnly) {
  const auto paths = ClientPaths::make(config("198.19.0.0/24", "192.0.2.1"), 10);
  ASSERT_TRUE(paths.has_value());
  const auto owns = [&](const std::string& text) {
    return paths->owns(parse_address(text)->octets.data());
  };
  EXPECT_FALSE(owns("198.19.0.0"));
  EXPECT_TRUE(owns("198.19.0.1"));
  EXPECT_TRUE(owns("198.19.0.10"));
  EXPECT_FALSE(owns("198.19.0.11"));
  EXPECT_FALSE(owns("192.0.2.1"));
  const Address third = paths->address(2);
  EXPECT_TRUE(paths->is_of(2, third.octets.data(), 20000));
  EXPECT_FALSE(paths->is_of(3, third.octets.data(), 20000));
  EXPECT_FALSE(paths->is_of(2, third.octets.data(), 20001));
  EXPECT_FALSE(paths->is_of(10, paths->address(10).octets.data(), paths->port(10)));
}

TEST(ClientPaths, ServeASingleAddress) {
  const auto paths = ClientPaths::make(config("198.19.0.9/32", "192.0.2.1"), 40000);
  ASSERT_TRUE(paths.has_value());
  EXPECT_EQ(to_text(paths->address(39999)), "198.19.0.9");
  EXPECT_EQ(paths->port(39999), 59999);
}

TEST(ClientPaths, RefuseWhatCannotBe) {
  EXPECT_FALSE(ClientPaths::make(config("198.19.0.9/32", "192.0.2.1"), 45537).has_value());
  EXPECT_FALSE(ClientPaths::make(config("198.19.0.0/16", "2001:db8::1"), 1).has_value());
  EXPECT_FALSE(ClientPaths::make(config("198.19.0.0/16", "198.19.0.1"), 1).has_value());
  EXPECT_TRUE(ClientPaths::make(config("198.19.0.0/16", "198.19.255.254"), 100).has_value());
}

TEST(ClientPaths, ReadPrefixes) {
  const auto prefix = parse_prefix("198.19.7.9/12");
  ASSERT_TRUE(prefix.has_value());
  EXPECT_EQ(to_text(prefix->base), "198.16.0.0");
  EXPECT_EQ(prefix->len, 12u);
  for (const char* text : {"", "198.19.0.0", "198.19.0.0/33", "198.19.0.0/", "198.19.0.0/8x",
                           "198.19.0/8", "2001::/129", "198.19.0.0/-1"})
    EXPECT_FALSE(parse_prefix(text).has_value()) << text;
}

}  // namespace
}  // namespace storm
