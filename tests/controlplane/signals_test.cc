// Signals as something to wait for.
#include "controlplane/signals.h"

#include <gtest/gtest.h>
#include <signal.h>

namespace cp {
namespace {

TEST(Signals, AreToldApart) {
  auto signals = Signals::block();
  ASSERT_TRUE(signals);
  EXPECT_EQ(signals->wait(0), Wake::timeout);
  raise(SIGHUP);
  EXPECT_EQ(signals->wait(1000), Wake::reload);
  raise(SIGTERM);
  EXPECT_EQ(signals->wait(1000), Wake::stop);
  raise(SIGINT);
  EXPECT_EQ(signals->wait(1000), Wake::stop);
  EXPECT_EQ(signals->wait(0), Wake::timeout);
}

TEST(Signals, AClosedPipeEndsNobody) {
  const auto signals = Signals::block();
  ASSERT_TRUE(signals);
  raise(SIGPIPE);  // the default would end this program
}

}  // namespace
}  // namespace cp
