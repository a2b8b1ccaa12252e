// Rekeys that the gateway begins: RFC 7296 §2.8, §2.18.
#include <gtest/gtest.h>

#include <set>

#include "controlplane/handlers.h"
#include "tests/controlplane/rekey_rig.h"

namespace cp {
namespace {

TEST_F(Rekey, ReplacesAChildAndDeletesTheOldOne) {
  ASSERT_TRUE(connect());
  const ike::EspSpi old = client.child_out;
  rig.plane().machine().start_child_rekey(sa(), old);
  const auto offer = asked();
  ASSERT_TRUE(offer.ok);
  const std::size_t before = rig.sent.size();
  rig.exchange(take_offer(offer, ike::EspSpi(0xc0ffee02), {}), path);
  EXPECT_EQ(kind, ike::CreateChildKind::rekey_child);
  EXPECT_EQ(rekey_spi, old);
  ASSERT_EQ(sa().children.size(), 2u);
  EXPECT_TRUE(sa().children[0].replaced);
  EXPECT_TRUE(sa().children[1].we_initiated);
  // RFC 7296 §2.8: whoever rekeyed deletes the old one.
  ASSERT_EQ(rig.sent.size(), before + 1);
  const auto opened = client.open({rig.sent.back().message});
  EXPECT_EQ(informational(opened).deleted_esp[0], old);
  rig.exchange(client.answer(opened.header, ike::PayloadType::none, {}), path);
  ASSERT_EQ(sa().children.size(), 1u);
  EXPECT_EQ(sa().children[0].spi_out, ike::EspSpi(0xc0ffee02));
}

// The answer comes by another worker than the SPI in the question is of.
TEST_F(Rekey, InstallsAChildAtTheWorkerThatHasTheOldOne) {
  ASSERT_TRUE(connect());
  rig.plane().machine().start_child_rekey(sa(), client.child_out);
  rig.exchange(take_offer(asked(), ike::EspSpi(0xc0ffee02), {}), path, 1);
  ASSERT_EQ(sa().children.size(), 2u);
  EXPECT_EQ(rig.orders.back().kind, dp::OrderKind::install_child);
  EXPECT_EQ(rig.orders.back().worker, 0u);
  EXPECT_EQ(sa().children[1].worker, 0u);
}

TEST_F(Rekey, TriesAgainLaterWhenThePeerIsBusy) {
  ASSERT_TRUE(connect());
  rig.plane().machine().start_child_rekey(sa(), client.child_out);
  rig.exchange(refusal(asked(), ike::Notify::temporary_failure), path);
  EXPECT_EQ(sa().children.size(), 1u);
  EXPECT_FALSE(sa().window.is_asking());
  rig.pass_ms(15'000);
  EXPECT_TRUE(asked().ok);  // RFC 7296 §2.25
  EXPECT_EQ(sa().own.asking, Asking::rekey_child);
}

TEST_F(Rekey, AsksAgainAtOnceWithTheGroupThatThePeerWantsAndThenWaits) {
  ASSERT_TRUE(connect());
  std::string both = kPskForAll;
  both.replace(both.find("x25519'"), 7, "x25519-ecp256'");
  rig.reload(both);
  rig.plane().machine().start_rekey(sa());
  const std::array<std::uint8_t, 2> group = {0, 19};
  const auto wants = [&](const IkeClient::Opened& offer) {
    Octets inner(64);
    crypto::ByteWriter writer(inner);
    ike::ChainBuilder chain(writer);
    chain.notify(ike::Notify::invalid_ke_payload, group);
    inner.resize(writer.size());
    return client.answer(offer.header, chain.first_type(), inner);
  };
  rig.deliver(wants(asked()), path);
  const auto again = asked();
  ASSERT_TRUE(again.ok);
  ike::CreateChildRequest request;
  ike::PayloadType offending;
  ASSERT_EQ(ike::parse_create_child_request(again.first, again.inner, request, offending),
            ike::ParseError::none);
  EXPECT_EQ(request.ke, ike::KeId::ecp_256);  // RFC 7296 §1.3
  const std::size_t before = rig.sent.size();
  rig.exchange(wants(again), path);
  EXPECT_EQ(rig.sent.size(), before);
}

TEST_F(Rekey, DropsAChildThatThePeerNoLongerHas) {
  ASSERT_TRUE(connect());
  rig.plane().machine().start_child_rekey(sa(), client.child_out);
  const auto offer = asked();
  Octets inner(64);
  crypto::ByteWriter writer(inner);
  ike::ChainBuilder chain(writer);
  ike::write_child_sa_not_found(chain, ike::Protocol::esp, client.child_out);
  inner.resize(writer.size());
  rig.exchange(client.answer(offer.header, chain.first_type(), inner), path);
  EXPECT_TRUE(sa().children.empty());
}

TEST_F(Rekey, ReplacesTheIkeSaInTheRoleOfItsInitiator) {
  ASSERT_TRUE(connect());
  const ike::IkeSpi old = client.spi_r;
  rig.plane().machine().start_rekey(sa());
  const auto offer = asked();
  ASSERT_TRUE(offer.ok);
  rig.exchange(take_offer(offer, {}, ike::IkeSpi(0x1122334455667788)), path);
  EXPECT_EQ(kind, ike::CreateChildKind::rekey_ike);
  EXPECT_EQ(rig.sa(old)->state, SaState::replaced);
  const IkeSa* fresh = nullptr;
  rig.sas().for_each([&](IkeSa& s) {
    if (s.we_initiated) fresh = &s;
  });
  ASSERT_NE(fresh, nullptr);
  EXPECT_EQ(fresh->spi_r, ike::IkeSpi(0x1122334455667788));  // RFC 7296 §2.18
  EXPECT_EQ(fresh->children.size(), 1u);
  EXPECT_EQ(rig.workers().leases().held4(), 1u);
  // The old SA is deleted by us; its end is the answer.
  const auto opened = client.open({rig.sent.back().message});
  EXPECT_TRUE(informational(opened).deletes_ike);
  rig.exchange(client.answer(opened.header, ike::PayloadType::none, {}), path);
  EXPECT_EQ(rig.sa(old), nullptr);
  EXPECT_EQ(rig.sas().size(), 1u);
}

TEST_F(Rekey, EndsTheNewIkeSaTooWhenSomebodyEndsTheOldOneMeanwhile) {
  ASSERT_TRUE(connect());
  const ike::IkeSpi old = client.spi_r;
  rig.plane().machine().start_rekey(sa());
  const auto offer = asked();
  rig.plane().machine().terminate(sa());
  EXPECT_FALSE(asked().ok);  // one request at a time (RFC 7296 §2.3)
  const Octets answer = take_offer(offer, {}, ike::IkeSpi(0x1122334455667788));
  rig.sent.clear();
  rig.exchange(answer, path);
  ASSERT_EQ(rig.sas().size(), 2u);
  rig.pass_ms(1);
  rig.serve();
  ASSERT_EQ(rig.sent.size(), 2u);  // a Delete on either
  std::set<std::uint64_t> ended;
  for (const PlaneRig::Sent& sent : rig.sent) {
    ike::Header header;
    ASSERT_EQ(ike::parse_header(sent.message, header), ike::ParseError::none);
    EXPECT_EQ(header.exchange, ike::Exchange::informational);
    ended.insert(header.spi_r.value());
  }
  EXPECT_EQ(ended, (std::set<std::uint64_t>{old.value(), 0x1122334455667788}));
  EXPECT_EQ(rig.counters().tickets_revoked, 1u);  // of the old one
  for (int i = 0; i < 100 && rig.sas().size() != 0; ++i) {
    rig.pass_ms(1000);
    rig.serve();
  }
  EXPECT_EQ(rig.sas().size(), 0u);
  EXPECT_EQ(rig.workers().leases().held4(), 0u);
}

TEST_F(RekeyWithKes, ReplacesAChild) {
  ASSERT_TRUE(connect_with_kes());
  const ike::EspSpi old = client.child_out;
  rig.plane().machine().start_child_rekey(sa(), old);
  const auto offer = asked();
  ASSERT_TRUE(offer.ok);
  link = {1, 2, 3, 4};
  ASSERT_TRUE(answered(take_offer(offer, ike::EspSpi(0xc0ffee02), {})).ok);
  EXPECT_EQ(sa().children.size(), 1u);
  const auto end = follow();
  EXPECT_EQ(methods, (std::vector{ike::KeId::ecp_256, ike::KeId::ecp_384}));
  ASSERT_EQ(sa().children.size(), 2u);
  EXPECT_TRUE(sa().children[0].replaced);
  EXPECT_EQ(informational(end).deleted_esp[0], old);
  Octets keymat(ike::child_keymat_len(client.esp_suites[0]));
  ike::derive_child_keys_with_ke(client.engine(), client.suite, client.keys().sk_d, shared_secret,
                                 offered_nonce, nonce, keymat, more);
  EXPECT_TRUE(
      std::ranges::equal(crypto::Bytes(rig.orders.back().keymat).first(keymat.size()), keymat));
}

TEST_F(RekeyWithKes, ReplacesTheIkeSa) {
  ASSERT_TRUE(connect_with_kes());
  const ike::IkeSpi old = client.spi_r;
  rig.plane().machine().start_rekey(sa());
  const auto offer = asked();
  ASSERT_TRUE(offer.ok);
  link = {9};
  ASSERT_TRUE(answered(take_offer(offer, {}, ike::IkeSpi(0x77))).ok);
  EXPECT_EQ(sa().state, SaState::established);
  const auto end = follow();
  EXPECT_TRUE(informational(end).deletes_ike);
  EXPECT_EQ(rig.sa(old)->state, SaState::replaced);
  const IkeSa* fresh = rig.sa(offered_spi);
  ASSERT_NE(fresh, nullptr);
  EXPECT_EQ(fresh->children.size(), 1u);
  Octets keymat(ike::ike_keymat_len(client.suite));
  ike::derive_rekeyed_keys(client.engine(), client.suite, client.keys().sk_d, client.suite,
                           shared_secret, offered_nonce, nonce, offered_spi, ike::IkeSpi(0x77),
                           keymat, more);
  EXPECT_TRUE(
      std::ranges::equal(crypto::Bytes(fresh->keymat.reveal()).first(keymat.size()), keymat));
}

TEST_F(RekeyWithKes, TriesAgainWhenThePeerHasForgotten) {
  ASSERT_TRUE(connect_with_kes());
  for (const bool followed : {false, true}) {
    rig.plane().machine().start_child_rekey(sa(), client.child_out);
    const auto offer = asked();
    ASSERT_TRUE(offer.ok);
    link = {1};
    ASSERT_TRUE(answered(take_offer(offer, ike::EspSpi(0xc0ffee02), {})).ok);
    // An answer without a link where another key exchange is to come is none either.
    rig.exchange(followed ? take_followup(last, {}) : refusal(last, ike::Notify::state_not_found),
                 path);
    EXPECT_FALSE(sa().window.is_asking());
    EXPECT_EQ(sa().children.size(), 1u);
    EXPECT_GE(sa().children[0].rekey_at_ms, rig.now().ms + 10'000);
  }
  EXPECT_EQ(rig.counters().followup_ke_lost, 2u);
}

TEST_F(RekeyWithKes, WantsALinkForWhatFollows) {
  ASSERT_TRUE(connect_with_kes());
  rig.plane().machine().start_rekey(sa());
  const auto offer = asked();
  ASSERT_TRUE(offer.ok);
  link.clear();
  EXPECT_FALSE(answered(take_offer(offer, {}, ike::IkeSpi(0x77))).ok);
  EXPECT_FALSE(sa().window.is_asking());
  EXPECT_EQ(sa().state, SaState::established);
  EXPECT_GE(sa().rekey_at_ms, rig.now().ms + 10'000);
}

}  // namespace
}  // namespace cp
