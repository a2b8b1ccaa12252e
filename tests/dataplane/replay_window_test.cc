// ReplayWindow: RFC 4303 §3.4.3 and appendix A, against a plain set of numbers.
#include "dataplane/replay_window.h"

#include <gtest/gtest.h>

#include <set>

#include "crypto/random.h"

namespace dp {
namespace {

TEST(ReplayWindow, RefusesNumberZero) {
  ReplayWindow w;
  EXPECT_FALSE(w.may_come(0));
  EXPECT_FALSE(w.take(0));
}

TEST(ReplayWindow, TakesEachNumberOnce) {
  ReplayWindow w;
  EXPECT_TRUE(w.take(1));
  EXPECT_FALSE(w.take(1));
  EXPECT_TRUE(w.take(3));
  EXPECT_TRUE(w.take(2));
  EXPECT_FALSE(w.take(2));
  EXPECT_EQ(w.top(), 3u);
}

TEST(ReplayWindow, IsExactly1024Wide) {
  ReplayWindow w;
  ASSERT_TRUE(w.take(5000));
  EXPECT_FALSE(w.may_come(5000 - 1024));
  EXPECT_TRUE(w.take(5000 - 1023));
  EXPECT_FALSE(w.take(5000 - 1023));
}

TEST(ReplayWindow, AgreesWithAPlainSet) {
  ReplayWindow w;
  std::set<std::uint64_t> seen;
  std::uint64_t top = 0;
  crypto::Random random(5);
  for (unsigned i = 0; i < 200'000; ++i) {
    std::uint64_t n = 0;
    switch (random.below(8)) {
      case 0:
        n = top + random.below(3000);
        break;
      case 1:
        n = top + 1 + random.below(130);
        break;
      default:
        n = top + 40 > 1100 ? top + 40 - random.below(1100) : random.below(100);
    }
    const bool expected = n != 0 && !seen.contains(n) && (n > top || top - n < ReplayWindow::kSize);
    ASSERT_EQ(w.may_come(n), expected) << n << " top " << top;
    ASSERT_EQ(w.take(n), expected);
    if (expected) {
      seen.insert(n);
      top = std::max(top, n);
    }
    if (seen.size() > 5000) seen.erase(seen.begin(), seen.lower_bound(top - 2000));
  }
}

// RFC 4303 appendix A2.2.
TEST(ReplayWindow, GuessesTheHighHalf) {
  ReplayWindow w;
  EXPECT_EQ(w.full(7, true), 7u);
  EXPECT_EQ(w.full(0xffff'ffff, true), 0u) << "before the first: none";
  w.reset(0xffff'fff0);
  EXPECT_EQ(w.full(0xffff'fff1, true), 0xffff'fff1u);
  EXPECT_EQ(w.full(5, true), 0x1'0000'0005u) << "wrapped";
  w.reset(0x1'0000'0005);
  EXPECT_EQ(w.full(0xffff'fff0, true), 0xffff'fff0u) << "before the wrap";
  EXPECT_EQ(w.full(6, true), 0x1'0000'0006u);
  w.reset(0x3'8000'0000);
  EXPECT_EQ(w.full(0x8000'0001, true), 0x3'8000'0001u);
  EXPECT_EQ(w.full(0x7fff'ff00, true), 0x3'7fff'ff00u);
  EXPECT_EQ(w.full(0x7fff'0000, true), 0x4'7fff'0000u) << "left of the window: the next round";
  EXPECT_EQ(w.full(9, false), 9u);
}

}  // namespace
}  // namespace dp
