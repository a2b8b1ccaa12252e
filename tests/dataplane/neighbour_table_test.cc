// NeighbourTable: asks once a second, learns what was asked for, forgets in time.
#include "dataplane/neighbour_table.h"

#include <gtest/gtest.h>

namespace dp {
namespace {

constexpr Mac kMac{2, 3, 4, 5, 6, 7};

NextHop hop4(std::uint8_t last) { return {.address = {10, 0, 0, last}}; }

TEST(NeighbourTable, AsksAtMostOnceASecond) {
  NeighbourTable table;
  EXPECT_TRUE(table.look_up(hop4(1), 5000).ask);
  EXPECT_FALSE(table.look_up(hop4(1), 5999).ask);
  EXPECT_TRUE(table.look_up(hop4(1), 6000).ask);
  EXPECT_FALSE(table.look_up(hop4(1), 6000).known);
}

TEST(NeighbourTable, LearnsOnlyWhatWasAskedFor) {
  NeighbourTable table;
  table.learn(hop4(1), kMac.data(), 1);
  EXPECT_FALSE(table.look_up(hop4(1), 5000).known);
  table.learn(hop4(1), kMac.data(), 5001);
  const auto answer = table.look_up(hop4(1), 5002);
  EXPECT_TRUE(answer.known);
  EXPECT_EQ(answer.mac, kMac);
  EXPECT_FALSE(answer.ask);
}

TEST(NeighbourTable, RefreshesAndForgets) {
  NeighbourTable table;
  table.look_up(hop4(1), 1000);
  table.learn(hop4(1), kMac.data(), 1000);
  const auto old = table.look_up(hop4(1), 1000 + NeighbourTable::kRefreshMs);
  EXPECT_TRUE(old.known && old.ask);
  EXPECT_FALSE(table.look_up(hop4(1), 1000 + NeighbourTable::kForgetMs).known);
}

TEST(NeighbourTable, KeepsFamiliesApart) {
  NeighbourTable table;
  table.look_up(hop4(1), 1000);
  table.learn(hop4(1), kMac.data(), 1000);
  NextHop six = hop4(1);
  six.is_ip6 = true;
  EXPECT_FALSE(table.look_up(six, 1001).known);
}

// Addresses that never answer do not push out one that did.
TEST(NeighbourTable, KeepsWhoAnsweredWhenManyAreAskedFor) {
  NeighbourTable table;
  table.look_up(hop4(1), 1000);
  table.learn(hop4(1), kMac.data(), 1000);
  for (std::uint32_t i = 0; i < 50'000; ++i) {
    NextHop hop{.address = {10, 1}};
    crypto::store_be16(hop.address.data() + 2, static_cast<std::uint16_t>(i));
    table.look_up(hop, 2000 + i / 100);
  }
  EXPECT_TRUE(table.look_up(hop4(1), 3000).known);
}

}  // namespace
}  // namespace dp
