// Sockets of killed gateways.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>

#include "tests/controlplane/scratch_folder.h"
#include "tools/gateway/stale_socket.h"

namespace gateway {
namespace {

TEST(StaleSocket, KnowsWhatADeviceListensOn) {
  EXPECT_EQ(listening_path("net_vhost0,iface=/run/x.sock"), "/run/x.sock");
  EXPECT_EQ(listening_path("net_vhost0,queues=2,iface=/run/x.sock,client=0"), "/run/x.sock");
  EXPECT_EQ(listening_path("net_vhost0,iface=/run/x.sock,client=1"), "");
  EXPECT_EQ(listening_path("net_virtio_user0,path=/run/x.sock,server=1"), "/run/x.sock");
  EXPECT_EQ(listening_path("net_virtio_user0,path=/run/x.sock"), "");
  EXPECT_EQ(listening_path("net_vhost0"), "");
  EXPECT_EQ(listening_path("0000:3b:00.0"), "");
}

TEST(StaleSocket, RemovesOnlyASocketOnWhichNobodyListens) {
  const cp::ScratchFolder folder;
  const std::string path = folder.file("x.sock");
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::ranges::copy(path, address.sun_path);
  ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(fd, 1), 0);
  EXPECT_FALSE(remove_stale_socket(path));
  EXPECT_TRUE(std::filesystem::exists(path));
  ::close(fd);
  EXPECT_TRUE(remove_stale_socket(path));
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_FALSE(remove_stale_socket(path));
}

TEST(StaleSocket, LeavesOtherFilesAlone) {
  const cp::ScratchFolder folder;
  EXPECT_FALSE(remove_stale_socket(folder.write("file", "text")));
  EXPECT_FALSE(remove_stale_socket(folder.path()));
  EXPECT_FALSE(remove_stale_socket(""));
  EXPECT_FALSE(remove_stale_socket(std::string(200, 'a')));
  EXPECT_EQ(folder.read("file"), "text");
}

}  // namespace
}  // namespace gateway
