// SourceLimits: prefixes, budgets at their limit and one beyond, and recovery.
#include "dataplane/source_limits.h"

#include <gtest/gtest.h>

namespace dp {
namespace {

constexpr std::uint64_t kSecret = 99;

Path ip4(std::uint8_t third, std::uint8_t last) {
  Path path;
  path.source = {198, 51, third, last};
  return path;
}

Path ip6(std::uint8_t seventh, std::uint8_t eighth, std::uint8_t last) {
  Path path;
  path.is_ip6 = true;
  path.source = {0x20, 0x01, 0x0d, 0xb8, 0, 0, seventh, eighth, 0, 0, 0, 0, 0, 0, 0, last};
  return path;
}

TEST(SourceLimits, TakesIp4By24AndIp6By56) {
  const SourceLimits limits(1, 1, kSecret);
  EXPECT_EQ(limits.prefix_bucket(ip4(100, 1)), limits.prefix_bucket(ip4(100, 255)));
  EXPECT_NE(limits.prefix_bucket(ip4(100, 1)), limits.prefix_bucket(ip4(101, 1)));
  EXPECT_EQ(limits.prefix_bucket(ip6(1, 2, 3)), limits.prefix_bucket(ip6(1, 99, 98)));
  EXPECT_NE(limits.prefix_bucket(ip6(1, 2, 3)), limits.prefix_bucket(ip6(2, 2, 3)));
}

TEST(SourceLimits, ChoosesBucketsBySecret) {
  EXPECT_NE(SourceLimits(1, 1, 1).prefix_bucket(ip4(1, 1)),
            SourceLimits(1, 1, 2).prefix_bucket(ip4(1, 1)));
}

TEST(SourceLimits, RefusesHalfOpensAboveTheLimitUntilOneLeaves) {
  SourceLimits limits(3, 1, kSecret);
  const std::uint32_t bucket = limits.prefix_bucket(ip4(1, 1));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limits.enter(bucket));
  EXPECT_FALSE(limits.enter(bucket));
  EXPECT_TRUE(limits.enter(limits.prefix_bucket(ip4(2, 1))));
  limits.leave(bucket);
  EXPECT_TRUE(limits.enter(bucket));
  EXPECT_FALSE(limits.enter(bucket));
}

TEST(SourceLimits, HasNoHalfOpenLimitAtZero) {
  SourceLimits limits(0, 1, kSecret);
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(limits.enter(7));
  for (int i = 0; i < 1000; ++i) limits.leave(7);
}

TEST(SourceLimitsDeathTest, StopsAtALeaveWithoutEnter) {
  SourceLimits limits(1, 1, kSecret);
  EXPECT_DEATH(limits.leave(7), "invariant broken");
}

TEST(SourceLimits, GivesABurstOfAnswersAndThenTheRate) {
  SourceLimits limits(1, 80, kSecret);
  Now now{.ms = 1000000, .unix_s = 0};
  for (int i = 0; i < 80; ++i) EXPECT_TRUE(limits.may_answer(ip4(1, 1), now)) << i;
  EXPECT_FALSE(limits.may_answer(ip4(1, 1), now));
  EXPECT_TRUE(limits.may_answer(ip4(1, 2), now)) << "each address has its own budget";
  now.ms += 250;
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(limits.may_answer(ip4(1, 1), now)) << i;
  EXPECT_FALSE(limits.may_answer(ip4(1, 1), now));
  now.ms += 3600000;
  for (int i = 0; i < 80; ++i) EXPECT_TRUE(limits.may_answer(ip4(1, 1), now)) << i;
  EXPECT_FALSE(limits.may_answer(ip4(1, 1), now));
}

// Asking in every eighth of a second must not round the refill away.
TEST(SourceLimits, KeepsARateBelowEightASecond) {
  SourceLimits limits(1, 1, kSecret);
  int given = 0;
  for (std::uint64_t ms = 0; ms < 10000; ms += 125)
    given += limits.may_answer(ip4(1, 1), {.ms = ms, .unix_s = 0}) ? 1 : 0;
  EXPECT_EQ(given, 10);
}

TEST(SourceLimits, AnswersNothingAtRateZero) {
  SourceLimits limits(1, 0, kSecret);
  EXPECT_FALSE(limits.may_answer(ip4(1, 1), {.ms = 5000, .unix_s = 0}));
}

TEST(SourceLimits, TakesTheLargestRate) {
  SourceLimits limits(1, 0xffffffff, kSecret);
  for (int i = 0; i < 1000; ++i)
    EXPECT_TRUE(limits.may_answer(ip4(1, 1), {.ms = 5000, .unix_s = 0}));
}

}  // namespace
}  // namespace dp
