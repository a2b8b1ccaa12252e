// RadiusClient with servers on the loopback interface and a clock of the test's own.
#include "controlplane/radius_client.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <spdlog/sinks/ostream_sink.h>

#include <set>
#include <sstream>

#include "tests/support/radius_peer.h"

namespace cp {
namespace {

using support::Octets;
using support::RadiusAnswerBuilder;
using support::RadiusQuestion;
using support::RadiusServerSocket;

const std::string kSecret = "a shared secret";

struct Asker : RadiusReceiver {
  Asker() = default;
  virtual ~Asker() = default;
  unsigned calls = 0;
  bool answered = false;
  RadiusAnswer answer;
  std::size_t server = 99;

  void on_radius(RadiusAnswer* given, std::size_t from, std::uint64_t) override {
    ++calls;
    answered = given != nullptr;
    if (answered) answer = std::move(*given);
    server = from;
  }
};

class RadiusClientTest : public testing::Test {
 protected:
  static constexpr std::uint64_t kStart = 1'000'000;

  void open(std::size_t servers = 1, std::uint32_t sockets = 1, std::uint32_t tries = 3) {
    RadiusSettings settings{.servers = {}, .timeout_ms = 1000, .tries = tries, .sockets = sockets};
    for (std::size_t i = 0; i < servers; ++i) {
      servers_.push_back(std::make_unique<RadiusServerSocket>());
      settings.servers.push_back(endpoint("r" + std::to_string(i), *servers_.back()));
    }
    auto client = RadiusClient::open(std::move(settings), log_);
    ASSERT_TRUE(client) << client.error().text;
    client_ = std::move(*client);
  }
  static RadiusEndpoint endpoint(std::string name, const RadiusServerSocket& server) {
    return {.name = std::move(name),
            .address = server.address(),
            .port = server.port(),
            .secret = secret(kSecret)};
  }
  static crypto::SecretBytes secret(std::string_view text) {
    const Octets octets(text.begin(), text.end());
    return crypto::SecretBytes(octets);
  }

  RadiusClient::RequestId submit(Asker& asker, std::size_t server = RadiusClient::kAnyServer,
                                 std::uint64_t token = 7) {
    const auto id = client_->submit({.user_name = "alice"}, server, asker, token, now_);
    return id ? *id : 0;
  }
  void answer(std::size_t server, const RadiusQuestion& question,
              RadiusCode code = RadiusCode::access_accept, const std::string& secret = kSecret) {
    servers_[server]->send(question, RadiusAnswerBuilder(code, question.exchange(secret)).sign());
    read();
  }
  void read() {
    for (const int fd : client_->fds()) client_->on_readable(fd, now_);
  }
  // Lets time pass up to the next deadline.
  void step() {
    ASSERT_NE(client_->next_deadline_ms(), ~std::uint64_t{0});
    now_ = client_->next_deadline_ms();
    client_->on_timer(now_);
  }
  unsigned received(std::size_t server) {
    unsigned count = 0;
    while (servers_[server]->receive()) ++count;
    return count;
  }
  // Nobody answers `asker` until its request ends or moves to a server that does.
  void let_die(Asker& asker) {
    while (asker.calls == 0) step();
  }

