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

// R5723-69. OpenSSL of Debian 12 has no ML-KEM, so the SA is marked here.
TEST_F(TicketIssuerOfThePlane, MarksTicketsOfSasThatHadMlKem) {
  ASSERT_TRUE(connect());
  EXPECT_FALSE(rig.sa(client.spi_r)->post_quantum);
  const auto is_marked = [&](crypto::Bytes ticket) {
    Octets memory(ike::kTicketStateMax);
    ike::TicketState state;
    EXPECT_TRUE(
        ike::open_ticket(client.engine(), rig.keys().keyring().current(), ticket, memory, state));
    return state.flags.post_quantum;
  };
  EXPECT_FALSE(is_marked(client.auth_answer.ticket));
  rig.sa(client.spi_r)->post_quantum = true;
  const auto rekeyed = ask(client.rekey_ike(ike::IkeSpi(0x42)));
  ike::CreateChildAnswer answer;
  ASSERT_EQ(ike::parse_create_child_answer(rekeyed.first, rekeyed.inner, answer),
            ike::ParseError::none);
  EXPECT_TRUE(is_marked(answer.ticket));
  ASSERT_TRUE(client.take_rekey_ike(rekeyed));
  EXPECT_TRUE(rig.sa(client.spi_r)->post_quantum);
}

TEST(TicketIssuer, GivesNoneThatWorkersWouldRefuse) {
  PlaneRig rig{std::string(kPskForAll)};
  dp::TicketConfig config{.require_post_quantum = true};
  crypto::Random random(1);
  const auto engine = crypto::make_ossl_engine();
  TicketIssuer issuer(rig.workers(), rig.keys(), *engine, random, config);
  const Octets sk_d(32, 1), id = {2, 0, 0, 0, 'c'};
  TicketIssuer::Subject subject{.peer_spi = ike::IkeSpi(1),
                                .our_spi = ike::IkeSpi(2),
                                .suite = {},
                                .sk_d = sk_d,
                                .peer_id = id,
                                .own_id = id,
                                .full_auth_s = kRigStartS};
  EXPECT_TRUE(issuer.issue(subject, kRigStartS).ticket.empty());
  subject.post_quantum = true;
  EXPECT_FALSE(issuer.issue(subject, kRigStartS).ticket.empty());
}

}  // namespace
}  // namespace cp
