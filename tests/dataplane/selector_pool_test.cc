// SelectorPool: equal lists share a place; matching by type, protocol, port and range.
#include "dataplane/selector_pool.h"

#include <gtest/gtest.h>

namespace dp {
namespace {

ike::SelectorList range4(std::uint32_t from, std::uint32_t to) {
  ike::SelectorList list;
  list.count = 1;
  crypto::store_be32(list.items[0].start.data(), from);
  crypto::store_be32(list.items[0].end.data(), to);
  return list;
}

bool matches(const ike::SelectorList& list, const SelectorSubject& subject, std::uint32_t address,
             std::uint16_t port) {
  std::uint8_t octets[4];
  crypto::store_be32(octets, address);
  return covers(list, subject, octets, port);
}

TEST(SelectorPool, KeepsEqualPairsOnce) {
  auto pool = SelectorPool::make(1).value();
  const auto a = range4(1, 2), b = range4(1, 3);
  const std::uint32_t first = pool->intern(a, b);
  EXPECT_EQ(pool->intern(a, b), first);
  EXPECT_NE(pool->intern(b, a), first);
  EXPECT_EQ(pool->used(), 2u);
  EXPECT_EQ(pool->at(first).remote.items[0], b.items[0]);
  pool->leave(first);
  EXPECT_EQ(pool->used(), 2u);
  pool->leave(first);
  EXPECT_EQ(pool->used(), 1u);
}

TEST(SelectorPool, RefusesWhenFull) {
  auto pool = SelectorPool::make(1).value();
  std::uint32_t refused = 0;
  for (std::uint32_t i = 0; i < 2 * SelectorPool::kSize; ++i)
    if (pool->intern(range4(i, i), {}) == SelectorPool::kNone) ++refused;
  EXPECT_GE(refused, SelectorPool::kSize);
  EXPECT_LE(pool->used(), SelectorPool::kSize);
}

TEST(SelectorPool, MatchesRangesByNumber) {
  const auto list = range4(0x0a0000ff, 0x0a000200);
  const SelectorSubject any{};
  EXPECT_FALSE(matches(list, any, 0x0a0000fe, 0));
  EXPECT_TRUE(matches(list, any, 0x0a0000ff, 0));
  EXPECT_TRUE(matches(list, any, 0x0a000200, 0));
  EXPECT_FALSE(matches(list, any, 0x0a000201, 0));
  EXPECT_FALSE(matches(list, {.is_ip6 = true}, 0x0a000100, 0));
}

TEST(SelectorPool, MatchesProtocolAndPorts) {
  auto list = range4(1, 1);
  list.items[0].ip_protocol = 6;
  list.items[0].start_port = 80;
  list.items[0].end_port = 81;
  EXPECT_TRUE(matches(list, {.has_ports = true, .protocol = 6}, 1, 81));
  EXPECT_FALSE(matches(list, {.has_ports = true, .protocol = 17}, 1, 81));
  EXPECT_FALSE(matches(list, {.has_ports = true, .protocol = 6}, 1, 82));
  EXPECT_FALSE(matches(list, {.has_ports = false, .protocol = 6}, 1, 0)) << "a later fragment";
  list.items[0].start_port = 0;
  list.items[0].end_port = 65535;
  EXPECT_TRUE(matches(list, {.has_ports = false, .protocol = 6}, 1, 0));
}

}  // namespace
}  // namespace dp
