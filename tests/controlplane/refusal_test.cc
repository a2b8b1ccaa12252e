// Answers that say no: RFC 7296 §2.21.2, §2.5.
#include <gtest/gtest.h>

#include "controlplane/handlers.h"
#include "tests/controlplane/psk_test.h"

namespace cp {
namespace {

using Refusal = PskTest;

TEST_F(Refusal, NamesTheCriticalPayloadThatItDoesNotKnow) {
  ASSERT_TRUE(connect());
  // Type 200 with the critical bit; nothing in it.
  const auto opened = ask(client.request(ike::Exchange::informational,
                                         static_cast<ike::PayloadType>(200), {0, 0x80, 0, 4}));
  ASSERT_TRUE(opened.ok);
  EXPECT_EQ(client.error_of(opened), number(ike::Notify::unsupported_critical_payload));
  EXPECT_EQ(opened.inner.back(), 200);
  EXPECT_EQ(rig.sa(client.spi_r)->state, SaState::established);
}

TEST_F(Refusal, AnswersAMalformedRequestAndKeepsTheSa) {
  ASSERT_TRUE(connect());
  const auto opened = ask(client.request(ike::Exchange::informational, ike::PayloadType::del,
                                         {0, 0, 0, 9, 3, 4, 0, 2, 1}));
  ASSERT_TRUE(opened.ok);
  EXPECT_EQ(client.error_of(opened), number(ike::Notify::invalid_syntax));
  EXPECT_EQ(rig.sa(client.spi_r)->state, SaState::established);
}

TEST_F(Refusal, NamesACriticalPayloadOfIkeSaInitInClear) {
  Octets first = client.sa_init();
  first.insert(first.end(), {0, 0x80, 0, 4});  // type 200 behind the last payload
  crypto::store_be32(first.data() + 24, static_cast<std::uint32_t>(first.size()));
  std::size_t at = ike::kHeaderLen;
  while (first[at] != 0) at += crypto::load_be16(first.data() + at + 2);
  first[at] = 200;
  const auto answers = rig.exchange(first, path);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].back(), 200);  // RFC 7296 §2.5
  EXPECT_EQ(rig.counters().malformed, 1u);
  EXPECT_EQ(rig.sas().size(), 0u);
}

TEST_F(Refusal, EndsAnSaWhoseIkeAuthIsMalformed) {
  ASSERT_TRUE(init());
  const auto opened = ask(
      client.request(ike::Exchange::ike_auth, ike::PayloadType::id_i, {0, 0, 0, 99, 1, 0, 0, 0}));
  ASSERT_TRUE(opened.ok);
  EXPECT_EQ(client.error_of(opened), number(ike::Notify::invalid_syntax));
  EXPECT_EQ(rig.sas().size(), 0u);
}

}  // namespace
}  // namespace cp
