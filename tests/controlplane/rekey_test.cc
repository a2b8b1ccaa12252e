// Rekeys that the gateway begins: RFC 7296 §2.8, §2.18.
#include <gtest/gtest.h>

#include "controlplane/handlers.h"
#include "controlplane/ke_groups.h"
#include "ike/proposal.h"
#include "tests/controlplane/psk_test.h"

namespace cp {
namespace {

class Rekey : public PskTest {
 protected:
  // What the client answers to the gateway's CREATE_CHILD_SA: the same again with its own nonce.
  Octets take_offer(const IkeClient::Opened& asked, ike::EspSpi new_in, ike::IkeSpi new_spi) {
    ike::CreateChildRequest request;
    ike::PayloadType offending;
    EXPECT_EQ(ike::parse_create_child_request(asked.first, asked.inner, request, offending),
              ike::ParseError::none);
    kind = request.kind;
    rekey_spi = request.rekey_spi;
    const bool is_ike = kind == ike::CreateChildKind::rekey_ike;
    ike::Choice choice;
    bool fits = false;
    EXPECT_TRUE(ike::choose_with_ke(request.sa, is_ike ? ike::Protocol::ike : ike::Protocol::esp,
                                    is_ike ? client.suites : client.esp_suites, request.ke,
                                    ike::KePolicy::strict, choice, fits));
    nonce.assign(32, nonce_octet);
    Octets ke, shared(crypto::kKeSharedMax);
    if (choice.suite.ke != ike::KeId::none) {
      EXPECT_TRUE(
          crypto::KeyExchange::respond(*ke_group(choice.suite.ke), request.ke_data, ke, shared));
    }
    Octets inner(4096);
    crypto::ByteWriter writer(inner);
    ike::ChainBuilder chain(writer);
    ike::write_create_child_response(chain, {.is_ike = is_ike,
                                             .proposal_number = choice.proposal_number,
                                             .suite = choice.suite,
                                             .child_spi = new_in,
                                             .ike_spi = new_spi,
                                             .nonce = nonce,
                                             .ke_data = ke,
                                             .ts_i = is_ike ? nullptr : &request.ts_i,
                                             .ts_r = is_ike ? nullptr : &request.ts_r});
    inner.resize(writer.size());
    return client.answer(asked.header, chain.first_type(), inner);
  }
  Octets refusal(const IkeClient::Opened& asked, ike::Notify why) {
    Octets inner(64);
    crypto::ByteWriter writer(inner);
    ike::ChainBuilder chain(writer);
    chain.notify(why);
    inner.resize(writer.size());
    return client.answer(asked.header, chain.first_type(), inner);
  }
  IkeSa& sa() { return *rig.sa(client.spi_r); }

  ike::CreateChildKind kind{};
  ike::EspSpi rekey_spi;
  Octets nonce;
  std::uint8_t nonce_octet = 0x55;
};

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

}  // namespace
}  // namespace cp
