// The initiator's messages and judgement against a scalar responder.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/tools/storm_fixture.h"
#include "tools/storm/initiator.h"

namespace storm {
namespace {

TEST(Initiator, ResumesEveryClientInBothAuthFormsAndAllSuites) {
  for (const ike::AuthForm form : {ike::AuthForm::rfc, ike::AuthForm::libreswan}) {
    Storm s(300, {kGcm256, kGcm128Sha512, kChaCha, kCbc, kCbc128Sha384});
    s.config.auth_form = form;
    s.config.dpd = true;
    s.make();
    s.run(10);
    EXPECT_TRUE(s.storm->done());
    EXPECT_EQ(s.totals().resumed(), 300u);
    EXPECT_EQ(s.gateway.established, 300u);
    EXPECT_EQ(s.gateway.auth_wrong, 0u);
    EXPECT_EQ(s.totals().of(Outcome::pending), 0u);
    EXPECT_EQ(s.totals().address_kept.get(), 300u);
    EXPECT_EQ(s.totals().address_changed.get(), 0u);
    EXPECT_EQ(s.totals().tickets.get(), 300u);
    EXPECT_EQ(s.totals().dpd_answered.get(), 300u);
    EXPECT_EQ(s.totals().retransmissions.get(), 0u);
    EXPECT_EQ(s.totals().in_flight.get(), 0u);
    EXPECT_EQ(s.storm->latency().count(), 300u);
  }
}

TEST(Initiator, HandsOverTheKeysThatTheGatewayHas) {
  Storm s(20, {kGcm256, kCbc});
  s.make();
  s.run(10);
  ASSERT_EQ(s.recorder.sessions.size(), 20u);
  for (const auto& [client, mine] : s.recorder.sessions) {
    const ScalarResponder::Session& theirs = s.gateway.sessions().at(mine.spi_i.value());
    EXPECT_TRUE(std::ranges::equal(mine.sk_d, theirs.keys().sk_d));
    const ike::ChildKeys child = ike::split_child_keymat(kGcm256, theirs.child_keymat);
    EXPECT_TRUE(std::ranges::equal(mine.child_encr_i, child.encr_i));
    EXPECT_EQ(mine.child_in, theirs.child_spi_i);
    EXPECT_EQ(mine.child_out, theirs.child_spi_r);
    EXPECT_EQ(crypto::load_be64(mine.ticket.data()), mine.spi_i.value());
    EXPECT_EQ(mine.ip4, s.fixture.bag->at(client).ip4);
    EXPECT_EQ(client_of(mine.spi_i), client);
  }
}

TEST(Initiator, AnswersACookieChallengeWithTheCookieFirst) {
  Storm s(10);
  s.gateway.demand_cookies = true;
  s.config.fragmentation = true;
  s.make();
  s.run(10);
  EXPECT_EQ(s.totals().resumed(), 10u);
  EXPECT_EQ(s.gateway.challenges, 10u);
  EXPECT_EQ(s.totals().cookies.get(), 10u);
  EXPECT_EQ(s.totals().retransmissions.get(), 0u);
  EXPECT_EQ(s.gateway.fragmentation_announced, 10u);
  // RFC 7296 §2.6: the same SPIi, nonce and ticket as before, the cookie in front.
  ike::ResumeRequest first, second;
  ike::PayloadType offending{};
  std::vector<const Octets*> of_client3;
  for (const Storm::Sent& sent : s.sent)
    if (sent.client == 3) of_client3.push_back(&sent.message);
  ASSERT_EQ(ike::parse_resume_request(*of_client3[0], first, offending), ike::ParseError::none);
  ASSERT_EQ(ike::parse_resume_request(*of_client3[1], second, offending), ike::ParseError::none);
  EXPECT_EQ(first.spi_i, second.spi_i);
  EXPECT_TRUE(std::ranges::equal(first.nonce, second.nonce));
  EXPECT_TRUE(std::ranges::equal(first.ticket, second.ticket));
  EXPECT_TRUE(second.has_cookie);
}

TEST(Initiator, DoesNotObeyEndlessChallenges) {
  Storm s(1);
  s.make();
  s.tamper = [&](Octets& answer) {
    const std::uint64_t spi = crypto::load_be64(s.sent.back().message.data());
    answer.resize(200);
    answer.resize(ike::write_cookie_challenge(ike::IkeSpi(spi), ike::Exchange::ike_session_resume,
                                              Octets(8, 1), answer));
  };
  s.run(30'000);
  EXPECT_TRUE(s.storm->done());
  EXPECT_EQ(s.storm->outcome(0), Outcome::no_message_2);
  EXPECT_LT(s.sent.size(), 20u);
}

TEST(Initiator, CountsANackAsFailedAndKeepsNothing) {
  Storm s(5);
  s.gateway.nack_all = true;
  s.make();
  s.run(10);
  EXPECT_TRUE(s.storm->done());
  EXPECT_EQ(s.totals().of(Outcome::nack), 5u);
  EXPECT_EQ(s.totals().resumed(), 0u);
  EXPECT_EQ(s.recorder.failures.size(), 5u);
  EXPECT_EQ(s.totals().in_flight.get(), 0u);
}

TEST(Initiator, DetectsOneWrongBitOfAuth) {
  for (const std::size_t bit : {0u, 255u}) {
    Storm s(8);
    Octets changed;
    s.gateway.before_message4 = [&](ike::AuthResponse& response) {
      changed.assign(response.auth.begin(), response.auth.end());
      changed[bit / 8] = static_cast<std::uint8_t>(changed[bit / 8] ^ (1u << (bit % 8)));
      response.auth = changed;
    };
    s.make();
    s.run(10);
    EXPECT_EQ(s.totals().of(Outcome::wrong_auth), 8u);
    EXPECT_EQ(s.totals().resumed(), 0u);
  }
}

TEST(Initiator, TakesTheOtherAuthFormForWrong) {
  Storm s(4);
  s.make();
  s.gateway.form = ike::AuthForm::libreswan;
  s.run(10);
  EXPECT_EQ(s.gateway.auth_wrong, 4u);
  EXPECT_EQ(s.totals().of(Outcome::auth_refused), 4u);
}

TEST(Initiator, NamesWhatIsWrongWithMessage4) {
  static constexpr std::array<std::uint8_t, 6> kOther = {2, 0, 0, 0, 'g', 'x'};
  static const ike::SelectorList kNothing{};
  const struct {
    std::function<void(ScalarResponder&)> fault;
    Outcome expected;
  } kCases[] = {
      {[](ScalarResponder& g) { g.refuse_auth = true; }, Outcome::auth_refused},
      {[](ScalarResponder& g) {
         g.before_message4 = [](ike::AuthResponse& r) { r.id_r_body = kOther; };
       },
       Outcome::wrong_identity},
      {[](ScalarResponder& g) {
         g.before_message4 = [](ike::AuthResponse& r) { r.auth = r.auth.first(16); };
       },
       Outcome::wrong_auth},
      {[](ScalarResponder& g) {
         g.before_message4 = [](ike::AuthResponse& r) { r.child_error = 38; };
       },
       Outcome::child_refused},
      {[](ScalarResponder& g) {
         g.before_message4 = [](ike::AuthResponse& r) { r.child_suite = kCbc; };
       },
       Outcome::wrong_child},
      {[](ScalarResponder& g) {
         g.before_message4 = [](ike::AuthResponse& r) { r.child_spi = ike::EspSpi(255); };
       },
       Outcome::wrong_child},
      {[](ScalarResponder& g) {
         g.before_message4 = [](ike::AuthResponse& r) { r.ts_i = nullptr; };
       },
       Outcome::wrong_child},
      {[](ScalarResponder& g) {
         g.before_message4 = [](ike::AuthResponse& r) { r.ts_r = &kNothing; };
       },
       Outcome::malformed},
  };
  int number = 0;
  for (const auto& c : kCases) {
    SCOPED_TRACE(number++);
    Storm s(2);
    c.fault(s.gateway);
    s.make();
    s.run(10);
    EXPECT_EQ(s.totals().of(c.expected), 2u);
    EXPECT_EQ(s.totals().resumed(), 0u);
  }
}

TEST(Initiator, CountsAnAddressThatIsNotTheOldOne) {
  Storm s(6);
  s.gateway.before_message4 = [](ike::AuthResponse& r) { r.config.ip4 = {10, 0, 0, 1}; };
  s.make();
  s.run(10);
  EXPECT_EQ(s.totals().resumed(), 6u);
  EXPECT_EQ(s.totals().address_kept.get(), 0u);
  EXPECT_EQ(s.totals().address_changed.get(), 6u);
}

TEST(Initiator, DoesNotBelieveWhatIsNotAuthentic) {
  Storm s(1);
  s.make();
  // Every bit flipped once: nothing but the genuine message 4 changes anything.
  std::vector<Octets> answers;
  s.tamper = [&](Octets& answer) {
    if (answer[18] != 35) return;
    Octets genuine = answer;
    for (std::size_t bit = 0; bit < 8 * genuine.size(); ++bit) {
      Octets forged = genuine;
      forged[bit / 8] = static_cast<std::uint8_t>(forged[bit / 8] ^ (1u << (bit % 8)));
      answers.push_back(forged);
      answers.push_back(Octets(forged.begin(), forged.begin() + static_cast<long>(bit / 8)));
    }
    answers.push_back(genuine);
    answers.push_back(genuine);
    answer.clear();
  };
  s.settle();
  ASSERT_FALSE(answers.empty());
  for (std::size_t i = 0; i + 2 < answers.size(); ++i) {
    // The Reserved octet of the SK header and the minor version are covered by the ICV all the
    // same.
    s.deliver({answers[i]});
    ASSERT_EQ(s.totals().resumed(), 0u) << i;
    ASSERT_EQ(s.totals().of(Outcome::pending), 1u) << i;
  }
  EXPECT_GT(s.totals().wrong_icv.get(), 0u);
  s.deliver({answers.back(), answers.back()});
  EXPECT_EQ(s.totals().resumed(), 1u);
  EXPECT_TRUE(s.storm->done());
}

TEST(Initiator, IgnoresDuplicatesOfEveryAnswer) {
  Storm s(40);
  s.config.dpd = true;
  s.make();
  std::vector<Octets> all;
  s.tamper = [&](Octets& answer) { all.push_back(answer); };
  for (int round = 0; round < 20 && !s.storm->done(); ++round) {
    std::array<Outgoing, kBatchMax> out;
    const std::size_t count = s.storm->poll(s.now, out);
    std::vector<Octets> twice;
    for (const Outgoing& o : std::span(out).first(count)) {
      const Octets answer = s.gateway.answer(o.message);
      twice.push_back(answer);
      twice.push_back(answer);
    }
    s.deliver(twice);
    s.deliver(twice);
  }
  EXPECT_TRUE(s.storm->done());
  EXPECT_EQ(s.totals().resumed(), 40u);
  EXPECT_EQ(s.recorder.sessions.size(), 40u);
  EXPECT_EQ(s.totals().dpd_answered.get(), 40u);
  EXPECT_EQ(s.totals().late.get(), 3u * 3u * 40u);
}

TEST(Initiator, AnnouncesNatDetectionOfItsOwnEndpoints) {
  struct Source : EndpointSource {
    Endpoints endpoints(std::uint32_t client) const override {
      Endpoints e;
      e.client = {10, 1, 2, static_cast<std::uint8_t>(client)};
      e.gateway = {10, 1, 0, 1};
      e.client_port = static_cast<std::uint16_t>(20000 + client);
      e.gateway_port = 500;
      return e;
    }
  } source;
  Storm s(3);
  s.config.nat_detection = &source;
  s.make();
  s.run(10);
  EXPECT_EQ(s.totals().resumed(), 3u);
  std::array<std::uint8_t, 34> input;
  const Octets& message = s.sent[2].message;
  const std::array<std::uint8_t, 4> address = {10, 1, 2, 2};
  const std::size_t len = ike::write_nat_detection_input(
      ike::IkeSpi(crypto::load_be64(message.data())), ike::IkeSpi(), address, 20002, input.data());
  std::array<std::uint8_t, 20> hash;
  const crypto::Sha1Lane lane{{input.data(), len}, hash.data()};
  s.engine->sha1({&lane, 1});
  EXPECT_NE(std::search(message.begin(), message.end(), hash.begin(), hash.end()), message.end());
}

TEST(Initiator, RefusesMoreClientsThanTickets) {
  Storm s(3);
  s.config.clients = 4;
  const auto made = Initiator::make(s.config, *s.fixture.bag, *s.engine, s.random);
  ASSERT_FALSE(made.has_value());
  EXPECT_NE(made.error().text.find("3 records"), std::string::npos);
}

}  // namespace
}  // namespace storm
