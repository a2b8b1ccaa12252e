// Datagrams to a service manager.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "tests/controlplane/scratch_folder.h"
#include "tools/gateway/service_notice.h"

namespace gateway {
namespace {

TEST(ServiceNotice, IsNotSentWhenNobodyAsks) {
  unsetenv("NOTIFY_SOCKET");
  EXPECT_TRUE(notify_service("READY=1"));
}

TEST(ServiceNotice, ReachesTheSocket) {
  const cp::ScratchFolder folder;
  const std::string path = folder.file("notify");
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::ranges::copy(path, address.sun_path);
  ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  setenv("NOTIFY_SOCKET", path.c_str(), 1);
  EXPECT_TRUE(notify_service("READY=1"));
  std::array<char, 32> got{};
  EXPECT_EQ(::recv(fd, got.data(), got.size(), MSG_DONTWAIT), 7);
  EXPECT_STREQ(got.data(), "READY=1");
  ::close(fd);
  EXPECT_FALSE(notify_service("READY=1")) << "nobody listens any more";
  setenv("NOTIFY_SOCKET", "relative", 1);
  EXPECT_FALSE(notify_service("READY=1"));
  setenv("NOTIFY_SOCKET", ("/" + std::string(200, 'a')).c_str(), 1);
  EXPECT_FALSE(notify_service("READY=1"));
  unsetenv("NOTIFY_SOCKET");
}

}  // namespace
}  // namespace gateway
