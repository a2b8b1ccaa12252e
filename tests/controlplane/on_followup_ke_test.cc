// IKE_FOLLOWUP_KE from the client: rekeys with several key exchanges. RFC 9370 §2.2.4.
#include <gtest/gtest.h>

#include <memory>

#include "controlplane/handlers.h"
#include "ike/ticket.h"
#include "tests/controlplane/psk_test.h"

namespace cp {
namespace {

// Of the Child SA: what IKE proposals say, or less.
constexpr const char* kHybrid =
    "[connections.rw]\nproposals = ['aes256gcm16-prfsha256-x25519-ke1_ecp256-ke2_none-ke2_ecp384',"
    " 'aes256gcm16-prfsha256-x25519']\n"
    "[connections.rw.local]\nauth = 'psk'\nid = 'gw.example.org'\n"
    "[connections.rw.remote]\nauth = 'psk'\n"
    "[secrets.ike-all]\nsecret = 'secret'\n";

class OnFollowupKe : public PskTest {
 protected:
  OnFollowupKe() : PskTest(kHybrid) {
    one.set(0, ike::KeId::ecp_256);
    two = one;
    two.set(1, ike::KeId::ecp_384);
  }
  // CREATE_CHILD_SA for the client's Child SA, which waits for more.
  bool begin_child(const ike::AdditionalKes& kes, std::uint32_t spi = 0xc0ffee02) {
    return client.take_create_child(
        ask(client.rekey_child(client.child_in, ike::EspSpi(spi), ike::KeId::curve25519, kes)),
        ike::Protocol::esp);
  }
  bool follow() { return client.take_followup(ask(client.followup())); }
  std::uint16_t error(const Octets& request) { return client.error_of(ask(request)); }
  IkeSa& sa() { return *rig.sa(client.spi_r); }
  // Its keys are on the way to the worker.
  void expect_child() {
    ASSERT_EQ(sa().children.size(), 2u);
    EXPECT_TRUE(sa().children[0].replaced);
    EXPECT_EQ(sa().children[1].spi_out, ike::EspSpi(0xc0ffee02));
    EXPECT_EQ(sa().pending_ke, nullptr);
    const Octets keymat = client.child_keymat();
    EXPECT_TRUE(
        std::ranges::equal(crypto::Bytes(rig.orders.back().keymat).first(keymat.size()), keymat));
  }

