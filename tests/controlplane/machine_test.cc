// IKE SAs from the first message to the last, against an initiator that checks what it gets.
#include "controlplane/machine.h"

#include <gtest/gtest.h>

#include "ike/crash_detection.h"
#include "ike/resume.h"
#include "tests/controlplane/psk_test.h"

namespace cp {
namespace {

using Machine = PskTest;

TEST_F(Machine, IgnoresAForgedMessageAndServesTheGenuineOne) {
  ASSERT_TRUE(init());
  const Octets genuine = client.auth();
  Octets forged = genuine;
  forged.back() ^= 1;
  EXPECT_TRUE(rig.exchange(forged, path).empty());  // RFC 7296 §2.3
  EXPECT_EQ(rig.counters().bad_icv, 1u);
  EXPECT_TRUE(client.take_auth(rig.exchange(genuine, path)));
}

TEST_F(Machine, AnswersARepeatedMessageWithTheSameOctets) {
  const Octets first = client.sa_init();
  const auto answers = rig.exchange(first, path);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(rig.exchange(first, path), answers);  // RFC 7296 §2.1
  ASSERT_TRUE(client.take_sa_init(answers[0]));
  const Octets auth = client.auth();
  const auto established = rig.exchange(auth, path);
  EXPECT_EQ(rig.exchange(auth, path), established);
  EXPECT_EQ(rig.counters().handshakes, 1u);
  EXPECT_EQ(rig.counters().repeated, 2u);
}

TEST_F(Machine, RepeatsTheAnswerThatAnSaEndedWith) {
  ASSERT_TRUE(connect());
  const Octets deletion = client.delete_ike();
  const auto answer = rig.exchange(deletion, path);
  ASSERT_EQ(answer.size(), 1u);
  EXPECT_EQ(rig.exchange(deletion, path), answer);  // RFC 7296 §2.1
  EXPECT_EQ(rig.counters().crash_answers, 0u);
  Octets forged = deletion;
  forged.back() ^= 1;
  EXPECT_TRUE(rig.exchange(forged, path).empty());
  // What the SA never answered is of an SA that is gone.
  EXPECT_EQ(rig.exchange(client.empty_request(ike::Exchange::informational), path).size(), 1u);
  EXPECT_EQ(rig.counters().crash_answers, 1u);
  rig.pass_ms(kEndedMs);
  rig.serve();
  EXPECT_NE(rig.exchange(deletion, path), answer);
  EXPECT_EQ(rig.counters().crash_answers, 2u);
}

TEST_F(Machine, RepeatsTheRefusalOfIkeAuth) {
  client.psk = {'w', 'r', 'o', 'n', 'g'};
  ASSERT_TRUE(init());
  const Octets auth = client.auth();
  const auto answer = rig.exchange(auth, path);
  ASSERT_EQ(answer.size(), 1u);
  EXPECT_EQ(rig.exchange(auth, path), answer);  // RFC 7296 §2.1
  EXPECT_EQ(rig.counters().auth_failed, 1u);
}

TEST_F(Machine, TellsAPeerThatItsSaIsGone) {
  ASSERT_TRUE(connect());
  const ike::IkeSpi gone(client.spi_r.value() ^ 1);
  client.spi_r = gone;
  const auto answers = rig.exchange(client.empty_request(ike::Exchange::informational), path);
  ASSERT_EQ(answers.size(), 1u);  // RFC 6290
  ike::CrashAnswer answer;
  ASSERT_EQ(ike::parse_crash_answer(answers[0], answer), ike::ParseError::none);
  EXPECT_TRUE(answer.invalid_ike_spi);
  EXPECT_FALSE(answer.token.empty());
}

TEST_F(Machine, RepeatsNothingToWhoOnlyKnowsTheSpis) {
  ASSERT_TRUE(connect());
  const Octets genuine = client.empty_request(ike::Exchange::informational);
  const auto answers = rig.exchange(genuine, path);
  ASSERT_EQ(answers.size(), 1u);
  Octets forged = genuine;
  forged.back() ^= 1;
  EXPECT_TRUE(rig.exchange(forged, rig_path(500, 99)).empty());
  EXPECT_EQ(rig.exchange(genuine, path), answers);
}

TEST_F(Machine, NeverTellsTheTokenOfAnSaThatIsAlive) {
  ASSERT_TRUE(connect());
  const Octets genuine = client.empty_request(ike::Exchange::informational);
  for (const int flags : {0x00, 0x20, 0x28}) {
    Octets turned = genuine;
    turned[19] = static_cast<std::uint8_t>(flags);
    EXPECT_TRUE(rig.exchange(turned, path).empty()) << flags;  // RFC 6290 §9.3
  }
  Octets gone = genuine;
  gone[8] ^= 1;
  EXPECT_EQ(rig.exchange(gone, path).size(), 1u);
  // Nor is a short message answered by a longer one.
  gone.resize(40);
  gone[27] = 40;
  EXPECT_TRUE(rig.exchange(gone, path).empty());
}

TEST_F(Machine, InstallsAChildBeforeItSaysSo) {
  ASSERT_TRUE(init());
  rig.deliver(client.auth(), path);
  rig.plane().serve(rig.now());
  auto& ring = rig.workers().orders(0);
  ASSERT_EQ(ring.size(), 2u);  // RFC 7296 §2.8
  EXPECT_EQ(ring.peek()->kind, dp::OrderKind::install_child);
  ring.done();
  EXPECT_EQ(ring.peek()->kind, dp::OrderKind::transmit);
}

TEST_F(Machine, TellsWorkersLaterWhatFoundNoRoom) {
  ASSERT_TRUE(init());
  rig.workers().orders_full = true;
  EXPECT_TRUE(rig.exchange(client.auth(), path).empty());
  EXPECT_TRUE(rig.orders.empty());
  EXPECT_EQ(rig.counters().orders_kept, 1u);
  EXPECT_GE(rig.counters().orders_lost, 1u);
  rig.workers().orders_full = false;
  rig.serve();
  ASSERT_EQ(rig.orders.size(), 1u);
  EXPECT_EQ(rig.orders[0].kind, dp::OrderKind::install_child);
}

TEST_F(Machine, UnauthenticatedErrorsKillNothing) {
  ASSERT_TRUE(connect());
  const ike::Header header{.spi_i = client.spi_i,
                           .spi_r = client.spi_r,
                           .exchange = ike::Exchange::informational,
                           .flags = ike::kFlagInitiator | ike::kFlagResponse};
  for (const ike::Notify why : {ike::Notify::invalid_ike_spi, ike::Notify::invalid_syntax}) {
    Octets message(128);
    message.resize(ike::write_clear_notify(header, why, {}, message));
    EXPECT_TRUE(rig.exchange(message, path).empty());  // RFC 7296 §2.4
  }
  EXPECT_EQ(rig.sa(client.spi_r)->state, SaState::established);
  EXPECT_TRUE(ask(client.empty_request(ike::Exchange::informational)).ok);
}

TEST_F(Machine, MovesToPort4500DuringIkeAuth) {
  ASSERT_TRUE(init());
  const dp::PeerPath floated = rig_path(4500);
  ASSERT_TRUE(client.take_auth(rig.exchange(client.auth(), floated)));
  EXPECT_EQ(rig.sent.back().path, floated);
  EXPECT_EQ(rig.sa(client.spi_r)->path, floated);
}

}  // namespace
}  // namespace cp
