// How long things live.
#include "controlplane/lifetimes.h"

#include <gtest/gtest.h>

#include "tests/controlplane/psk_test.h"

namespace cp {
namespace {

using Lifetimes = PskTest;

TEST_F(Lifetimes, SpreadRekeysOverATenthOfTheirTime) {
  Plane& plane = rig.plane().plane();
  plane.now = rig.now();
  Connection connection;
  connection.rekey_time_s = 1000;
  connection.over_time_s = 100;
  std::uint64_t least = ~0ull, most = 0;
  for (int i = 0; i < 200; ++i) {
    IkeSa sa;
    set_lifetimes(sa, connection, plane);
    least = std::min(least, sa.rekey_at_ms - rig.now().ms);
    most = std::max(most, sa.rekey_at_ms - rig.now().ms);
    EXPECT_EQ(sa.ends_at_ms, rig.now().ms + 1'100'000);
  }
  EXPECT_GE(least, 900'000u);
  EXPECT_LE(most, 1'000'000u);
  EXPECT_GT(most - least, 50'000u);
}

TEST_F(Lifetimes, EndAtTheLatestWhenTheClientMustAuthenticateAgain) {
  Plane& plane = rig.plane().plane();
  plane.now = rig.now();
  Connection connection;
  connection.rekey_time_s = 0;
  connection.reauth_time_s = 600;
  connection.over_time_s = 60;
  IkeSa sa;
  sa.full_auth_s = rig.now().unix_s - 100;  // resumed: the time before counts (RFC 5723 §6.2)
  set_lifetimes(sa, connection, plane);
  EXPECT_EQ(sa.rekey_at_ms, ExchangeWindow::kNever);
  EXPECT_EQ(sa.ends_at_ms, rig.now().ms + 560'000);
}

TEST_F(Lifetimes, AreEndlessWhereSwitchedOff) {
  Plane& plane = rig.plane().plane();
  Connection connection;
  connection.child_rekey_time_s = connection.child_life_time_s = 0;
  ChildSa child;
  set_lifetimes(child, connection, plane);
  EXPECT_EQ(child.rekey_at_ms, ExchangeWindow::kNever);
  EXPECT_EQ(child.ends_at_ms, ExchangeWindow::kNever);
}

}  // namespace
}  // namespace cp
