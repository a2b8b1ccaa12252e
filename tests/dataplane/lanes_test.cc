// LaneSet: the algebra of sets of up to 32 lanes, and visiting them in order.
#include "dataplane/lanes.h"

#include <gtest/gtest.h>

#include <vector>

namespace dp {
namespace {

std::vector<unsigned> members(LaneSet set) {
  std::vector<unsigned> out;
  for (unsigned lane : set) out.push_back(lane);
  return out;
}

TEST(LaneSet, FirstCounts) {
  EXPECT_TRUE(LaneSet::first(0).empty());
  EXPECT_EQ(LaneSet::first(1), LaneSet(1));
  EXPECT_EQ(LaneSet::first(31).size(), 31u);
  EXPECT_EQ(LaneSet::first(32).bits(), ~0u);
  EXPECT_EQ(LaneSet::first(32).size(), 32u);
}

TEST(LaneSet, IteratesInOrder) {
  LaneSet set;
  for (unsigned lane : {31u, 0u, 7u, 8u}) set.add(lane);
  EXPECT_EQ(members(set), (std::vector<unsigned>{0, 7, 8, 31}));
  set.remove(7);
  set.remove(7);
  EXPECT_EQ(members(set), (std::vector<unsigned>{0, 8, 31}));
  EXPECT_TRUE(members(LaneSet()).empty());
  EXPECT_EQ(members(LaneSet::first(32)).size(), 32u);
}

TEST(LaneSet, Algebra) {
  const LaneSet a(0b1100), b(0b1010);
  EXPECT_EQ(a | b, LaneSet(0b1110));
  EXPECT_EQ(a & b, LaneSet(0b1000));
  EXPECT_EQ(a - b, LaneSet(0b0100));
  LaneSet c = a;
  c |= b;
  EXPECT_EQ(c, a | b);
  EXPECT_TRUE(a.has(3));
  EXPECT_FALSE(a.has(1));
  EXPECT_TRUE((a - a).empty());
}

}  // namespace
}  // namespace dp
