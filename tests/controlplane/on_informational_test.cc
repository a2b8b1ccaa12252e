// INFORMATIONAL from the client.
#include <gtest/gtest.h>

#include "controlplane/handlers.h"
#include "tests/controlplane/psk_test.h"

namespace cp {
namespace {

using OnInformational = PskTest;

TEST_F(OnInformational, AnswersLiveness) {
  ASSERT_TRUE(connect());
  const auto opened = ask(client.empty_request(ike::Exchange::informational));
  ASSERT_TRUE(opened.ok);  // RFC 7296 §2.4
  EXPECT_TRUE(opened.inner.empty());
}

TEST_F(OnInformational, DeletesAChildAndNamesItsPair) {
  ASSERT_TRUE(connect());
  const auto opened = ask(client.delete_child(client.child_in));
  ASSERT_TRUE(opened.ok);
  ike::Informational answer;
  ike::PayloadType offending;
  ASSERT_EQ(ike::parse_informational(opened.first, opened.inner, answer, offending),
            ike::ParseError::none);
  ASSERT_EQ(answer.deleted_esp_count, 1u);  // RFC 7296 §1.4.1
  EXPECT_EQ(answer.deleted_esp[0], client.child_out);
  EXPECT_TRUE(rig.sa(client.spi_r)->children.empty());
  EXPECT_EQ(rig.orders.back().kind, dp::OrderKind::remove_child);
}

TEST_F(OnInformational, DeletesTheSaAndFreesWhatItHad) {
  ASSERT_TRUE(connect());
  EXPECT_EQ(rig.workers().leases().held4(), 1u);
  const auto opened = ask(client.delete_ike());
  ASSERT_TRUE(opened.ok);
  EXPECT_TRUE(opened.inner.empty());
  EXPECT_EQ(rig.sas().size(), 0u);
  EXPECT_EQ(rig.workers().leases().held4(), 0u);
}

TEST_F(OnInformational, FollowsMobikeToAnotherAddress) {
  client.mobike = true;
  ASSERT_TRUE(connect());
  ASSERT_TRUE(client.auth_answer.mobike_supported);
  const dp::PeerPath other = rig_path(4500, 99);
  // RFC 4555 §3.5: an ordinary message from elsewhere is answered there and moves nothing.
  rig.exchange(client.empty_request(ike::Exchange::informational), other);
  EXPECT_EQ(rig.sent.back().path, other);
  EXPECT_EQ(rig.sa(client.spi_r)->path, path);
  Octets inner(64);
  crypto::ByteWriter writer(inner);
  ike::ChainBuilder chain(writer);
  ike::write_informational(chain, {.update_sa_addresses = true});
  inner.resize(writer.size());
  const auto opened = client.open(
      rig.exchange(client.request(ike::Exchange::informational, chain.first_type(), inner), other));
  EXPECT_EQ(client.error_of(opened), 0);
  EXPECT_EQ(rig.sa(client.spi_r)->path, other);
  EXPECT_EQ(rig.orders.back().kind, dp::OrderKind::move_child);
}

TEST_F(OnInformational, GivesATicketOnDemand) {  // R5723-10
  client.ticket_request = false;
  ASSERT_TRUE(connect());
  const auto opened = ask(client.request(ike::Exchange::informational, ike::PayloadType::notify,
                                         {0, 0, 0, 8, 0, 0, 0x40, 0x1a}));
  ASSERT_TRUE(opened.ok);
  EXPECT_FALSE(informational(opened).ticket.empty());
  EXPECT_EQ(rig.counters().tickets, 1u);
  EXPECT_NE(rig.sa(client.spi_r)->serial.value(), 0u);
}

class OnDeletion : public PskTest {
 protected:
  OnDeletion() : PskTest(revoking()) {}
  static std::string revoking() {
    std::string text = kPskForAll;
    return text.insert(text.find("proposals"), "revoke_tickets_on_delete = true\n");
  }
};

TEST_F(OnDeletion, TheTicketDiesWherePolicySaysSo) {  // R5723-89
  ASSERT_TRUE(connect());
  const ike::IssuerId issuer = rig.sa(client.spi_r)->issuer;
  const ike::TicketSerial serial = rig.sa(client.spi_r)->serial;
  ASSERT_NE(serial.value(), 0u);
  ASSERT_TRUE(ask(client.delete_ike()).ok);
  EXPECT_EQ(rig.counters().tickets_revoked, 1u);
  EXPECT_FALSE(rig.workers().spend_ticket(issuer, serial));  // it is spent already
}

}  // namespace
}  // namespace cp
