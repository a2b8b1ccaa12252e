// Tickets of the control thread.
#include "controlplane/ticket_issuer.h"

#include <gtest/gtest.h>

#include "ike/ticket.h"
#include "tests/controlplane/psk_test.h"

namespace cp {
namespace {

using TicketIssuerOfThePlane = PskTest;

TEST_F(TicketIssuerOfThePlane, GivesATicketThatOpensWithTheKeyring) {
  ASSERT_TRUE(connect());
  ASSERT_FALSE(client.auth_answer.ticket.empty());
  Octets memory(ike::kTicketStateMax);
  ike::TicketState state;
  const auto engine = crypto::make_ossl_engine();
  ASSERT_TRUE(ike::open_ticket(*engine, rig.keys().keyring().current(), client.auth_answer.ticket,
                               memory, state));
  EXPECT_TRUE(std::ranges::equal(state.sk_d, client.keys().sk_d));
  EXPECT_EQ(state.spi_i, client.spi_i);
  EXPECT_EQ(state.spi_r, client.spi_r);
  EXPECT_EQ(state.ip4, client.auth_answer.config.ip4);
  EXPECT_EQ(state.connection, connection_id("rw"));
  EXPECT_EQ(state.full_auth_s, kRigStartS);
}

}  // namespace
}  // namespace cp
