// Ends of a path as text.
#include "controlplane/path_text.h"

#include <gtest/gtest.h>

namespace cp {
namespace {

TEST(PathText, ShowsAddressAndPortOfBothEnds) {
  dp::PeerPath path;
  path.peer = {198, 51, 100, 7};
  path.local = {192, 0, 2, 1};
  path.peer_port = 4500;
  path.local_port = 500;
  EXPECT_EQ(peer_text(path), "198.51.100.7[4500]");
  EXPECT_EQ(local_text(path), "192.0.2.1[500]");
  path.is_ip6 = true;
  path.peer = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7};
  EXPECT_EQ(peer_text(path), "2001:db8::7[4500]");
}

}  // namespace
}  // namespace cp
