// Clocks and periods.
#include "controlplane/control_time.h"

#include <gtest/gtest.h>

namespace cp {
namespace {

TEST(ControlTime, MonotonicTimeDoesNotGoBack) {
  const Time a = time_now();
  const Time b = time_now();
  EXPECT_GE(b.ms, a.ms);
  EXPECT_GT(b.unix_s, 1'600'000'000u);
}

TEST(Periodic, IsDueOncePerPeriod) {
  Periodic periodic(100);
  EXPECT_FALSE(periodic.is_due(1000));
  EXPECT_FALSE(periodic.is_due(1099));
  EXPECT_TRUE(periodic.is_due(1100));
  EXPECT_FALSE(periodic.is_due(1101));
  EXPECT_TRUE(periodic.is_due(5000));
  EXPECT_FALSE(periodic.is_due(5099));
  Periodic never(0);
  EXPECT_FALSE(never.is_due(1));
  EXPECT_FALSE(never.is_due(1'000'000));
}

}  // namespace
}  // namespace cp
