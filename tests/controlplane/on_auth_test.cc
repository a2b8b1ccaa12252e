// IKE_AUTH with a PSK.
#include <gtest/gtest.h>

#include "controlplane/handlers.h"
#include "tests/controlplane/psk_test.h"

namespace cp {
namespace {

using OnAuth = PskTest;

TEST_F(OnAuth, ConnectsWithAPsk) {
  ASSERT_TRUE(connect());
  const IkeSa& sa = *rig.sa(client.spi_r);
  EXPECT_EQ(sa.connection, "rw");
  EXPECT_EQ(rig.counters().handshakes, 1u);
  ASSERT_EQ(sa.children.size(), 1u);
  EXPECT_EQ(sa.children[0].spi_out, client.child_in);
  EXPECT_EQ(sa.children[0].spi_in, client.child_out);
  ASSERT_TRUE(client.auth_answer.has_config);
  EXPECT_EQ(client.auth_answer.config.ip4, sa.ip4);
  // RFC 7296 §2.8: the worker has the Child SA before the peer can use it.
  ASSERT_EQ(rig.orders.size(), 1u);
  EXPECT_EQ(rig.orders[0].kind, dp::OrderKind::install_child);
  EXPECT_EQ(rig.orders[0].child_in, client.child_out);
}

TEST_F(OnAuth, RefusesAWrongPskWithNothingButTheNotify) {
  client.psk = {'w', 'r', 'o', 'n', 'g'};
  ASSERT_TRUE(init());
  const auto opened = ask(client.auth());  // RFC 7296 §2.21.2
  ASSERT_TRUE(opened.ok);
  EXPECT_EQ(client.error_of(opened), number(ike::Notify::authentication_failed));
  EXPECT_EQ(rig.sa(client.spi_r), nullptr);
  EXPECT_EQ(rig.counters().auth_failed, 1u);
  EXPECT_EQ(rig.workers().leases().held4(), 0u);
}

}  // namespace
}  // namespace cp
