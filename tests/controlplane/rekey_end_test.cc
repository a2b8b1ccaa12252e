// Both sides rekey at once: RFC 7296 §2.8.1, §2.8.2, §2.25.
#include "tests/controlplane/rekey_rig.h"

namespace cp {
namespace {

constexpr ike::IkeSpi kTheirSpi{0x7711};

// A client of the same IKE SA that goes on with another one.
std::unique_ptr<IkeClient> twin_of(const IkeClient& client) {
  auto twin = std::make_unique<IkeClient>(99);
  twin->spi_i = client.spi_i;
  twin->spi_r = client.spi_r;
  twin->suites = client.suites;
  twin->suite = client.suite;
  twin->keymat = client.keymat;
  twin->message_id = client.message_id;
  twin->tx_counter = client.tx_counter + 1000;
  return twin;
}

// RFC 7296 §2.8.1: both rekey the same Child SA; of the four nonces the lowest decides.
TEST_F(Rekey, SettlesACollisionByTheLowestNonce) {
  for (const bool ours_lowest : {false, true}) {
    SCOPED_TRACE(ours_lowest);
    PskTest::rig.sent.clear();
    IkeClient fresh(ours_lowest ? 21 : 20);
    client.spi_i = fresh.spi_i;
    ASSERT_TRUE(connect());
    const ike::EspSpi old = client.child_out;
    rig.plane().machine().start_child_rekey(sa(), old);
    const auto offer = asked();
    // The peer's own rekey crosses ours.
    const auto theirs = ask(client.rekey_child(client.child_in, ike::EspSpi(0xc0ffee03)));
    ASSERT_TRUE(theirs.ok);
    EXPECT_EQ(client.error_of(theirs), 0);
    ASSERT_EQ(sa().children.size(), 2u);
    nonce_octet = ours_lowest ? 0x00 : 0xff;
    if (!ours_lowest) sa().own.collided_nonce = Octets(32, 0);  // theirs is lowest
    rig.exchange(take_offer(offer, ike::EspSpi(0xc0ffee02), {}), path);
    ASSERT_EQ(sa().children.size(), 3u);
    const auto opened = client.open({rig.sent.back().message});
    const ike::EspSpi ours = sa().children[2].spi_in;
    EXPECT_EQ(informational(opened).deleted_esp[0], ours_lowest ? ours : old);
    ASSERT_TRUE(ask(client.delete_ike()).ok);
  }
}

// The gateway has asked to rekey the IKE SA, and the client's own request came then.
class CrossingIke : public Rekey {
 protected:
  void cross() {
    ASSERT_TRUE(connect());
    old_spi = client.spi_r;
    rig.plane().machine().start_rekey(sa());
    offer = asked();
    ASSERT_TRUE(offer.ok);
    theirs = twin_of(client);
    const auto answer = theirs->open(rig.exchange(theirs->rekey_ike(kTheirSpi), path));
    client.message_id = theirs->message_id;
    ASSERT_TRUE(theirs->take_rekey_ike(answer));
    ASSERT_NE(rival(), nullptr);
    expect_unsettled();
  }
  IkeSa* rival() { return rig.sa(theirs->spi_r); }
  IkeSa* ours() { return rig.sa(offered_spi); }
  IkeSa* old() { return rig.sa(old_spi); }
  void expect_unsettled() {
    EXPECT_EQ(old()->state, SaState::established);
    EXPECT_EQ(old()->children.size(), 1u);
    EXPECT_TRUE(old()->ip4);
    EXPECT_TRUE(rival()->children.empty());
    EXPECT_FALSE(rival()->ip4);
  }
  // Has everything, and is the only one that has.
  void expect_holder(const IkeSa* sa) {
    ASSERT_NE(sa, nullptr);
    EXPECT_EQ(sa->state, SaState::established);
    EXPECT_EQ(sa->children.size(), 1u);
    EXPECT_TRUE(sa->ip4);
    EXPECT_FALSE(is_rival(*sa));
    EXPECT_EQ(rig.workers().leases().held4(), 1u);
    rig.sas().for_each([&](IkeSa& other) { EXPECT_TRUE(&other == sa || other.children.empty()); });
  }
  void answer_offer(std::uint8_t octet) {
    nonce_octet = octet;
    rig.exchange(take_offer(offer, {}, ike::IkeSpi(0x1122334455667788)), path);
  }
  IkeClient::Opened ask_rival(const Octets& request) {
    return theirs->open(rig.exchange(request, path));
  }

