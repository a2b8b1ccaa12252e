// EAP between a client and a server that both are the test.
#include "controlplane/eap_authenticator.h"

#include <gtest/gtest.h>
#include <spdlog/sinks/null_sink.h>

#include "tests/support/radius_peer.h"

namespace cp {
namespace {

using support::from_hex;
using support::Octets;
using support::RadiusAnswerBuilder;
using support::RadiusQuestion;
using support::to_hex;
using Progress = EapAuthenticator::Progress;
using Failure = EapAuthenticator::Failure;

const std::string kSecret = "a shared secret";
constexpr std::uint64_t kToken = 0x1122334455667788;
constexpr std::uint8_t kFirstId = 0x88;

Octets eap(std::uint8_t code, std::uint8_t id, const std::string& body) {
  Octets packet{code, id, 0, static_cast<std::uint8_t>(4 + body.size())};
  packet.insert(packet.end(), body.begin(), body.end());
  return packet;
}

class EapAuthenticatorTest : public testing::Test {
 protected:
  void SetUp() override { open({&server_}); }
  void open(const std::vector<support::RadiusServerSocket*>& servers) {
    RadiusSettings settings{.servers = {}, .timeout_ms = 1000, .tries = 1, .sockets = 1};
    const Octets secret(kSecret.begin(), kSecret.end());
    for (const support::RadiusServerSocket* server : servers)
      settings.servers.push_back({.name = "r",
                                  .address = server->address(),
                                  .port = server->port(),
                                  .secret = crypto::SecretBytes(secret)});
    auto client = RadiusClient::open(std::move(settings), log_);
    ASSERT_TRUE(client);
    client_ = std::move(*client);
  }
  void begin(EapSettings settings = {}) {
    eap_ = std::make_unique<EapAuthenticator>(
        settings, EapPeer{"198.51.100.7[4500]", "192.0.2.1[4500]"}, *client_, kToken);
    eap_->start(now_);
  }
  Progress respond(const Octets& packet) {
    eap_->on_response(packet, now_);
    return eap_->progress();
  }
  // The request that the server got; exactly one.
  RadiusQuestion question() {
    const auto got = server_.receive();
    EXPECT_TRUE(got);
    EXPECT_FALSE(server_.receive());
    return got.value_or(RadiusQuestion{});
  }
  RadiusAnswerBuilder builder(RadiusCode code) {
    question_ = question();
    return {code, question_.exchange(kSecret)};
  }
  Progress answer(RadiusAnswerBuilder& builder) {
    server_.send(question_, builder.sign());
    client_->on_readable(client_->fds().front(), now_);
    EXPECT_EQ(client_->take_progressed(), std::vector<std::uint64_t>{kToken});
    return eap_->progress();
  }
  Progress answer(RadiusCode code, const Octets& packet, const std::string& state = "") {
    RadiusAnswerBuilder made = builder(code);
    if (!state.empty()) made.add(24, state);
    return answer(made.eap(packet));
  }
  // Up to the method's first request, with identifier 20.
  void begin_method() {
    begin();
    ASSERT_EQ(respond(eap(2, kFirstId, "\001alice")), Progress::waiting);
    ASSERT_EQ(answer(RadiusCode::access_challenge, eap(1, 20, "\032hello"), "s1"),
              Progress::send_request);
  }
  void expect_failure(Failure why, std::uint8_t id) {
    EXPECT_EQ(eap_->progress(), Progress::failure);
    EXPECT_EQ(eap_->failure(), why) << eap_failure_text(eap_->failure());
    EXPECT_EQ(to_hex(eap_->request()), to_hex(eap(4, id, "")));
    EXPECT_TRUE(eap_->msk().empty());
    EXPECT_EQ(client_->outstanding(), 0u);
  }

