// IKE_INTERMEDIATE with additional key exchanges, and AUTH that covers it: RFC 9242, RFC 9370.
#include <gtest/gtest.h>

#include <memory>

#include "controlplane/ke_groups.h"
#include "ike/resume.h"
#include "ike/ticket.h"
#include "tests/controlplane/psk_test.h"
#include "tests/controlplane/sa_text.h"

namespace cp {
namespace {

std::string connection_text(const std::string& name, const std::string& proposals,
                            const std::string& remote = "") {
  return "[connections." + name + "]\nproposals = [" + proposals + "]\n[connections." + name +
         ".local]\nauth = 'psk'\nid = 'gw.example.org'\n[connections." + name +
         ".remote]\nauth = 'psk'\n" + remote;
}
const std::string kSecret = "[secrets.ike-all]\nsecret = 'secret'\n";
const std::string kHybrid =
    connection_text("rw",
                    "'aes256gcm16-prfsha256-x25519-ke1_ecp256-ke2_none-ke2_ecp384-ke7_none-ke7_"
                    "ecp521', 'aes256gcm16-prfsha256-x25519-ke1_mlkem768', "
                    "'aes256-sha384-ecp256-ke3_x25519', 'aes256gcm16-prfsha256-x25519'") +
    kSecret;

using Kes = std::initializer_list<std::pair<std::size_t, ike::KeId>>;

ike::Suite with(ike::Suite suite, Kes kes) {
  for (const auto& [i, ke] : kes) suite.additional.set(i, ke);
  return suite;
}

class OnIntermediate : public PskTest {
 protected:
  explicit OnIntermediate(const std::string& connections = kHybrid) : PskTest(connections) {}
  void offer(Kes kes) { client.suites = {with(client.suites[0], kes)}; }
  void renew(std::uint64_t seed) {
    std::destroy_at(&client);
    std::construct_at(&client, seed);
  }
  SaState state() { return rig.sa(client.spi_r)->state; }
  bool exchange_intermediate(std::size_t message_max = 4096) {
    std::vector<Octets> answers;
    for (const Octets& message : client.intermediate(message_max))
      answers = rig.exchange(message, path);
    return client.take_intermediate(answers);
  }
  bool authenticate() {
    return client.take_auth(rig.exchange(client.auth(), path)) && state() == SaState::established;
  }
  // The answer says INVALID_SYNTAX, and the half-open SA is gone.
  void expect_refused(const std::vector<Octets>& answers) {
    const auto opened = client.open(answers);
    EXPECT_TRUE(opened.ok);
    EXPECT_EQ(client.error_of(opened), number(ike::Notify::invalid_syntax));
    EXPECT_EQ(rig.sa(client.spi_r), nullptr);
    EXPECT_EQ(rig.counters().intermediate_refused, 1u);
    EXPECT_EQ(rig.sas().half_open_count(), 0u);
  }
};

TEST_F(OnIntermediate, ConnectsWithTwoKeyExchanges) {  // RFC 9370 §2.2.2
  offer({{0, ike::KeId::ecp_256}});
  ASSERT_TRUE(init());
  EXPECT_TRUE(client.sa_init_answer.intermediate_supported);  // RFC 9242 §3.1
  EXPECT_EQ(client.suite.additional.at(0), ike::KeId::ecp_256);
  EXPECT_EQ(state(), SaState::intermediate);
  EXPECT_EQ(rig.sas().half_open_count(), 1u);
  const Octets before = client.keymat;
  ASSERT_TRUE(exchange_intermediate());
  EXPECT_NE(client.keymat, before);
  EXPECT_EQ(state(), SaState::half_open);
  ASSERT_TRUE(authenticate());
  EXPECT_EQ(rig.sas().half_open_count(), 0u);
  EXPECT_EQ(rig.counters().intermediates, 1u);
  EXPECT_TRUE(ask(client.empty_request(ike::Exchange::informational)).ok);
  // The ticket has SK_d of the last keys.
  Octets memory(ike::kTicketStateMax);
  ike::TicketState ticket;
  ASSERT_TRUE(ike::open_ticket(client.engine(), rig.keys().keyring().current(),
                               client.auth_answer.ticket, memory, ticket));
  EXPECT_TRUE(std::ranges::equal(ticket.sk_d, client.keys().sk_d));
  EXPECT_FALSE(std::ranges::equal(ticket.sk_d, crypto::Bytes(before).first(ticket.sk_d.size())));
  // So have the Child SA's keys.
  ASSERT_EQ(rig.orders.size(), 1u);
  Octets child(ike::child_keymat_len(client.esp_suites[0]));
  ike::derive_child_keys(client.engine(), client.suite, client.keys().sk_d, client.nonce_i,
                         client.nonce_r, child);
  EXPECT_TRUE(std::ranges::equal(crypto::Bytes(rig.orders[0].keymat).first(child.size()), child));
}

TEST_F(OnIntermediate, DoesSeveralInTheOrderOfTheirTypes) {  // RFC 9370 §2.2.2
  offer({{0, ike::KeId::ecp_256}, {1, ike::KeId::ecp_384}, {6, ike::KeId::ecp_521}});
  ASSERT_TRUE(init());
  for (const SaState next : {SaState::intermediate, SaState::intermediate, SaState::half_open}) {
    ASSERT_TRUE(exchange_intermediate());
    EXPECT_EQ(state(), next);
  }
  EXPECT_EQ(client.message_id, 4u);  // RFC 9242 §3.2
  ASSERT_TRUE(authenticate());
}

TEST_F(OnIntermediate, WorksWithCbcAndAnotherPrf) {
  client.suites = {with({ike::EncrId::aes_cbc, 256, ike::PrfId::hmac_sha2_384,
                         ike::IntegId::hmac_sha2_384_192, ike::KeId::ecp_256},
                        {{2, ike::KeId::curve25519}})};
  ASSERT_TRUE(init());
  ASSERT_TRUE(exchange_intermediate());
  ASSERT_TRUE(authenticate());
}

TEST_F(OnIntermediate, JoinsFragments) {  // RFC 9242 §3.3.2: as if there were none
  offer({{0, ike::KeId::ecp_256}, {6, ike::KeId::ecp_521}});
  ASSERT_TRUE(init());
  ASSERT_TRUE(exchange_intermediate(100));
  ASSERT_TRUE(exchange_intermediate(90));
  ASSERT_TRUE(authenticate());
}

TEST_F(OnIntermediate, AnswersARepetitionUnderTheKeysThatItCameWith) {  // RFC 7296 §2.1
  offer({{0, ike::KeId::ecp_256}, {1, ike::KeId::ecp_384}});
  ASSERT_TRUE(init());
  for (int i = 0; i < 2; ++i) {
    const Octets request = client.intermediate().at(0);
    const auto answers = rig.exchange(request, path);
    ASSERT_EQ(answers.size(), 1u);
    EXPECT_EQ(rig.exchange(request, path), answers);
    Octets forged = request;
    forged.back() ^= 1;
    EXPECT_TRUE(rig.exchange(forged, path).empty());
    ASSERT_TRUE(client.take_intermediate(answers));
  }
  EXPECT_EQ(rig.counters().repeated, 2u);
  EXPECT_EQ(rig.counters().bad_icv, 2u);
  const Octets auth = client.auth();
  const auto established = rig.exchange(auth, path);
  EXPECT_EQ(rig.exchange(auth, path), established);
  EXPECT_TRUE(client.take_auth(established));
}

TEST_F(OnIntermediate, AuthCoversIt) {  // RFC 9242 §3.3.2
  for (const bool skips : {true, false}) {
    renew(skips ? 2 : 3);
    offer({{0, ike::KeId::ecp_256}});
    ASSERT_TRUE(init());
    ASSERT_TRUE(exchange_intermediate());
    // Whoever changed octets in between, knowing the keys of IKE_SA_INIT, is found out.
    if (skips)
      client.skips_int_auth = true;
    else
      client.int_auth_i.front() ^= 1;
    const auto opened = client.open(rig.exchange(client.auth(), path));
    EXPECT_EQ(client.error_of(opened), number(ike::Notify::authentication_failed));
    EXPECT_EQ(rig.sa(client.spi_r), nullptr);
  }
  // Nor does the client take an AUTH that does not cover what it got.
  renew(4);
  offer({{0, ike::KeId::ecp_256}});
  ASSERT_TRUE(init());
  ASSERT_TRUE(exchange_intermediate());
  const Octets request = client.auth();
  const auto answers = rig.exchange(request, path);
  client.int_auth_r.front() ^= 1;
  EXPECT_FALSE(client.take_auth(answers));
  client.int_auth_r.front() ^= 1;
  EXPECT_TRUE(client.take_auth(answers));
}

TEST_F(OnIntermediate, IkeAuthComesAfterAllKeyExchanges) {  // RFC 9370 §2.2.2
  offer({{0, ike::KeId::ecp_256}, {1, ike::KeId::ecp_384}});
  ASSERT_TRUE(init());
  for (int i = 0; i < 2; ++i) {
    const std::string before = text_of(*rig.sa(client.spi_r));
    EXPECT_TRUE(rig.exchange(client.auth(), path).empty());
    EXPECT_EQ(text_of(*rig.sa(client.spi_r)), before);
    --client.message_id;
    ASSERT_TRUE(exchange_intermediate());
  }
  EXPECT_EQ(rig.counters().unexpected, 2u);
  ASSERT_TRUE(authenticate());
}

TEST_F(OnIntermediate, NothingComesAfterIkeAuth) {  // RFC 9242 §3.2
  offer({{0, ike::KeId::ecp_256}});
  ASSERT_TRUE(init());
  ASSERT_TRUE(exchange_intermediate());
  ASSERT_TRUE(authenticate());
  const auto opened = ask(client.empty_request(ike::Exchange::ike_intermediate));
  EXPECT_EQ(client.error_of(opened), number(ike::Notify::invalid_syntax));
  EXPECT_EQ(state(), SaState::established);
}

TEST_F(OnIntermediate, RefusesAnotherKeyExchangeThanIsOwed) {
  const auto refuse = [this](const std::function<void(Octets&)>& alter) {
    SCOPED_TRACE(client.spi_i.value());
    const std::uint64_t refused = rig.counters().intermediate_refused;
    offer({{0, ike::KeId::ecp_256}, {1, ike::KeId::ecp_384}});
    ASSERT_TRUE(init());
    client.alter_inner = alter;
    const auto opened = client.open(rig.exchange(client.intermediate().at(0), path));
    EXPECT_EQ(client.error_of(opened), number(ike::Notify::invalid_syntax));
    EXPECT_EQ(rig.sa(client.spi_r), nullptr);
    EXPECT_EQ(rig.counters().intermediate_refused, refused + 1);
    renew(client.spi_i.value());
  };
  refuse([](Octets& inner) { inner[5] = 31; });                 // that of IKE_SA_INIT again
  refuse([](Octets& inner) { inner[5] = 99; });                 // one that nobody knows
  refuse([](Octets& inner) { inner[5] = 0; });                  // NONE
  refuse([](Octets& inner) { inner.back() ^= 1; });             // no point of the curve
  refuse([](Octets& inner) { inner.pop_back(), inner[3]--; });  // too short
  refuse([](Octets& inner) { inner.push_back(0); });            // malformed
  refuse([](Octets& inner) {                                    // two
    const Octets again = inner;
    inner[0] = 34;
    inner.insert(inner.end(), again.begin(), again.end());
  });
}

TEST_F(OnIntermediate, RefusesTheSecondKeyExchangeBeforeTheFirst) {  // RFC 9370 §2.2.2
  offer({{0, ike::KeId::ecp_256}, {1, ike::KeId::ecp_384}});
  ASSERT_TRUE(init());
  client.next_ke = 1;
  expect_refused(rig.exchange(client.intermediate().at(0), path));
}

TEST_F(OnIntermediate, RefusesAnExchangeWithoutTheKeyExchange) {
  offer({{0, ike::KeId::ecp_256}});
  ASSERT_TRUE(init());
  expect_refused(rig.exchange(client.empty_request(ike::Exchange::ike_intermediate), path));
}

TEST_F(OnIntermediate, RefusesAKeyExchangeThatIsNotOwed) {
  client.announces_intermediate = true;
  ASSERT_TRUE(init());
  client.suite.additional.set(0, ike::KeId::ecp_256);  // the client alone believes so
  client.next_ke = 0;
  expect_refused(rig.exchange(client.intermediate().at(0), path));
}

TEST_F(OnIntermediate, NamesACriticalPayloadThatItDoesNotKnow) {  // RFC 7296 §2.5
  offer({{0, ike::KeId::ecp_256}});
  ASSERT_TRUE(init());
  const Octets inner = {0, 0x80, 0, 4};
  const auto opened = ask(
      client.request(ike::Exchange::ike_intermediate, static_cast<ike::PayloadType>(200), inner));
  EXPECT_EQ(client.error_of(opened), number(ike::Notify::unsupported_critical_payload));
  EXPECT_EQ(rig.sa(client.spi_r), nullptr);
}

TEST_F(OnIntermediate, MayBeEmptyAndIsCoveredAllTheSame) {  // RFC 9242 §3.2, R5723-70
  client.announces_intermediate = true;
  ASSERT_TRUE(init());
  EXPECT_TRUE(client.sa_init_answer.intermediate_supported);
  EXPECT_EQ(state(), SaState::half_open);
  ASSERT_TRUE(exchange_intermediate());
  ASSERT_TRUE(exchange_intermediate());
  ASSERT_TRUE(authenticate());
  // Announced and not used: AUTH as ever.
  renew(5);
  client.announces_intermediate = true;
  ASSERT_TRUE(connect());
}

TEST_F(OnIntermediate, IsRefusedWhereNobodyAnnouncedIt) {  // RFC 9242 §3.1
  ASSERT_TRUE(init());
  EXPECT_FALSE(client.sa_init_answer.intermediate_supported);
  expect_refused(rig.exchange(client.empty_request(ike::Exchange::ike_intermediate), path));
}

TEST_F(OnIntermediate, HasALimit) {
  client.announces_intermediate = true;
  ASSERT_TRUE(init());
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(exchange_intermediate()) << i;
  expect_refused(rig.exchange(client.intermediate().at(0), path));
}

TEST_F(OnIntermediate, NeedsTheAnnouncement) {  // RFC 9370 §2.2.1
  offer({{0, ike::KeId::ecp_256}});
  Octets message = client.sa_init();
  // N(INTERMEDIATE_EXCHANGE_SUPPORTED) becomes a notify that nobody knows.
  const Octets notify = {0x40, 0x36};
  const auto at = std::ranges::search(message, notify);
  ASSERT_FALSE(at.empty());
  at.front() = 0x7f;
  const auto answers = rig.exchange(message, path);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_FALSE(client.take_sa_init(answers[0]));
  EXPECT_EQ(client.sa_init_answer.error, number(ike::Notify::no_proposal_chosen));
}

TEST_F(OnIntermediate, ADowngradeIsFoundOut) {  // RFC 9370 §4
  offer({{0, ike::KeId::ecp_256}});
  client.suites.push_back(with(client.suites[0], {{0, ike::KeId::none}}));
  Octets message = client.sa_init();
  const Octets notify = {0x40, 0x36};
  std::ranges::search(message, notify).front() = 0x7f;  // somebody in between
  const auto answers = rig.exchange(message, path);
  ASSERT_EQ(answers.size(), 1u);
  ASSERT_TRUE(client.take_sa_init(answers[0]));
  EXPECT_TRUE(client.suite.additional.empty());
  const auto opened = client.open(rig.exchange(client.auth(), path));
  EXPECT_EQ(client.error_of(opened), number(ike::Notify::authentication_failed));
}

TEST_F(OnIntermediate, HalfOpenSasEnd) {
  offer({{0, ike::KeId::ecp_256}});
  ASSERT_TRUE(init());
  rig.pass_ms(rig.config().workers.admission.half_open_timeout_ms + 1000);
  rig.serve();
  EXPECT_EQ(rig.sa(client.spi_r), nullptr);
  EXPECT_EQ(rig.counters().half_open_expired, 1u);
  EXPECT_EQ(rig.sas().half_open_count(), 0u);
}

TEST_F(OnIntermediate, MlKemWhereOpensslHasIt) {  // RFC 9370 with FIPS 203
  offer({{0, ike::KeId::ml_kem_768}});
  if (ke_group(ike::KeId::ml_kem_768)) {
    ASSERT_TRUE(init());
    ASSERT_TRUE(exchange_intermediate());
    ASSERT_TRUE(authenticate());
    return;
  }
  // Cleanly absent: what cannot be done is not chosen.
  const auto answers = rig.exchange(client.sa_init(), path);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_FALSE(client.take_sa_init(answers[0]));
  EXPECT_EQ(client.sa_init_answer.error, number(ike::Notify::no_proposal_chosen));
}

class TwoConnections : public OnIntermediate {
 protected:
  TwoConnections()
      : OnIntermediate(
            connection_text("strict", "'aes256gcm16-prfsha256-x25519-ke1_ecp256'",
                            "id = 'client@example.org'\n") +
            connection_text("lax", "'aes256gcm16-prfsha256-x25519'", "id = 'other@example.org'\n") +
            kSecret) {}
};

TEST_F(TwoConnections, AConnectionThatDemandsItIsNotReachedWithout) {
  ASSERT_TRUE(init());  // IKE_SA_INIT does not know yet who comes
  const auto opened = client.open(rig.exchange(client.auth(), path));
  EXPECT_EQ(client.error_of(opened), number(ike::Notify::authentication_failed));
  renew(6);
  offer({{0, ike::KeId::ecp_256}});
  ASSERT_TRUE(init());
  ASSERT_TRUE(exchange_intermediate());
  ASSERT_TRUE(authenticate());
  EXPECT_EQ(rig.sa(client.spi_r)->connection, "strict");
}

}  // namespace
}  // namespace cp