  std::ostringstream lines_;
  spdlog::logger log_{"test", std::make_shared<spdlog::sinks::ostream_sink_mt>(lines_)};
  std::vector<std::unique_ptr<RadiusServerSocket>> servers_;
  std::unique_ptr<RadiusClient> client_;
  std::uint64_t now_ = kStart;
};

TEST_F(RadiusClientTest, AsksAndIsAnswered) {
  open();
  Asker asker;
  ASSERT_NE(submit(asker), 0u);
  EXPECT_EQ(client_->outstanding(), 1u);
  const auto question = servers_[0]->receive();
  ASSERT_TRUE(question);
  EXPECT_TRUE(question->is_right(kSecret));
  pollfd waiting{.fd = client_->fds().front(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&waiting, 1, 0), 0);
  answer(0, *question);
  EXPECT_EQ(asker.calls, 1u);
  EXPECT_TRUE(asker.answered);
  EXPECT_EQ(asker.server, 0u);
  EXPECT_EQ(client_->take_progressed(), std::vector<std::uint64_t>{7});
  EXPECT_TRUE(client_->take_progressed().empty());
  EXPECT_EQ(client_->outstanding(), 0u);
  EXPECT_EQ(client_->next_deadline_ms(), ~std::uint64_t{0});
  EXPECT_EQ(client_->counters().accepts, 1u);
}

TEST_F(RadiusClientTest, AnswersFindTheirRequestsInAnyOrder) {
  open(1, 2);
  std::vector<Asker> askers(200);
  for (std::size_t i = 0; i < askers.size(); ++i)
    ASSERT_NE(submit(askers[i], RadiusClient::kAnyServer, i), 0u);
  std::vector<RadiusQuestion> questions;
  while (auto question = servers_[0]->receive()) questions.push_back(*question);
  ASSERT_EQ(questions.size(), askers.size());
  std::set<std::uint16_t> ports;
  std::set<Octets> authenticators;
  for (const RadiusQuestion& q : questions) {
    ports.insert(q.from.sin6_port);
    authenticators.insert(Octets(q.octets.begin() + 4, q.octets.begin() + 20));
  }
  EXPECT_EQ(ports.size(), 2u);
  EXPECT_EQ(authenticators.size(), askers.size());  // RFC 2865 §3: unpredictable, never repeated
  for (std::size_t i = questions.size(); i-- > 0;) answer(0, questions[i]);
  for (const Asker& asker : askers) EXPECT_EQ(asker.calls, 1u);
  EXPECT_EQ(client_->take_progressed().size(), askers.size());
}

// RFC 5080 §2.2.1: intervals double; RFC 2865 §2.5: the same octets again.
TEST_F(RadiusClientTest, SendsTheSameAgainWithLongerIntervals) {
  open(1, 1, 4);
  Asker asker;
  submit(asker);
  Octets first = servers_[0]->receive()->octets;
  std::uint64_t expected = 1000;
  for (int i = 0; i < 3; ++i) {
    const std::uint64_t before = now_;
    step();
    EXPECT_GE(now_ - before, expected - expected / 10);
    EXPECT_LE(now_ - before, expected + expected / 10);
    const auto again = servers_[0]->receive();
    ASSERT_TRUE(again);
    EXPECT_EQ(again->octets, first);
    expected *= 2;
  }
  step();
  EXPECT_EQ(asker.calls, 1u);
  EXPECT_FALSE(asker.answered);
  EXPECT_EQ(received(0), 0u);
  EXPECT_EQ(client_->take_progressed(), std::vector<std::uint64_t>{7});
  EXPECT_EQ(client_->counters().retransmissions, 3u);
  EXPECT_EQ(client_->counters().timeouts, 1u);
}

TEST_F(RadiusClientTest, IntervalsHaveAnEnd) {
  open(1, 1, 10);
  Asker asker;
  submit(asker);
  std::uint64_t longest = 0;
  while (asker.calls == 0) {
    const std::uint64_t before = now_;
    step();
    longest = std::max(longest, now_ - before);
  }
  EXPECT_LE(longest, kRadiusIntervalMaxMs + kRadiusIntervalMaxMs / 10);
  EXPECT_GE(longest, kRadiusIntervalMaxMs - kRadiusIntervalMaxMs / 10);
}

TEST_F(RadiusClientTest, WrongAnswersAreDroppedAndTheRightOneStillCounts) {
  open();
  Asker asker;
  submit(asker);
  const auto question = servers_[0]->receive();
  answer(0, *question, RadiusCode::access_accept, "another secret");
  servers_[0]->send(*question, Octets(10));
  Octets other = RadiusAnswerBuilder(RadiusCode::access_accept, question->exchange(kSecret)).sign();
  other[1] ^= 1;
  servers_[0]->send(*question, other);
  servers_[0]->send(
      *question,
      RadiusAnswerBuilder(RadiusCode::access_accept, question->exchange(kSecret)).unprotected());
  read();
  EXPECT_EQ(asker.calls, 0u);
  EXPECT_EQ(client_->counters().bad_answers, 2u);
  EXPECT_EQ(client_->counters().unexpected, 2u);
  answer(0, *question, RadiusCode::access_reject);
  EXPECT_EQ(asker.calls, 1u);
  EXPECT_EQ(asker.answer.code, RadiusCode::access_reject);
  answer(0, *question, RadiusCode::access_accept);  // again: nobody waits for it
  EXPECT_EQ(asker.calls, 1u);
  // One line, not one for each: whoever reaches the port could fill the log.
  EXPECT_NE(lines_.str().find("signed with another secret"), std::string::npos);
  EXPECT_EQ(lines_.str().find("Message-Authenticator"), std::string::npos);
  EXPECT_EQ(lines_.str().find(kSecret), std::string::npos);
}

TEST_F(RadiusClientTest, ACancelledRequestIsForgotten) {
  open();
  Asker asker;
  const auto id = submit(asker);
  const auto question = servers_[0]->receive();
  client_->cancel(id);
  client_->cancel(id);
  EXPECT_EQ(client_->outstanding(), 0u);
  EXPECT_EQ(client_->next_deadline_ms(), ~std::uint64_t{0});
  answer(0, *question);
  EXPECT_EQ(asker.calls, 0u);
  EXPECT_TRUE(client_->take_progressed().empty());
}

TEST_F(RadiusClientTest, OutstandingRequestsAreBounded) {
  open();
  std::vector<Asker> askers(256);
  std::vector<RadiusClient::RequestId> ids;
  for (Asker& asker : askers) ids.push_back(submit(asker));
  EXPECT_NE(ids.back(), 0u);
  Asker late;
  EXPECT_EQ(submit(late), 0u);
  EXPECT_EQ(client_->counters().refused, 1u);
  EXPECT_EQ(client_->outstanding(), 256u);
  client_->cancel(ids[100]);
  EXPECT_NE(submit(late), 0u);
}

TEST_F(RadiusClientTest, ARequestThatNoPacketHoldsIsRefused) {
  open();
  Asker asker;
  EXPECT_FALSE(client_->submit({.user_name = "a", .eap = Octets(5000)}, RadiusClient::kAnyServer,
                               asker, 1, now_));
  EXPECT_EQ(client_->outstanding(), 0u);
  std::vector<Asker> askers(256);  // and has kept no identifier
  for (Asker& one : askers) EXPECT_NE(submit(one), 0u);
}

TEST_F(RadiusClientTest, MovesOnToTheNextServerAndRemembers) {
  open(2);
  Asker first;
  submit(first);
  while (client_->counters().failovers == 0) step();
  EXPECT_EQ(received(0), 3u);
  EXPECT_FALSE(client_->alive(0));
  const auto question = servers_[1]->receive();
  ASSERT_TRUE(question);
  EXPECT_TRUE(question->is_right(kSecret));
  answer(1, *question, RadiusCode::access_challenge);
  EXPECT_TRUE(first.answered);
  EXPECT_EQ(first.server, 1u);
  // The next conversation does not wait for the dead one.
  Asker second;
  submit(second);
  EXPECT_EQ(received(0), 0u);
  EXPECT_EQ(received(1), 1u);
  EXPECT_NE(lines_.str().find("r0 does not answer"), std::string::npos);
}

// RFC 2865 §5.24: State means something to the server that gave it, and to no other.
TEST_F(RadiusClientTest, AConversationStaysWithItsServer) {
  open(2);
  Asker asker;
  submit(asker, 0);
  let_die(asker);
  EXPECT_FALSE(asker.answered);
  EXPECT_EQ(received(0), 3u);
  EXPECT_EQ(received(1), 0u);
}

TEST_F(RadiusClientTest, ADeadServerIsTriedByOneConversationAtATime) {
  open(2);
  Asker first;
  submit(first);
  while (client_->counters().failovers == 0) step();
  received(0);
  answer(1, *servers_[1]->receive());
  now_ += kRadiusDeadMs;
  Asker trial, other;
  submit(trial);
  submit(other);
  EXPECT_EQ(received(0), 1u);
  answer(1, *servers_[1]->receive());
  EXPECT_TRUE(other.answered);
  // No answer: one try was enough, the other server has it.
  step();
  EXPECT_EQ(received(0), 0u);
  answer(1, *servers_[1]->receive());
  EXPECT_TRUE(trial.answered);
  // And next time it answers, and is the first again.
  now_ += kRadiusDeadMs;
  Asker back, after;
  submit(back);
  answer(0, *servers_[0]->receive());
  EXPECT_TRUE(back.answered);
  EXPECT_TRUE(client_->alive(0));
  submit(after);
  EXPECT_EQ(received(0), 1u);
  EXPECT_NE(lines_.str().find("r0 answers again"), std::string::npos);
}

TEST_F(RadiusClientTest, WhenAllAreDeadAllAreAsked) {
  open(2);
  Asker first, second;
  submit(first);
  let_die(first);
  EXPECT_FALSE(client_->alive(0) || client_->alive(1));
  received(0);
  received(1);
  submit(second);
  let_die(second);
  EXPECT_EQ(received(0), 3u);
  EXPECT_EQ(received(1), 3u);
}

TEST_F(RadiusClientTest, AServerThatAnswersOthersIsNotDead) {
  open(2);
  Asker lost, served;
  submit(lost);
  received(0);
  now_ += 10;
  submit(served);
  answer(0, *servers_[0]->receive());
  while (client_->counters().failovers == 0) step();
  EXPECT_TRUE(client_->alive(0));
}

TEST_F(RadiusClientTest, AFullServerPassesOnToTheNext) {
  open(2);
  std::vector<Asker> askers(257);
  for (Asker& asker : askers) EXPECT_NE(submit(asker), 0u);
  EXPECT_EQ(received(0), 256u);
  EXPECT_EQ(received(1), 1u);
}

TEST_F(RadiusClientTest, TheReceiverMayAskAgainAtOnce) {
  open();
  struct Again : Asker {
    RadiusClient* client = nullptr;
    Asker next;
    void on_radius(RadiusAnswer* given, std::size_t from, std::uint64_t now_ms) override {
      Asker::on_radius(given, from, now_ms);
      EXPECT_TRUE(client->submit({.user_name = "alice"}, from, next, 8, now_ms));
    }
  } again;
  again.client = client_.get();
  submit(again);
  answer(0, *servers_[0]->receive());
  answer(0, *servers_[0]->receive());
  EXPECT_EQ(again.next.calls, 1u);
}

TEST_F(RadiusClientTest, RefusesSettingsThatCannotBe) {
  RadiusServerSocket server;
  const auto refuses = [&](auto change) {
    RadiusSettings settings;
    settings.servers.push_back(endpoint("r", server));
    change(settings);
    const auto client = RadiusClient::open(std::move(settings), log_);
    return !client && client.error().text.starts_with("RADIUS");
  };
  EXPECT_FALSE(refuses([](RadiusSettings&) {}));
  EXPECT_TRUE(refuses([](RadiusSettings& s) { s.servers.clear(); }));
  EXPECT_TRUE(refuses([](RadiusSettings& s) { s.servers[0].port = 0; }));
  EXPECT_TRUE(refuses([](RadiusSettings& s) { s.servers[0].secret = secret(""); }));
  EXPECT_TRUE(
      refuses([](RadiusSettings& s) { s.servers[0].secret = secret(std::string(257, 'x')); }));
  EXPECT_TRUE(refuses([](RadiusSettings& s) { s.tries = 0; }));
  EXPECT_TRUE(refuses([](RadiusSettings& s) { s.timeout_ms = 0; }));
  EXPECT_FALSE(refuses([](RadiusSettings& s) { s.timeout_ms = 60'000; }));
  EXPECT_TRUE(refuses([](RadiusSettings& s) { s.timeout_ms = 60'001; }));
  EXPECT_TRUE(refuses([](RadiusSettings& s) { s.sockets = 0; }));
  EXPECT_TRUE(refuses([&](RadiusSettings& s) {
    while (s.servers.size() <= kRadiusServersMax) s.servers.push_back(endpoint("r", server));
  }));
}

}  // namespace
}  // namespace cp
