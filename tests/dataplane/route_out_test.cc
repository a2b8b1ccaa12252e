// route_out: the SA that has the address now, on this worker.
#include <gtest/gtest.h>

#include "tests/support/esp_peer.h"

namespace dp {
namespace {

using rig::EspProbe;
using rig::Octets;
using rig::Tunnel;

// The route follows an address from the session that had it to the one that took it over.
TEST(RouteOut, LeadsToWhoHasTheAddressNow) {
  EspProbe probe;
  Tunnel first = probe.tunnel(), other = probe.tunnel();
  PacketBuilder b;
  std::ranges::copy(other.ip4, b.source4.begin());
  std::ranges::copy(first.ip4, b.destination4.begin());
  const Octets frame = b.echo_request(Octets(8));
  const Octets packet(frame.begin() + 14, frame.end());
  auto reaction = probe.send_esp(other, other.peer.seal(packet)).reaction;
  ASSERT_EQ(reaction.packets.size(), 1u);
  EXPECT_TRUE(first.peer.open(reaction.packets[0].l4).has_value());

  rig::EspPeer newer = probe.install(first, 2, {.we_initiated = true});
  reaction = probe.send_esp(other, other.peer.seal(packet)).reaction;
  ASSERT_EQ(reaction.packets.size(), 1u);
  EXPECT_TRUE(newer.open(reaction.packets[0].l4).has_value());
}

}  // namespace
}  // namespace dp
