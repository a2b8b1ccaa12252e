// NeighbourQueue: its limits, and who is visited.
#include "dataplane/neighbour_queue.h"

#include <gtest/gtest.h>

namespace dp {
namespace {

NextHop hop(std::uint8_t last) { return {.address = {10, 0, 0, last}}; }

TEST(NeighbourQueue, HoldsFewForEachHopAndFewAtAll) {
  NeighbourQueue queue;
  EXPECT_TRUE(queue.empty());
  for (unsigned i = 0; i < NeighbourQueue::kPerHop; ++i) EXPECT_TRUE(queue.add({}, {}, hop(1), 1));
  EXPECT_FALSE(queue.add({}, {}, hop(1), 1));
  EXPECT_TRUE(queue.add({}, {}, {.is_ip6 = true, .address = hop(1).address}, 1)) << "another hop";
  unsigned held = NeighbourQueue::kPerHop + 1;
  for (std::uint8_t last = 2; held < NeighbourQueue::kSize; ++last, ++held)
    EXPECT_TRUE(queue.add({}, {}, hop(last), 1));
  EXPECT_FALSE(queue.add({}, {}, hop(250), 1));
}

TEST(NeighbourQueue, KeepsTheOrderOfThoseThatStay) {
  NeighbourQueue queue;
  for (std::uint8_t last = 1; last <= 3; ++last) EXPECT_TRUE(queue.add({}, {}, hop(last), 5));
  std::vector<unsigned> seen;
  const auto look = [&](NeighbourQueue::Waiting& one) {
    seen.push_back(one.hop.address[3]);
    return one.hop.address[3] == 2;
  };
  queue.visit(7, look);
  EXPECT_EQ(seen, (std::vector<unsigned>{1, 2, 3}));
  queue.visit(7, look);
  EXPECT_EQ(seen.size(), 3u) << "once in a millisecond";
  queue.visit(8, look);
  EXPECT_EQ(seen, (std::vector<unsigned>{1, 2, 3, 1, 3}));
  EXPECT_FALSE(queue.empty());
}

}  // namespace
}  // namespace dp
