// The timer wheel against a sorted list of deadlines.
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <random>

#include "tools/storm/timer_wheel.h"

namespace storm {
namespace {

constexpr std::uint64_t kTick = TimerWheel::kTickNs;

TEST(TimerWheel, ReportsNothingEarlyAndEverythingWithinATick) {
  constexpr std::uint32_t kPlaces = 500;
  TimerWheel wheel(kPlaces);
  std::map<std::uint32_t, std::uint64_t> due;
  std::mt19937_64 random(5);
  std::uint64_t now = 123'456'789'000;
  std::array<std::uint32_t, 7> out;
  EXPECT_EQ(wheel.expire(now, out), 0u);
  for (int step = 0; step < 20000; ++step) {
    const auto place = static_cast<std::uint32_t>(random() % kPlaces);
    if (random() % 4 == 0) {
      wheel.disarm(place);
      due.erase(place);
    } else {
      due[place] = now + random() % (3 * TimerWheel::kBuckets * kTick);
      wheel.arm(place, due[place]);
    }
    now += random() % (4 * kTick);
    while (const std::size_t count = wheel.expire(now, out)) {
      for (std::size_t i = 0; i < count; ++i) {
        ASSERT_EQ(due.count(out[i]), 1u);
        ASSERT_LE(due[out[i]], now);
        due.erase(out[i]);
      }
    }
    for (const auto& [waiting, at] : due) ASSERT_GT(at + kTick, now) << waiting;
  }
}

TEST(TimerWheel, SurvivesAClockThatJumps) {
  TimerWheel wheel(4);
  std::array<std::uint32_t, 4> out;
  for (std::uint32_t i = 0; i < 4; ++i) wheel.arm(i, i * 2000 * kTick);
  EXPECT_EQ(wheel.expire(1'000'000 * kTick, out), 4u);
  wheel.arm(2, 5 * kTick);  // long over
  EXPECT_EQ(wheel.expire(1'000'001 * kTick, out), 1u);
  EXPECT_EQ(out[0], 2u);
}

}  // namespace
}  // namespace storm
