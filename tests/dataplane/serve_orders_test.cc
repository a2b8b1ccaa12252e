// serve_orders: messages of the control thread go out along their path, a bounded number per burst.
#include <gtest/gtest.h>

#include "dataplane/frame.h"
#include "tests/support/gateway_probe.h"

namespace dp {
namespace {

using rig::GatewayProbe;
using rig::Octets;
using rig::Reaction;

TEST(ServeOrders, SendsAMessageAlongItsPath) {
  GatewayProbe probe;
  for (const bool is_ip6 : {false, true}) {
    for (const std::uint16_t port : {kIkePort, kNatPort}) {
      SCOPED_TRACE(testing::Message() << is_ip6 << " " << port);
      probe.path.is_ip6 = is_ip6;
      probe.path.destination_port = port;
      probe.path.source_port = 6001;
      const Octets message = {1, 2, 3, 4, 5, 6, 7};
      probe.order({.message = message});
      const Reaction reaction = probe.run();
      ASSERT_EQ(reaction.packets.size(), 1u) << reaction.describe();
      const Packet& packet = reaction.packets[0];
      EXPECT_EQ(packet.ike, message);
      EXPECT_EQ(packet.marker, port == 4500);
      EXPECT_EQ(packet.destination_mac, probe.path.source_mac);
      EXPECT_EQ(packet.source_port, port);
      EXPECT_EQ(packet.destination_port, 6001);
    }
  }
  EXPECT_EQ(probe.gateway.sum(&WorkerCounters::orders), 4u);
  EXPECT_EQ(probe.gateway.sum(&WorkerCounters::transmitted), 4u);
  EXPECT_EQ(probe.gateway.sum(&WorkerCounters::tx_packets), 4u);
  EXPECT_EQ(probe.complaint(), "");
}

TEST(ServeOrders, FragmentsWhatTheLinkDoesNotTake) {
  GatewayProbe probe;
  probe.order({.message = Octets(kSeamMessageMax, 7)});
  probe.order({.message = Octets(100, 7)});
  probe.gateway.run();
  EXPECT_EQ(probe.gateway.port().take_sent().size(), 7u + 1);
  EXPECT_EQ(probe.gateway.sum(&WorkerCounters::transmitted), 2u);
  EXPECT_EQ(probe.complaint(), "");
}

// Letters are served in order, some per burst; none is lost when many wait.
TEST(ServeOrders, ServesABoundedNumberPerBurst) {
  GatewayProbe probe;
  for (unsigned i = 0; i < 100; ++i) probe.order({.message = {static_cast<std::uint8_t>(i), 1, 2}});
  std::vector<std::uint8_t> seen;
  for (unsigned burst = 0; burst < 4; ++burst) {
    probe.gateway.worker().run_once(probe.gateway.now);
    EXPECT_LE(probe.gateway.port().counts().transmitted, 32u * (burst + 1));
    for (const Octets& frame : probe.gateway.port().take_sent())
      seen.push_back(read_packet(frame).value().ike.at(0));
  }
  ASSERT_EQ(seen.size(), 100u);
  for (unsigned i = 0; i < 100; ++i) EXPECT_EQ(seen[i], i);
  EXPECT_TRUE(probe.gateway.conserved());
}

TEST(ServeOrders, CountsWhatDoesNotGoOut) {
  GatewayProbe probe;
  probe.gateway.port().set_transmit_room(0);
  probe.order({.message = {1}});
  EXPECT_EQ(probe.run().drop(), Drop::tx_full);
  probe.gateway.port().set_transmit_room(FakePort::kUnlimited);
  EXPECT_EQ(probe.complaint(), "");

  // So small a link that the longest message would take more fragments than we send.
  GatewayProbe narrow({.link = [](Link& link) { link.mtu = 300; }});
  narrow.order({.message = Octets(kSeamMessageMax, 1)});
  EXPECT_EQ(narrow.run().drop(), Drop::reply_too_large);
  EXPECT_TRUE(narrow.gateway.conserved());
}

}  // namespace
}  // namespace dp
