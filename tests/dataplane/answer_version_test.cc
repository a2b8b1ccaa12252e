// answer_version: a peer that speaks a later IKE is told which one we speak; nobody else is.
#include <gtest/gtest.h>

#include "tests/support/gateway_probe.h"

namespace dp {
namespace {

using rig::GatewayProbe;
using rig::Octets;
using rig::RawMessage;
using rig::Reaction;

// CORE-06, R5723-112: the answer is a message of version 2.0, from the other end.
TEST(AnswerVersion, NamesTheVersionThatWeSpeak) {
  GatewayProbe probe;
  for (const std::uint8_t version : std::array<std::uint8_t, 2>{0x30, 0xf7}) {
    RawMessage request = probe.sa_init();
    request.version = version;
    const Reaction reaction = probe.send(write_message(request));
    EXPECT_EQ(reaction.drop(), Drop::ike_bad_version);
    ASSERT_EQ(reaction.answers.size(), 1u);
    const std::optional<RawMessage> answer = rig::read_message(reaction.answers[0]);
    ASSERT_TRUE(answer.has_value());
    EXPECT_EQ(answer->version, 0x20);
    EXPECT_EQ(answer->spi_i, request.spi_i);
    EXPECT_EQ(answer->exchange, request.exchange);
    EXPECT_EQ(answer->flags, 0x20);
    EXPECT_EQ(answer->notifies(), std::vector<std::uint16_t>{5});
  }
  EXPECT_TRUE(probe.take_punts().empty());
  EXPECT_EQ(probe.complaint(), "");
}

// An older version, a response, what is shorter than the answer, and what is over budget.
TEST(AnswerVersion, AnswersNothingElse) {
  GatewayProbe probe(
      {.configure = [](WorkerConfig& c) { c.admission.answers_per_source_per_s = 2; }});
  RawMessage old = probe.sa_init();
  old.version = 0x10;
  EXPECT_TRUE(probe.send(write_message(old)).silent());
  RawMessage response = probe.sa_init();
  response.version = 0x30;
  response.flags = 0x20;
  EXPECT_TRUE(probe.send(write_message(response)).silent());
  RawMessage brief{.spi_i = 1, .version = 0x30, .exchange = ike::Exchange::ike_sa_init};
  EXPECT_TRUE(probe.send(write_message(brief)).silent());
  RawMessage request = probe.sa_init();
  request.version = 0x30;
  EXPECT_FALSE(probe.send(write_message(request)).silent());
  EXPECT_FALSE(probe.send(write_message(request)).silent());
  EXPECT_EQ(probe.send(write_message(request)).drop(), Drop::answer_limit);
  EXPECT_EQ(probe.complaint(), "");
}

}  // namespace
}  // namespace dp
