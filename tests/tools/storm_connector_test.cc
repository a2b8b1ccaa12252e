// Clients that connect by full handshakes: what they do, what they take and what they refuse.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/tools/storm_fixture.h"
#include "tests/tools/storm_handshake_responder.h"
#include "tools/storm/connector.h"
#include "tools/storm/impairments.h"
#include "tools/storm/ticket_saver.h"

namespace storm {
namespace {

ike::Suite with_ke(ike::Suite suite, ike::KeId ke) {
  suite.ke = ke;
  return suite;
}
const ike::Suite kX25519 = with_ke(kGcm256, ike::KeId::curve25519);
const ike::Suite kP256 = with_ke(kGcm256, ike::KeId::ecp_256);

// Clients, a responder and a wire between them on which time passes when we say so.
class Connecting {
 public:
  explicit Connecting(std::uint32_t clients, std::vector<ike::Suite> suites = {kX25519})
      : identity(*ClientIdentity::parse("client-%07u@storm.example")),
        engine(crypto::make_ossl_engine()),
        random(42) {
    config.clients = clients;
    config.flights = 64;
    config.ike_suites = gateway.ike_suites = std::move(suites);
    config.child_suite = gateway.child_suite = kGcm256;
  }
  void make(SessionSink* sink = nullptr) {
    auto made = Connector::make(config, identity, octets_of(kTestPsk), *engine, random,
                                sink != nullptr ? sink : &recorder);
    ASSERT_TRUE(made.has_value()) << made.error().text;
    storm = std::move(*made);
  }
  // Sends what is to be sent now and delivers the answers at once, until nothing moves.
  void settle() {
    std::array<Outgoing, kBatchMax> out;
    while (const std::size_t count = storm->poll(now, out)) {
      std::vector<Octets> answers;
      for (const Outgoing& o : std::span(out).first(count)) {
        EXPECT_EQ(o.first_exchange, o.message[18] == 34);
        seen.insert(o.client);
        Octets answer = gateway.answer(o.message);
        if (tamper) tamper(answer);
        if (!answer.empty()) answers.push_back(std::move(answer));
      }
      deliver(answers);
    }
  }
  void deliver(const std::vector<Octets>& messages) {
    std::vector<crypto::Bytes> views(messages.begin(), messages.end());
    storm->receive(views, now);
  }
  void run(std::uint64_t ms) {
    for (const std::uint64_t end = now + ms * kMs; now < end && !storm->done(); now += kMs)
      settle();
  }
  const Totals& totals() const { return storm->totals(); }
  std::uint64_t of(Outcome outcome) const { return totals().of(outcome); }

