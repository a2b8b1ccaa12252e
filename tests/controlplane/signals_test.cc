// Signals as something to wait for.
#include "controlplane/signals.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>

namespace cp {
namespace {

TEST(Signals, AreToldApart) {
  auto signals = Signals::block();
  ASSERT_TRUE(signals);
  EXPECT_EQ(signals->take(), Wake::timeout);
  raise(SIGHUP);
  pollfd waiting{.fd = signals->fd(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&waiting, 1, 1000), 1);
  EXPECT_EQ(signals->take(), Wake::reload);
  raise(SIGTERM);
  EXPECT_EQ(signals->take(), Wake::stop);
  raise(SIGINT);
  EXPECT_EQ(signals->take(), Wake::stop);
  EXPECT_EQ(signals->take(), Wake::timeout);
}

TEST(Signals, AClosedPipeEndsNobody) {
  const auto signals = Signals::block();
  ASSERT_TRUE(signals);
  raise(SIGPIPE);  // the default would end this program
}

}  // namespace
}  // namespace cp