  ike::AdditionalKes one, two;
};

TEST_F(OnFollowupKe, RekeysAChildWithTwoKeyExchanges) {
  ASSERT_TRUE(connect());
  ASSERT_TRUE(begin_child(one));
  EXPECT_EQ(sa().children.size(), 1u);  // nothing is there before the last one
  EXPECT_EQ(rig.orders.size(), 1u);
  ASSERT_TRUE(follow());
  expect_child();
  EXPECT_EQ(rig.counters().followup_kes, 1u);
}

TEST_F(OnFollowupKe, RekeysAChildWithThree) {
  ASSERT_TRUE(connect());
  ASSERT_TRUE(begin_child(two));
  const Octets link = client.kes.link;
  ASSERT_TRUE(follow());
  EXPECT_NE(client.kes.link, link);
  EXPECT_EQ(sa().children.size(), 1u);
  // What else is said meanwhile changes nothing.
  ASSERT_TRUE(ask(client.empty_request(ike::Exchange::informational)).ok);
  ASSERT_TRUE(follow());
  expect_child();
}

TEST_F(OnFollowupKe, RekeysTheIkeSaAndGivesItsTicketAtTheEnd) {
  ASSERT_TRUE(connect());
  const ike::IkeSpi old = client.spi_r;
  client.suites[0].additional = two;
  ASSERT_TRUE(client.take_create_child(ask(client.rekey_ike(ike::IkeSpi(0x1122334455667788))),
                                       ike::Protocol::ike));
  ASSERT_TRUE(follow());
  EXPECT_EQ(sa().state, SaState::established);
  const auto last = ask(client.followup());
  ASSERT_TRUE(client.take_followup(last));
  EXPECT_EQ(rig.sa(old)->state, SaState::replaced);
  client.go_on_with_chain();
  const IkeSa* fresh = rig.sa(client.spi_r);
  ASSERT_NE(fresh, nullptr);
  EXPECT_EQ(fresh->children.size(), 1u);
  EXPECT_TRUE(std::ranges::equal(fresh->keys().sk_d, client.keys().sk_d));
  EXPECT_TRUE(ask(client.empty_request(ike::Exchange::informational)).ok);
  // RFC 5723 §4.1: SK_d of the new SA.
  ike::CreateChildAnswer answer;
  static_cast<void>(ike::parse_create_child_answer(last.first, last.inner, answer));
  Octets memory(ike::kTicketStateMax);
  ike::TicketState ticket;
  ASSERT_TRUE(ike::open_ticket(client.engine(), rig.keys().keyring().current(), answer.ticket,
                               memory, ticket));
  EXPECT_TRUE(std::ranges::equal(ticket.sk_d, client.keys().sk_d));
}

TEST_F(OnFollowupKe, KnowsNothingOfAnotherLink) {  // STATE_NOT_FOUND
  ASSERT_TRUE(connect());
  client.kes.suite.additional = one;
  client.kes.next_ke = 0;
  client.kes.link = {1, 2, 3};
  EXPECT_EQ(error(client.followup()), number(ike::Notify::state_not_found)) << "unasked";
  ASSERT_TRUE(begin_child(one));
  const Octets link = client.kes.link;
  client.kes.link.back() ^= 1;
  EXPECT_EQ(error(client.followup()), number(ike::Notify::state_not_found));
  client.kes.link.clear();
  EXPECT_EQ(error(client.followup()), number(ike::Notify::state_not_found));
  client.kes.link = link;
  ASSERT_TRUE(follow());
  expect_child();
  client.kes.next_ke = 0;
  EXPECT_EQ(error(client.followup()), number(ike::Notify::state_not_found)) << "done already";
}

TEST_F(OnFollowupKe, GivesUpAfterAnotherMethodOrABadValue) {
  ASSERT_TRUE(connect());
  for (const bool method : {true, false}) {
    ASSERT_TRUE(begin_child(two));
    if (method)
      client.kes.next_ke = 1;  // the second one first
    else
      client.alter_inner = [](Octets& inner) { inner[20] ^= 1; };
    EXPECT_EQ(error(client.followup()), number(ike::Notify::invalid_syntax));
    client.alter_inner = nullptr;
    EXPECT_EQ(sa().pending_ke, nullptr);
    EXPECT_EQ(error(client.followup()), number(ike::Notify::state_not_found));
    EXPECT_EQ(sa().children.size(), 1u);
  }
  EXPECT_EQ(rig.counters().followup_ke_lost, 2u);
}

TEST_F(OnFollowupKe, RefusesWhatIsMalformedAndGoesOn) {
  ASSERT_TRUE(connect());
  ASSERT_TRUE(begin_child(one));
  const auto bad =
      client.request(ike::Exchange::ike_followup_ke, ike::PayloadType::ke, {0, 0, 0, 3});
  EXPECT_EQ(error(bad), number(ike::Notify::invalid_syntax));
  const auto critical = client.request(ike::Exchange::ike_followup_ke,
                                       static_cast<ike::PayloadType>(200), {0, 0x80, 0, 4});
  EXPECT_EQ(error(critical), number(ike::Notify::unsupported_critical_payload));
  ASSERT_TRUE(follow());
}

TEST_F(OnFollowupKe, WaitsNotForEver) {
  ASSERT_TRUE(connect());
  ASSERT_TRUE(begin_child(one));
  rig.pass_ms(kFollowupKeMs);
  rig.serve();
  EXPECT_EQ(sa().pending_ke, nullptr);
  EXPECT_EQ(error(client.followup()), number(ike::Notify::state_not_found));
  EXPECT_EQ(rig.counters().followup_ke_lost, 1u);
}

TEST_F(OnFollowupKe, ANewRequestTakesThePlaceOfTheOld) {
  ASSERT_TRUE(connect());
  ASSERT_TRUE(begin_child(one, 0xc0ffee05));
  const Octets old = client.kes.link;
  ASSERT_TRUE(begin_child(one));
  std::swap(client.kes.link, const_cast<Octets&>(old));
  EXPECT_EQ(error(client.followup()), number(ike::Notify::state_not_found));
  std::swap(client.kes.link, const_cast<Octets&>(old));
  ASSERT_TRUE(follow());
  expect_child();
}

TEST_F(OnFollowupKe, WhatWasToBeReplacedMayBeGone) {
  ASSERT_TRUE(connect());
  ASSERT_TRUE(begin_child(one));
  ASSERT_TRUE(ask(client.delete_child(client.child_in)).ok);
  EXPECT_EQ(error(client.followup()), number(ike::Notify::state_not_found));
  EXPECT_TRUE(sa().children.empty());
}

TEST_F(OnFollowupKe, OfAReplacedSaThereIsNone) {
  ASSERT_TRUE(connect());
  ASSERT_TRUE(begin_child(one));
  ASSERT_TRUE(ask(client.rekey_ike(ike::IkeSpi(0x4242))).ok);
  ASSERT_EQ(sa().state, SaState::replaced);
  EXPECT_EQ(sa().pending_ke, nullptr);
  client.kes = {.suite = {}, .next_ke = 0, .link = {1}};
  client.kes.suite.additional = one;
  EXPECT_EQ(error(client.followup()), number(ike::Notify::state_not_found));
}

TEST_F(OnFollowupKe, OurRekeyWaitsForThePeers) {
  ASSERT_TRUE(connect());
  ASSERT_TRUE(begin_child(one));
  rig.plane().machine().start_child_rekey(sa(), client.child_out);
  rig.plane().machine().start_rekey(sa());
  EXPECT_FALSE(sa().window.is_asking());
  EXPECT_EQ(sa().rekey_at_ms, sa().pending_ke->kes.ends_at_ms);
  ASSERT_TRUE(follow());
  expect_child();
}

TEST_F(OnFollowupKe, ChildrenMayAlsoBeMadeWithOneKeyExchangeOrNone) {
  ASSERT_TRUE(connect());
  for (const ike::KeId ke : {ike::KeId::curve25519, ike::KeId::none})
    EXPECT_EQ(error(client.rekey_child(ike::EspSpi(0), ike::EspSpi(0xc0ffee09), ke)), 0);
  EXPECT_EQ(sa().children.size(), 3u);
}

}  // namespace
}  // namespace cp
