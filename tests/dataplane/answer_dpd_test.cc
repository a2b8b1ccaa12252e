// answer_dpd and repeat_answers: liveness of established sessions, answers sent again.
#include <gtest/gtest.h>

#include "ike/proposal.h"
#include "tests/support/gateway_probe.h"

namespace dp {
namespace {

using ike::Exchange;
using rig::GatewayProbe;
using rig::Octets;
using rig::RawChain;
using rig::Reaction;
using rig::Resumed;
using rig::ScalarClient;

Octets informational(ScalarClient& client, std::uint32_t id, const RawChain& inner = {}) {
  return client.seal(inner, {.exchange = Exchange::informational, .message_id = id});
}

// CORE-80, R5723-44: an empty INFORMATIONAL is answered by an empty one, in every suite.
TEST(AnswerDpd, AnswersLivenessChecks) {
  GatewayProbe probe;
  for (const ike::Suite& suite : ike::default_ike_suites()) {
    Resumed live = probe.resume({.suite = suite});
    ASSERT_EQ(live.complaint, "");
    for (std::uint32_t id = 2; id < 6; ++id) {
      const Reaction reaction = probe.send(informational(live.client, id));
      ASSERT_EQ(reaction.answers.size(), 1u) << reaction.describe();
      const auto answer = live.client.open(reaction.answers[0]);
      ASSERT_TRUE(answer.has_value());
      EXPECT_EQ(answer->exchange, Exchange::informational);
      EXPECT_EQ(answer->message_id, id);
      EXPECT_EQ(answer->flags, 0x20);
      EXPECT_TRUE(answer->payloads.empty());
    }
  }
  EXPECT_EQ(probe.gateway.sum(&WorkerCounters::dpd_answers), 4 * ike::default_ike_suites().size());
  EXPECT_EQ(probe.complaint(), "");
}

// CORE-57: the same request gets the same octets; after the next one the old is forgotten.
TEST(AnswerDpd, RepeatsItsLastAnswerOnly) {
  GatewayProbe probe;
  Resumed live = probe.resume();
  ASSERT_EQ(live.complaint, "");
  const Octets second = informational(live.client, 2);
  const Octets first_answer = probe.send(second).answers.at(0);
  EXPECT_EQ(probe.send(second).answers.at(0), first_answer);
  // The same Message ID sealed anew is a repetition too (the client may have lost its copy).
  EXPECT_EQ(probe.send(informational(live.client, 2)).answers.at(0), first_answer);
  const Octets third = informational(live.client, 3);
  EXPECT_NE(probe.send(third).answers.at(0), first_answer);
  EXPECT_EQ(probe.send(second).drop(), Drop::message_id_unexpected);
  EXPECT_EQ(probe.complaint(), "");
}

// CORE-59, CORE-87: a bad ICV or a clear one moves nothing.
TEST(AnswerDpd, ForgedRequestsMoveNothing) {
  GatewayProbe probe;
  Resumed live = probe.resume();
  ASSERT_EQ(live.complaint, "");
  Octets forged = informational(live.client, 2);
  forged.back() ^= 1;
  for (unsigned i = 0; i < 3; ++i) {
    const Reaction reaction = probe.send(forged);
    EXPECT_TRUE(reaction.silent());
    EXPECT_EQ(reaction.drop(), Drop::sk_bad_icv);
  }
  rig::RawMessage clear;
  clear.spi_i = live.client.spi_i;
  clear.spi_r = live.client.spi_r;
  clear.exchange = Exchange::informational;
  clear.message_id = 2;
  clear.payloads = {{.type = ike::PayloadType::del, .body = {1, 0, 0, 0}}};
  EXPECT_EQ(probe.send(write_message(clear)).drop(), Drop::sk_malformed);
  EXPECT_EQ(probe.send(informational(live.client, 2)).answers.size(), 1u);
  EXPECT_EQ(probe.complaint(), "");
}

// CORE-88: the answer goes where the request came from.
TEST(AnswerDpd, FollowsTheClient) {
  GatewayProbe probe;
  Resumed live = probe.resume();
  ASSERT_EQ(live.complaint, "");
  probe.path.source4 = {203, 0, 113, 5};
  probe.path.source_port = 6000;
  probe.path.destination_port = 4500;
  const Reaction reaction = probe.send(informational(live.client, 2));
  ASSERT_EQ(reaction.packets.size(), 1u);
  EXPECT_EQ(reaction.packets[0].destination_port, 6000);
  EXPECT_EQ(reaction.packets[0].source_port, 4500);
}

}  // namespace
}  // namespace dp
