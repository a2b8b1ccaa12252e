// IKE SAs from the first message to the last, against an initiator that checks what it gets.
#include "controlplane/machine.h"

#include <gtest/gtest.h>

#include "ike/crash_detection.h"
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

// RFC 6290 §4.3: whoever sees the SPIs of a living SA must not get its token by turning flags
// round.
TEST_F(Machine, GivesNoTokenForAnSaThatLives) {
  ASSERT_TRUE(connect());
  const Octets genuine = client.empty_request(ike::Exchange::informational);
  for (const int flags : {0x00, 0x20, 0x28}) {
    Octets turned = genuine;
    turned[19] = static_cast<std::uint8_t>(flags);
    EXPECT_TRUE(rig.exchange(turned, path).empty()) << flags;
  }
  Octets other = genuine;
  other[0] ^= 1;  // another initiator's SPI beside ours
  EXPECT_TRUE(rig.exchange(other, path).empty());
  EXPECT_TRUE(client.open(rig.exchange(genuine, path)).ok);
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