  IkeClient::Opened offer;
  ike::IkeSpi old_spi;
  std::unique_ptr<IkeClient> theirs;
};

TEST_F(CrossingIke, OursGoesWhenItHasTheLowestNonce) {  // RFC 7296 §2.8.2
  cross();
  answer_offer(0x00);
  expect_holder(rival());
  EXPECT_EQ(old()->state, SaState::replaced);
  // Whoever began the redundant one deletes it; the old one is the client's to delete.
  ASSERT_NE(ours(), nullptr);
  EXPECT_EQ(ours()->own.asking, Asking::delete_ike);
  EXPECT_EQ(old()->own.asking, Asking::nothing);
  ASSERT_TRUE(ask(client.delete_ike()).ok);
  EXPECT_EQ(old(), nullptr);
  EXPECT_EQ(theirs->error_of(ask_rival(theirs->empty_request(ike::Exchange::informational))), 0);
  expect_holder(rival());
  EXPECT_EQ(rig.counters().rekeys_crossed, 1u);
  EXPECT_EQ(rig.orders.back().spi_r, theirs->spi_r);  // its worker knows whose the Child SA is
}

TEST_F(CrossingIke, TheirsGoesWhenItHasTheLowestNonce) {
  cross();
  old()->own.collided_nonce = Octets(32, 0);
  answer_offer(0xff);
  expect_holder(ours());
  EXPECT_EQ(old()->own.asking, Asking::delete_ike);
  EXPECT_EQ(rival()->state, SaState::replaced);
  ASSERT_TRUE(ask_rival(theirs->delete_ike()).ok);
  EXPECT_EQ(rival(), nullptr);
  expect_holder(ours());
}

// Our answer came to the client before our request, which it refuses then: RFC 7296 §2.8.2.
TEST_F(CrossingIke, TheirsStaysWhenTheClientIsClosingTheOldOne) {
  cross();
  rig.exchange(refusal(offer, ike::Notify::temporary_failure), path);
  expect_holder(rival());
  EXPECT_EQ(old()->state, SaState::replaced);
  EXPECT_EQ(rig.sas().size(), 2u);
}

// The request never came to the client: RFC 7296 §2.25.2.
TEST_F(CrossingIke, ADeleteOfTheOldOneEndsOurRekey) {
  cross();
  ASSERT_TRUE(ask(client.delete_ike()).ok);
  EXPECT_EQ(old(), nullptr);
  expect_holder(rival());
  rig.sent.clear();
  rig.pass_ms(20'000);
  rig.serve();
  EXPECT_TRUE(rig.sent.empty());  // nor is it sent again
  EXPECT_EQ(rig.counters().tickets_revoked, 0u);
}

TEST_F(CrossingIke, TheirsStaysWhenNothingComesBack) {
  cross();
  for (int i = 0; i < 60 && old() != nullptr && old()->state == SaState::established; ++i) {
    rig.pass_ms(1000);
    rig.serve();
  }
  EXPECT_EQ(old(), nullptr);
  expect_holder(rival());
}

// The client's Delete of the old one was lost, and it goes on.
TEST_F(CrossingIke, WhatTheClientUsesHasEverything) {
  cross();
  const auto answer = ask_rival(theirs->delete_child(client.child_in));
  ASSERT_TRUE(answer.ok);
  const ike::Informational deleted = informational(answer);
  ASSERT_EQ(deleted.deleted_esp_count, 1u);
  EXPECT_EQ(deleted.deleted_esp[0], client.child_out);
  EXPECT_TRUE(rival()->children.empty());
  EXPECT_TRUE(rival()->ip4);
  EXPECT_FALSE(is_rival(*rival()));
  EXPECT_EQ(old()->state, SaState::replaced);
  // ... until the answer to ours says that the nonces want it otherwise.
  old()->own.collided_nonce = Octets(32, 0);
  answer_offer(0xff);
  EXPECT_TRUE(ours()->ip4);
  EXPECT_EQ(rival()->state, SaState::replaced);
}

TEST_F(CrossingIke, OursStaysWhenTheClientDeletesTheOther) {
  cross();
  ASSERT_TRUE(ask_rival(theirs->delete_ike()).ok);
  EXPECT_EQ(rival(), nullptr);
  EXPECT_EQ(old()->children.size(), 1u);
  answer_offer(0x00);
  expect_holder(ours());
}

TEST_F(CrossingIke, OthersWaitUntilItIsSettled) {  // TEMPORARY_FAILURE, RFC 7296 §2.25.2
  cross();
  const auto again = ask(twin_of(client)->rekey_ike(ike::IkeSpi(0x4242)));
  ++client.message_id;
  EXPECT_EQ(client.error_of(again), number(ike::Notify::temporary_failure));
  EXPECT_EQ(client.error_of(ask(client.rekey_child(client.child_in, ike::EspSpi(0xc0ffee02)))),
            number(ike::Notify::temporary_failure));
  EXPECT_EQ(
      theirs->error_of(ask_rival(theirs->rekey_child(client.child_in, ike::EspSpi(0xc0ffee02)))),
      number(ike::Notify::temporary_failure));
  rig.plane().machine().start_rekey(*rival());
  EXPECT_FALSE(rival()->window.is_asking());
  expect_unsettled();
  // A Child SA may be deleted meanwhile, as ever.
  ASSERT_TRUE(ask(client.delete_child(client.child_in)).ok);
  EXPECT_TRUE(old()->children.empty());
}

TEST_F(CrossingIke, AnEndIsTheEndOfAll) {
  cross();
  rig.plane().machine().terminate(*rival());
  answer_offer(0x00);
  for (int i = 0; i < 100 && rig.sas().size() != 0; ++i) {
    rig.pass_ms(1000);
    rig.serve();
  }
  EXPECT_EQ(rig.sas().size(), 0u);
  EXPECT_EQ(rig.workers().leases().held4(), 0u);
}

TEST_F(CrossingIke, NothingIsLeftOfAClientThatResumed) {
  cross();
  auto punt = std::make_unique<dp::Punt>();
  punt->kind = dp::PuntKind::superseded;
  punt->spi_i = old()->peer_spi();
  punt->spi_r = old_spi;
  rig.deliver(*punt);
  rig.serve();
  EXPECT_EQ(rig.sas().size(), 0u);
}

// Both with several key exchanges, of which ours are done first.
class CrossingKes : public RekeyWithKes {
 protected:
  void begin_ike() {
    ASSERT_TRUE(connect_with_kes());
    rig.plane().machine().start_rekey(sa());
    const auto offer = asked();
    ASSERT_TRUE(offer.ok);
    theirs = twin_of(client);
    const auto answer = theirs->open(rig.exchange(theirs->rekey_ike(kTheirSpi), path));
    client.message_id = theirs->message_id;
    ASSERT_TRUE(theirs->take_create_child(answer, ike::Protocol::ike));
    ASSERT_NE(sa().pending_ke, nullptr);
    decide();
    link = {9};
    ASSERT_TRUE(answered(take_offer(offer, {}, ike::IkeSpi(0x77))).ok);
    follow();
  }
  void begin_child() {
    ASSERT_TRUE(connect_with_kes());
    old_child = client.child_out;
    rig.plane().machine().start_child_rekey(sa(), old_child);
    const auto offer = asked();
    ASSERT_TRUE(offer.ok);
    theirs = twin_of(client);
    const auto answer = theirs->open(
        rig.exchange(theirs->rekey_child(client.child_in, ike::EspSpi(0xc0ffee03),
                                         ike::KeId::curve25519, client.suites[0].additional),
                     path));
    client.message_id = theirs->message_id;
    ASSERT_TRUE(theirs->take_create_child(answer, ike::Protocol::esp));
    ASSERT_NE(sa().pending_ke, nullptr);
    ours = offer;
    decide();
  }
  void finish_ours() {
    link = {1};
    ASSERT_TRUE(answered(take_offer(ours, ike::EspSpi(0xc0ffee02), {})).ok);
    follow();
  }
  void finish_theirs() {
    for (int i = 0; i < 2; ++i) {
      ASSERT_TRUE(theirs->take_followup(theirs->open(rig.exchange(theirs->followup(), path))));
      client.message_id = theirs->message_id;
    }
  }
  void decide() {
    nonce_octet = ours_lowest ? 0x00 : 0xff;
    if (!ours_lowest) sa().pending_ke->kes.nonce_r = Octets(32, 0);
  }
  const ChildSa* child(std::uint32_t spi_out) { return sa().child_by_peer(ike::EspSpi(spi_out)); }

  bool ours_lowest = false;
  std::unique_ptr<IkeClient> theirs;
  IkeClient::Opened ours;
  ike::EspSpi old_child;
};

TEST_F(CrossingKes, TheIkeSaOfTheClientIsWaitedForWhenOursIsLowest) {
  ours_lowest = true;
  begin_ike();
  EXPECT_EQ(rig.sa(offered_spi)->own.asking, Asking::delete_ike);
  EXPECT_EQ(sa().state, SaState::established);
  EXPECT_EQ(sa().children.size(), 1u);
  finish_theirs();
  EXPECT_EQ(sa().state, SaState::replaced);
  theirs->go_on_with_chain();
  EXPECT_EQ(rig.sa(theirs->spi_r)->children.size(), 1u);
}

TEST_F(CrossingKes, OurRekeyIsTriedAgainWhenTheClientDoesNotFinish) {
  ours_lowest = true;
  begin_ike();
  EXPECT_EQ(sa().rekey_at_ms, rig.now().ms + kFollowupKeMs);
}

TEST_F(CrossingKes, TheIkeSaOfTheClientIsNotFinishedWhenItIsLowest) {
  begin_ike();
  EXPECT_EQ(rig.sa(offered_spi)->children.size(), 1u);
  EXPECT_EQ(sa().state, SaState::replaced);
  const auto late = theirs->open(rig.exchange(theirs->followup(), path));
  EXPECT_EQ(theirs->error_of(late), number(ike::Notify::state_not_found));
}

TEST_F(CrossingKes, OfTwoChildrenTheOneWithoutTheLowestNonceStays) {
  for (const bool lowest : {false, true}) {
    for (const bool ours_first : {false, true}) {
      SCOPED_TRACE(testing::Message() << lowest << ours_first);
      ours_lowest = lowest;
      client.spi_i = IkeClient(31 + 2 * lowest + ours_first).spi_i;
      client.tx_counter = 0;
      client.esp_suites = IkeClient(1).esp_suites;
      client.int_auth_i.clear();
      client.int_auth_r.clear();
      more.clear();
      rig.sent.clear();
      begin_child();
      if (ours_first) {
        finish_ours();
        EXPECT_EQ(child(client.child_in.value())->replaced, !lowest);
        finish_theirs();
      } else {
        finish_theirs();
        finish_ours();
      }
      ASSERT_EQ(sa().children.size(), 3u);
      EXPECT_TRUE(child(client.child_in.value())->replaced);
      EXPECT_FALSE(child(0xc0ffee02)->replaced);
      EXPECT_FALSE(child(0xc0ffee03)->replaced);
      // What we delete: ours, or the old one.
      EXPECT_EQ(sa().own.asking, Asking::delete_child);
      EXPECT_EQ(sa().own.child_in, lowest ? child(0xc0ffee02)->spi_in : old_child);
      ASSERT_TRUE(ask(client.delete_ike()).ok);
    }
  }
}

TEST_F(CrossingKes, AChildThatTheClientHasRekeyedIsNotRekeyedAgain) {
  begin_child();
  finish_theirs();
  rig.exchange(refusal(ours, ike::Notify::temporary_failure), path);
  EXPECT_TRUE(child(client.child_in.value())->replaced);
  rig.sent.clear();
  rig.pass_ms(20'000);
  rig.serve();
  EXPECT_TRUE(rig.sent.empty());
}

}  // namespace
}  // namespace cp