  spdlog::logger log_{"test", std::make_shared<spdlog::sinks::null_sink_mt>()};
  support::RadiusServerSocket server_;
  std::unique_ptr<RadiusClient> client_;
  std::unique_ptr<EapAuthenticator> eap_;
  RadiusQuestion question_;
  std::uint64_t now_ = 5000;
};

TEST_F(EapAuthenticatorTest, CarriesAWholeConversation) {
  begin();
  EXPECT_EQ(eap_->progress(), Progress::send_request);
  EXPECT_EQ(to_hex(eap_->request()), to_hex(eap(1, kFirstId, "\001")));
  EXPECT_EQ(respond(eap(2, kFirstId, "\001alice")), Progress::waiting);
  EXPECT_TRUE(eap_->request().empty());

  RadiusAnswerBuilder challenge = builder(RadiusCode::access_challenge);
  EXPECT_EQ(*question_.attribute(1), Octets({'a', 'l', 'i', 'c', 'e'}));
  EXPECT_EQ(*question_.attribute(79), eap(2, kFirstId, "\001alice"));
  EXPECT_FALSE(question_.attribute(24));
  EXPECT_TRUE(question_.attribute(30) && question_.attribute(31) && question_.attribute(32));
  const Octets method = eap(1, 20, "\032hello");
  EXPECT_EQ(answer(challenge.add(24, "s1").eap(method)), Progress::send_request);
  EXPECT_EQ(to_hex(eap_->request()), to_hex(method));

  EXPECT_EQ(respond(eap(2, 20, "\032answer")), Progress::waiting);
  RadiusAnswerBuilder accept = builder(RadiusCode::access_accept);
  EXPECT_EQ(*question_.attribute(24), Octets({'s', '1'}));  // RFC 2865 §5.24
  Octets msk(64);
  for (std::size_t i = 0; i < msk.size(); ++i) msk[i] = static_cast<std::uint8_t>(i);
  accept.add(8, Octets{10, 0, 0, 9}).add(27, Octets{0, 0, 2, 0}).add(25, "gold").msk(msk);
  EXPECT_EQ(answer(accept.eap(eap(3, 20, ""))), Progress::success);
  EXPECT_EQ(to_hex(eap_->request()), to_hex(eap(3, 20, "")));
  EXPECT_EQ(to_hex(eap_->msk()), to_hex(msk));
  EXPECT_EQ(eap_->identity(), "alice");
  EXPECT_EQ(eap_->framed_ip4(), (ike::Ip4{10, 0, 0, 9}));
  EXPECT_EQ(eap_->session_timeout_s(), 512u);
  EXPECT_EQ(eap_->classes().size(), 1u);
  EXPECT_EQ(eap_->failure(), Failure::none);
  EXPECT_EQ(respond(eap(2, 20, "\032more")), Progress::success);  // it is over
}

// RFC 3579 §2.1: the identity may be known without asking for it.
TEST_F(EapAuthenticatorTest, TellsAnIdentityThatItKnows) {
  begin({.identity = "carol@example.org"});
  EXPECT_EQ(eap_->progress(), Progress::waiting);
  RadiusAnswerBuilder challenge = builder(RadiusCode::access_challenge);
  EXPECT_EQ(*question_.attribute(79), eap(2, kFirstId, "\001carol@example.org"));
  EXPECT_EQ(answer(challenge.eap(eap(1, 3, "\015x"))), Progress::send_request);
  EXPECT_EQ(eap_->identity(), "carol@example.org");
}

TEST_F(EapAuthenticatorTest, RejectionIsAFailureWithOrWithoutEap) {
  begin_method();
  respond(eap(2, 20, "\032answer"));
  EXPECT_EQ(answer(RadiusCode::access_reject, eap(4, 20, "")), Progress::failure);
  expect_failure(Failure::rejected, 20);
  begin_method();
  respond(eap(2, 20, "\032answer"));
  EXPECT_EQ(answer(RadiusCode::access_reject, {}), Progress::failure);
  expect_failure(Failure::rejected, 20);
}

// RFC 3748 §4.1: a Response has the Identifier of its Request, MUST say its length, and has a type.
TEST_F(EapAuthenticatorTest, RefusesResponsesThatAreNone) {
  const Octets right = eap(2, 20, "\032answer");
  const auto changed = [&](std::size_t at, std::uint8_t value) {
    Octets packet = right;
    packet[at] = value;
    return packet;
  };
  Octets longer = right;
  longer.push_back(0);
  for (const Octets& wrong : {changed(0, 1), changed(0, 3), changed(1, 21), changed(1, 19),
                              changed(3, 10), changed(3, 12), changed(2, 1), longer, Octets{},
                              Octets{2}, Octets{2, 20, 0}, eap(2, 20, "")}) {
    begin_method();
    EXPECT_EQ(respond(wrong), Progress::failure) << support::to_hex(wrong);
    expect_failure(Failure::malformed, 20);
    EXPECT_FALSE(server_.receive());
  }
}

TEST_F(EapAuthenticatorTest, NothingButAnIdentityAnswersTheFirstRequest) {
  begin();
  EXPECT_EQ(respond(eap(2, kFirstId, "\003\015")), Progress::failure);  // RFC 3748 §5.1: no Nak
  expect_failure(Failure::malformed, kFirstId);
  begin();
  respond(eap(2, kFirstId, "\001"));
  expect_failure(Failure::no_identity, kFirstId);
  Octets longest{2, kFirstId, 1, 2, 1};
  longest.resize(258, 'x');
  begin();
  EXPECT_EQ(respond(longest), Progress::waiting);
  EXPECT_EQ(question().attribute(1)->size(), 253u);
  longest.push_back('x');
  longest[3] = 3;
  begin();
  respond(longest);
  expect_failure(Failure::no_identity, kFirstId);
  begin({.identity = std::string(254, 'x')});
  expect_failure(Failure::no_identity, kFirstId);
}

TEST_F(EapAuthenticatorTest, AResponseWhileTheServerIsAskedEndsIt) {
  begin_method();
  respond(eap(2, 20, "\032answer"));
  EXPECT_EQ(respond(eap(2, 20, "\032answer")), Progress::failure);
  expect_failure(Failure::malformed, 20);
}

TEST_F(EapAuthenticatorTest, ASilentServerIsAFailure) {
  begin();
  respond(eap(2, kFirstId, "\001alice"));
  now_ = client_->next_deadline_ms();
  client_->on_timer(now_);
  EXPECT_EQ(client_->take_progressed(), std::vector<std::uint64_t>{kToken});
  expect_failure(Failure::no_server, kFirstId);
}

// RFC 2865 §5.24: the State of one server means nothing to another.
TEST_F(EapAuthenticatorTest, StaysWithTheServerThatAnswered) {
  support::RadiusServerSocket silent;
  open({&silent, &server_});
  begin();
  respond(eap(2, kFirstId, "\001alice"));
  EXPECT_TRUE(silent.receive());
  now_ = client_->next_deadline_ms();
  client_->on_timer(now_);
  RadiusAnswerBuilder challenge = builder(RadiusCode::access_challenge);
  server_.send(question_, challenge.add(24, "s1").eap(eap(1, 20, "\032x")).sign());
  for (const int fd : client_->fds()) client_->on_readable(fd, now_);
  ASSERT_EQ(eap_->progress(), Progress::send_request);
  now_ += kRadiusDeadMs;  // the first would be tried again, by others
  EXPECT_EQ(respond(eap(2, 20, "\032y")), Progress::waiting);
  EXPECT_FALSE(silent.receive());
  EXPECT_EQ(*question().attribute(24), Octets({'s', '1'}));
}

TEST_F(EapAuthenticatorTest, AClientWithoutRoomIsAFailure) {
  std::vector<std::unique_ptr<EapAuthenticator>> others;
  for (int i = 0; i < 256; ++i) {
    others.push_back(
        std::make_unique<EapAuthenticator>(EapSettings{.identity = "x"}, EapPeer{}, *client_, 1));
    others.back()->start(now_);
  }
  begin();
  EXPECT_EQ(respond(eap(2, kFirstId, "\001alice")), Progress::failure);
  EXPECT_EQ(eap_->failure(), Failure::no_server);
  others.clear();
  EXPECT_EQ(client_->outstanding(), 0u);
}

TEST_F(EapAuthenticatorTest, ItsEndCancelsWhatItAsked) {
  begin();
  respond(eap(2, kFirstId, "\001alice"));
  const RadiusQuestion asked = question();
  eap_.reset();
  server_.send(asked,
               RadiusAnswerBuilder(RadiusCode::access_accept, asked.exchange(kSecret)).sign());
  client_->on_readable(client_->fds().front(), now_);
  EXPECT_EQ(client_->counters().unexpected, 1u);
}

TEST_F(EapAuthenticatorTest, RoundsAreCounted) {
  begin({.rounds_max = 3});
  respond(eap(2, kFirstId, "\001alice"));
  for (std::uint8_t id = 1; id <= 2; ++id) {
    ASSERT_EQ(answer(RadiusCode::access_challenge, eap(1, id, "\015x")), Progress::send_request);
    ASSERT_EQ(respond(eap(2, id, "\015y")), Progress::waiting);
  }
  ASSERT_EQ(answer(RadiusCode::access_challenge, eap(1, 3, "\015x")), Progress::send_request);
  EXPECT_EQ(respond(eap(2, 3, "\015y")), Progress::failure);
  expect_failure(Failure::too_long, 3);
}

TEST_F(EapAuthenticatorTest, AConversationHasAnEnd) {
  begin_method();
  now_ += EapSettings{}.duration_max_ms;
  EXPECT_EQ(respond(eap(2, 20, "\032a")), Progress::waiting);
  answer(RadiusCode::access_challenge, eap(1, 21, "\032x"));
  now_ += 1;
  EXPECT_EQ(respond(eap(2, 21, "\032a")), Progress::failure);
  expect_failure(Failure::too_long, 21);
}

TEST_F(EapAuthenticatorTest, AResponseThatNoPacketHoldsIsTooLong) {
  for (const std::size_t len : {4090u, 5000u}) {
    begin_method();
    Octets longest(len, 'x');
    longest[0] = 2;
    longest[1] = 20;
    crypto::store_be16(longest.data() + 2, static_cast<std::uint16_t>(len));
    EXPECT_EQ(respond(longest), Progress::failure);
  }
}

// RFC 3579 §2.6.3: the two layers must agree; we do not choose between them.
TEST_F(EapAuthenticatorTest, AnswersThatContradictThemselvesAreRefused) {
  const std::pair<RadiusCode, Octets> wrong[] = {
      {RadiusCode::access_challenge, {}},
      {RadiusCode::access_challenge, eap(3, 20, "")},
      {RadiusCode::access_challenge, eap(2, 21, "\032x")},
      {RadiusCode::access_challenge, {1, 21, 0, 4}},
      {RadiusCode::access_challenge, {1, 21, 0, 9, 26}},
      {RadiusCode::access_accept, {}},
      {RadiusCode::access_accept, eap(4, 20, "")},
      {RadiusCode::access_accept, eap(1, 21, "\032x")},
      {RadiusCode::access_accept, eap(3, 21, "")},
      {RadiusCode::access_accept, eap(3, 20, "x")},
  };
  for (const auto& [code, packet] : wrong) {
    begin_method();
    respond(eap(2, 20, "\032answer"));
    RadiusAnswerBuilder made = builder(code);
    if (code == RadiusCode::access_accept) made.msk(Octets(64));
    EXPECT_EQ(answer(made.eap(packet)), Progress::failure);
    expect_failure(Failure::bad_server, 20);
  }
}

// RFC 7296 §2.16: methods without a key SHOULD NOT be used: a gateway in the middle could reuse
// them.
TEST_F(EapAuthenticatorTest, AnAcceptWithoutKeyIsRefused) {
  begin_method();
  respond(eap(2, 20, "\032answer"));
  EXPECT_EQ(answer(RadiusCode::access_accept, eap(3, 20, "")), Progress::failure);
  expect_failure(Failure::no_key, 20);
}

TEST_F(EapAuthenticatorTest, FailuresHaveTexts) {
  for (int i = 0; i <= static_cast<int>(Failure::no_key); ++i)
    EXPECT_STRNE(eap_failure_text(static_cast<Failure>(i)), "?");
}

}  // namespace
}  // namespace cp
