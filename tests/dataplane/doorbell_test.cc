// The seam's rings and bell.
#include <gtest/gtest.h>
#include <poll.h>

#include <thread>

#include "dataplane/api/seam.h"

namespace {

bool is_readable(int fd) {
  pollfd p{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&p, 1, 0) == 1;
}

TEST(Doorbell, IsSilentWhileTheControlThreadIsAwake) {
  dp::Doorbell bell;
  bell.ring();
  EXPECT_FALSE(is_readable(bell.fd()));
}

TEST(Doorbell, WakesASleeperOnceAndFallsSilent) {
  dp::Doorbell bell;
  bell.will_sleep();
  bell.ring();
  bell.ring();
  EXPECT_TRUE(is_readable(bell.fd()));
  bell.is_awake();
  EXPECT_FALSE(is_readable(bell.fd()));
  bell.ring();
  EXPECT_FALSE(is_readable(bell.fd()));
}

TEST(SpscRing, TakesAsManyLettersAsItHasCells) {
  dp::SpscRing<int> ring(4);
  for (int i = 0; i < 4; ++i) {
    int* cell = ring.claim();
    ASSERT_NE(cell, nullptr) << i;
    *cell = i;
    ring.publish();
  }
  EXPECT_EQ(ring.claim(), nullptr);
  EXPECT_EQ(ring.size(), 4u);
  ASSERT_NE(ring.peek(), nullptr);
  EXPECT_EQ(*ring.peek(), 0);
  ring.done();
  EXPECT_NE(ring.claim(), nullptr);
}

TEST(SpscRing, ShowsTheLettersBehindTheFirst) {
  dp::SpscRing<int> ring(4);
  EXPECT_EQ(ring.ahead(0), nullptr);
  for (int i = 0; i < 3; ++i) {
    *ring.claim() = i;
    ring.publish();
  }
  EXPECT_EQ(ring.ahead(0), ring.peek());
  EXPECT_EQ(*ring.ahead(2), 2);
  EXPECT_EQ(ring.ahead(3), nullptr);
  ring.done();
  EXPECT_EQ(*ring.ahead(1), 2);
  EXPECT_EQ(ring.ahead(2), nullptr);
}

TEST(SpscRing, KeepsOrderBetweenTwoThreads) {
  dp::SpscRing<std::uint64_t> ring(64);
  constexpr std::uint64_t kCount = 20'000;
  std::thread writer([&] {
    for (std::uint64_t i = 0; i < kCount;) {
      if (std::uint64_t* cell = ring.claim()) {
        *cell = i++;
        ring.publish();
      } else {
        std::this_thread::yield();
      }
    }
  });
  for (std::uint64_t expected = 0; expected < kCount;) {
    if (std::uint64_t* cell = ring.peek()) {
      ASSERT_EQ(*cell, expected);
      ring.done();
      ++expected;
    } else {
      std::this_thread::yield();
    }
  }
  writer.join();
  EXPECT_EQ(ring.peek(), nullptr);
}

}  // namespace
