// Whose turn it is to be called back.
#include "controlplane/recalls.h"

#include <gtest/gtest.h>

namespace cp {
namespace {

Recall recall(std::uint64_t spi, unsigned worker = 0) { return {worker, ike::IkeSpi(spi)}; }

TEST(Recalls, CallEachOnceInTheirOrder) {
  Recalls recalls;
  recalls.add(recall(5, 1));
  recalls.add(recall(4));
  recalls.add(recall(5, 1));
  EXPECT_EQ(recalls.next(1000, 0), recall(5, 1));
  EXPECT_EQ(recalls.next(1000, 0), recall(4));
  EXPECT_EQ(recalls.next(1000, 0), std::nullopt);
  EXPECT_EQ(recalls.called(), 2u);
  EXPECT_TRUE(recalls.came(ike::IkeSpi(4)));
  EXPECT_FALSE(recalls.came(ike::IkeSpi(4)));
  EXPECT_FALSE(recalls.came(ike::IkeSpi(6)));
}

TEST(Recalls, WaitWhileTooManyAreUnderWay) {
  Recalls recalls;
  for (std::uint64_t spi = 1; spi <= kRecallsMax + 1; ++spi) recalls.add(recall(spi));
  for (std::uint64_t spi = 1; spi <= kRecallsMax - 10; ++spi)
    ASSERT_EQ(recalls.next(1000, 10), recall(spi));
  EXPECT_EQ(recalls.next(1000, 10), std::nullopt);
  EXPECT_EQ(recalls.waiting(), 11u);
  EXPECT_TRUE(recalls.came(ike::IkeSpi(1)));
  EXPECT_EQ(recalls.next(1000, 11), std::nullopt);
  EXPECT_EQ(recalls.next(1000, 10), recall(kRecallsMax - 9));
}

TEST(Recalls, RepeatAndGiveUp) {
  Recalls recalls;
  recalls.add(recall(1));
  recalls.add(recall(2));
  std::uint64_t now = 1000;
  EXPECT_EQ(recalls.next(now, 0), recall(1));
  EXPECT_EQ(recalls.next(now, 0), recall(2));
  EXPECT_TRUE(recalls.came(ike::IkeSpi(2)));
  for (unsigned tries = 1; tries < kRecallTries; ++tries) {
    EXPECT_EQ(recalls.next(now + kRecallAgainMs - 1, 0), std::nullopt);
    now += kRecallAgainMs;
    EXPECT_EQ(recalls.next(now, 0), recall(1));
    EXPECT_EQ(recalls.next(now, 0), std::nullopt);
  }
  EXPECT_EQ(recalls.lost(), 0u);
  EXPECT_EQ(recalls.next(now + kRecallAgainMs, 0), std::nullopt);
  EXPECT_EQ(recalls.lost(), 1u);
  EXPECT_EQ(recalls.called(), 0u);
}

}  // namespace
}  // namespace cp