  ClientIdentity identity;
  HandshakeResponder gateway;
  std::unique_ptr<crypto::Engine> engine;
  crypto::Random random;
  ConnectorConfig config;
  Recorder recorder;
  std::unique_ptr<Connector> storm;
  std::uint64_t now = 5'000 * kMs;
  std::function<void(Octets&)> tamper;
  std::set<std::uint32_t> seen;
};

TEST(Connector, ConnectsEverybodyAndAgreesOnAllKeys) {
  Connecting c(200);
  c.config.first_client = 5000;
  c.make();
  c.run(1000);
  EXPECT_EQ(c.of(Outcome::connected), 200u);
  EXPECT_EQ(c.totals().up(), 200u);
  EXPECT_EQ(c.totals().tickets.get(), 200u);
  EXPECT_EQ(c.totals().addresses.get(), 200u);
  EXPECT_EQ(c.gateway.established, 200u);
  EXPECT_EQ(c.gateway.auth_wrong, 0u);
  EXPECT_EQ(c.gateway.public_values.size(), 200u);
  EXPECT_EQ(*c.seen.begin(), 5000u);
  EXPECT_EQ(*c.seen.rbegin(), 5199u);
  ASSERT_EQ(c.recorder.sessions.size(), 200u);
  std::set<Octets> identities;
  for (const auto& [client, mine] : c.recorder.sessions) {
    const auto& theirs = c.gateway.sessions().at(mine.spi_i.value());
    EXPECT_EQ(client_of(mine.spi_i), 5000 + client);
    EXPECT_TRUE(std::ranges::equal(mine.sk_d, theirs.keys().sk_d));
    EXPECT_TRUE(std::ranges::equal(mine.child_encr_i,
                                   ike::split_child_keymat(kGcm256, theirs.child_keymat).encr_i));
    EXPECT_EQ(mine.ip4, theirs.ip4);
    identities.insert(theirs.id_i);
  }
  EXPECT_EQ(identities.size(), 200u);
  const std::string first = "client-0000000@storm.example";
  EXPECT_TRUE(std::ranges::equal(std::span(*identities.begin()).subspan(4), octets_of(first)));
  EXPECT_EQ(identities.begin()->front(), 3);  // ID_RFC822_ADDR
}

TEST(Connector, ConnectsWithEverySuite) {
  for (const ike::Suite& base : {kGcm256, kGcm128Sha512, kChaCha, kCbc, kCbc128Sha384})
    for (const ike::KeId ke : {ike::KeId::curve25519, ike::KeId::ecp_256, ike::KeId::ecp_384}) {
      Connecting c(3, {with_ke(base, ke)});
      c.make();
      c.run(100);
      EXPECT_EQ(c.of(Outcome::connected), 3u);
      EXPECT_EQ(c.gateway.auth_wrong, 0u);
    }
}

TEST(Connector, ComesBackWithItsTicketAndItsAddress) {
  const BagFixture folder(1, {kGcm256});
  const std::string path = folder.folder + "/connected";
  Connecting c(30);
  auto saver = TicketSaver::create(path, nullptr, 30);
  ASSERT_TRUE(saver.has_value());
  c.make(&*saver);
  c.run(1000);
  ASSERT_EQ(saver->count(), 30u);
  ASSERT_TRUE(saver->commit(1).has_value());
  const auto bag = TicketBag::open(path);
  ASSERT_TRUE(bag.has_value()) << bag.error().text;
  ASSERT_EQ(bag->count(), 30u);
  EXPECT_EQ(bag->at(3).suite, kX25519);
  EXPECT_GT(bag->at(3).expires_s, 1'700'000'000u);

  ScalarResponder restarted(*bag);
  restarted.child_suite = kGcm256;
  auto made = Initiator::make({{.clients = 30, .flights = 64}, ike::AuthForm::rfc, kGcm256}, *bag,
                              *c.engine, c.random);
  ASSERT_TRUE(made.has_value());
  std::array<Outgoing, kBatchMax> out;
  while (const std::size_t count = (*made)->poll(c.now, out)) {
    std::vector<Octets> answers;
    for (const Outgoing& o : std::span(out).first(count))
      answers.push_back(restarted.answer(o.message));
    std::vector<crypto::Bytes> views(answers.begin(), answers.end());
    (*made)->receive(views, c.now);
  }
  EXPECT_EQ((*made)->totals().resumed(), 30u);
  EXPECT_EQ((*made)->totals().address_kept.get(), 30u);
  EXPECT_EQ(restarted.auth_wrong, 0u);
}

TEST(Connector, AnswersACookie) {
  Connecting c(20);
  c.gateway.demand_cookies = true;
  c.make();
  c.run(1000);
  EXPECT_EQ(c.of(Outcome::connected), 20u);
  EXPECT_EQ(c.totals().cookies.get(), 20u);
  EXPECT_EQ(c.gateway.challenges, 20u);
}

TEST(Connector, DoesNotObeyAGatewayThatTakesNoCookie) {
  Connecting c(1);
  c.config.retry = {.first_ns = 10 * kMs, .tries = 2};
  c.gateway.demand_cookies = c.gateway.take_no_cookie = true;
  c.make();
  c.run(1000);
  EXPECT_EQ(c.of(Outcome::no_message_2), 1u);
  EXPECT_LE(c.gateway.challenges, 6u);
}

TEST(Connector, SendsNoCookieThatAnotherClientGot) {
  Connecting c(2);
  c.config.flights = 1;
  c.gateway.demand_cookies = true;
  c.make();
  c.tamper = [&](Octets&) { c.gateway.demand_cookies = c.gateway.established == 0; };
  c.run(1000);
  EXPECT_EQ(c.of(Outcome::connected), 2u);
  EXPECT_EQ(c.gateway.cookies_seen, 1u);
}

// RFC 7296 §1.2: INVALID_KE_PAYLOAD names the group; §2.6.1: the cookie is kept.
TEST(Connector, TakesTheGroupThatTheGatewayWants) {
  Connecting c(20, {kX25519, kP256});
  c.gateway.ike_suites = {kP256};
  c.gateway.demand_cookies = true;
  c.make();
  c.run(1000);
  EXPECT_EQ(c.of(Outcome::connected), 20u);
  EXPECT_EQ(c.totals().invalid_ke.get(), 20u);
  EXPECT_EQ(c.gateway.challenges, 20u);
  for (const auto& [spi, session] : c.gateway.sessions()) EXPECT_EQ(session.ke, ike::KeId::ecp_256);
}

TEST(Connector, TakesNoGroupThatItDidNotOfferAndNotTheSameAgain) {
  for (const ike::KeId wanted : {ike::KeId::ecp_384, ike::KeId::curve25519}) {
    Connecting c(2, {kX25519, kP256});
    c.gateway.wanted = wanted;
    c.make();
    c.run(1000);
    EXPECT_EQ(c.of(Outcome::wrong_ke), 2u);
  }
  // Two groups in turn for ever.
  Connecting c(1, {kX25519, kP256});
  c.make();
  c.tamper = [&](Octets&) {
    c.gateway.wanted =
        c.gateway.wanted == ike::KeId::ecp_256 ? ike::KeId::curve25519 : ike::KeId::ecp_256;
  };
  c.gateway.wanted = ike::KeId::ecp_256;
  c.run(1000);
  EXPECT_EQ(c.of(Outcome::wrong_ke), 1u);
}

TEST(Connector, TakesNoBadKeyExchange) {
  Connecting c(1);
  c.gateway.before_message2 = [](ike::SaInitResponse&, Octets& ke) { ke.pop_back(); };
  c.make();
  c.run(1000);
  EXPECT_EQ(c.of(Outcome::wrong_ke), 1u);
  // RFC 7748 §6.1: a value of small order gives a secret of zeroes.
  Connecting d(1);
  d.gateway.before_message2 = [](ike::SaInitResponse&, Octets& ke) {
    std::ranges::fill(ke, std::uint8_t{0});
  };
  d.make();
  d.run(1000);
  EXPECT_EQ(d.of(Outcome::wrong_ke), 1u);
  // Another value of the group: the keys of the two sides differ, and nothing can be read.
  Connecting e(1);
  e.config.retry = {.first_ns = 10 * kMs, .tries = 2, .restarts = 0};
  e.gateway.before_message2 = [](ike::SaInitResponse&, Octets& ke) { ke[3] ^= 1; };
  e.make();
  e.run(1000);
  EXPECT_EQ(e.of(Outcome::no_message_4), 1u);
  // Another group than was sent.
  Connecting f(1, {kX25519, kP256});
  f.gateway.before_message2 = [](ike::SaInitResponse& r, Octets&) {
    r.suite.ke = ike::KeId::ecp_256;
  };
  f.make();
  f.run(1000);
  EXPECT_EQ(f.of(Outcome::wrong_ke), 1u);
}

// RFC 7296 §1.2: KEr is of the group in SAr1.
TEST(Connector, TakesNoKeyExchangeOfAnotherGroupThanTheSuites) {
  Connecting c(1, {kX25519, kP256});
  c.tamper = [](Octets& answer) {
    if (answer[18] != 34) return;
    ike::PayloadChain chain(static_cast<ike::PayloadType>(answer[16]),
                            crypto::Bytes(answer).subspan(ike::kHeaderLen));
    ike::Payload payload;
    while (chain.next(payload))
      if (payload.type == ike::PayloadType::ke)
        answer[static_cast<std::size_t>(payload.body.data() - answer.data()) + 1] = 19;
  };
  c.make();
  c.run(1000);
  EXPECT_EQ(c.of(Outcome::wrong_ke), 1u);
}

TEST(Connector, TakesNoSuiteThatItDidNotOffer) {
  Connecting c(1);
  c.gateway.before_message2 = [](ike::SaInitResponse& r, Octets&) { r.suite.key_bits = 128; };
  c.make();
  c.run(1000);
  EXPECT_EQ(c.of(Outcome::no_proposal), 1u);
  Connecting d(1);
  d.gateway.refuse_proposals = true;
  d.make();
  d.run(1000);
  EXPECT_EQ(d.of(Outcome::no_proposal), 1u);
}

TEST(Connector, RefusesAGatewayWithoutTheKey) {
  Connecting c(4);
  c.gateway.before_message4 = [](ike::FullAuthResponse& r) {
    static Octets wrong;
    wrong.assign(r.auth.begin(), r.auth.end());
    wrong[7] ^= 0x20;
    r.auth = wrong;
  };
  c.make();
  c.run(1000);
  EXPECT_EQ(c.of(Outcome::wrong_auth), 4u);
  EXPECT_TRUE(c.recorder.sessions.empty());
  EXPECT_EQ(c.recorder.failures.size(), 4u);
}

TEST(Connector, TakesNoOtherMethodOfAuth) {
  Connecting c(1);
  c.gateway.before_message4 = [](ike::FullAuthResponse& r) {
    r.auth_method = ike::AuthMethod::digital_signature;
  };
  c.make();
  c.run(1000);
  EXPECT_EQ(c.of(Outcome::wrong_auth), 1u);
}

TEST(Connector, ReportsThatTheGatewayRefusesItsKey) {
  Connecting c(4);
  c.gateway.psk = "another key";
  c.make();
  c.run(1000);
  EXPECT_EQ(c.of(Outcome::auth_refused), 4u);
  EXPECT_EQ(c.gateway.auth_wrong, 4u);
}

TEST(Connector, InsistsOnTheIdentityAskedFor) {
  Connecting c(1);
  c.config.id_r = std::string("\x02\0\0\0gw", 6);
  c.make();
  c.run(100);
  EXPECT_EQ(c.of(Outcome::connected), 1u);
  Connecting d(1);
  d.config.id_r = std::string("\x02\0\0\0other", 9);
  d.make();
  d.run(100);
  EXPECT_EQ(d.of(Outcome::wrong_identity), 1u);
}

TEST(Connector, RefusesAChildSaThatWasNotOffered) {
  Connecting c(1);
  c.gateway.before_message4 = [](ike::FullAuthResponse& r) { r.child_suite.key_bits = 128; };
  c.make();
  c.run(100);
  EXPECT_EQ(c.of(Outcome::wrong_child), 1u);
  Connecting d(1);
  d.gateway.before_message4 = [](ike::FullAuthResponse& r) {
    r.has_child = false;
    r.child_error = std::to_underlying(ike::Notify::ts_unacceptable);
  };
  d.make();
  d.run(100);
  EXPECT_EQ(d.of(Outcome::child_refused), 1u);
}

TEST(Connector, BelievesNothingThatIsNotAuthentic) {
  Connecting c(1);
  c.make();
  bool spoiled = false;
  c.tamper = [&](Octets& answer) {
    if (answer.size() < 20 || answer[18] != 35 || spoiled) return;
    spoiled = true;
    answer.back() ^= 1;
  };
  c.run(3000);
  EXPECT_EQ(c.totals().wrong_icv.get(), 1u);
  EXPECT_EQ(c.of(Outcome::connected), 1u);
}

TEST(Connector, TakesEachAnswerOnce) {
  Connecting c(1);
  c.make();
  std::array<Outgoing, kBatchMax> out;
  ASSERT_EQ(c.storm->poll(c.now, out), 1u);
  const Octets message2 = c.gateway.answer(out[0].message);
  c.deliver({message2, message2});
  ASSERT_EQ(c.storm->poll(c.now, out), 1u);
  const Octets message4 = c.gateway.answer(out[0].message);
  c.deliver({message4, message4});
  c.deliver({message4});
  EXPECT_EQ(c.of(Outcome::connected), 1u);
  EXPECT_EQ(c.totals().late.get(), 3u);
  EXPECT_TRUE(c.storm->done());
}

TEST(Connector, ConnectsThroughABadNetwork) {
  Connecting c(150);
  c.config.retry = {.first_ns = 100 * kMs, .factor = 1.3, .tries = 15};
  c.make();
  std::uint32_t seed = 1;
  c.tamper = [&](Octets& answer) {
    seed = seed * 1664525 + 1013904223;
    if (seed >> 30 == 0) answer.clear();
  };
  c.run(60'000);
  EXPECT_EQ(c.of(Outcome::connected), 150u);
  EXPECT_GT(c.totals().retransmissions.get(), 50u);
  EXPECT_EQ(c.gateway.established, 150u);
}

TEST(Connector, UsesAKeyPairForAsManyClientsAsAskedFor) {
  Connecting c(100);
  c.config.reuse_ke = 10;
  c.make();
  c.run(1000);
  EXPECT_EQ(c.of(Outcome::connected), 100u);
  EXPECT_EQ(c.gateway.public_values.size(), 10u);
}

TEST(Connector, SendsNatDetectionWhenAsked) {
  struct Source : EndpointSource {
    Endpoints endpoints(std::uint32_t) const override { return {}; }
  } source;
  Connecting c(2);
  c.config.nat_detection = &source;
  c.make();
  c.run(100);
  EXPECT_EQ(c.of(Outcome::connected), 2u);
  EXPECT_EQ(c.gateway.nat_detections, 2u);
}

TEST(Connector, SaysWhyItCannotBeMade) {
  Connecting c(0);
  EXPECT_FALSE(Connector::make(c.config, c.identity, octets_of(kTestPsk), *c.engine, c.random));
  c.config.clients = 1;
  c.config.ike_suites = {kGcm256};  // no group
  EXPECT_FALSE(Connector::make(c.config, c.identity, octets_of(kTestPsk), *c.engine, c.random));
  c.config.ike_suites = {};
  EXPECT_FALSE(Connector::make(c.config, c.identity, octets_of(kTestPsk), *c.engine, c.random));
  c.config.ike_suites = {kX25519};
  c.config.first_client = 0xffffffff;
  EXPECT_FALSE(Connector::make(c.config, c.identity, octets_of(kTestPsk), *c.engine, c.random));
}

}  // namespace
}  // namespace storm
