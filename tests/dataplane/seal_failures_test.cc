// seal_failures: one protected notify for a failed message 3, in every suite, and the end of its
// half-open session.
#include <gtest/gtest.h>

#include "ike/proposal.h"
#include "tests/support/gateway_probe.h"

namespace dp {
namespace {

using rig::GatewayProbe;
using rig::Octets;
using rig::Reaction;
using rig::ScalarClient;

Octets wrong_message3(ScalarClient& client) {
  rig::RawChain inner = client.plain_inner3();
  inner[2].body.back() ^= 1;
  return client.seal(inner);
}

// R5723-120, CORE-43 for every suite; a burst of them, with a good one in the middle.
TEST(SealFailures, EverySuiteCanSayNo) {
  GatewayProbe probe;
  std::vector<ScalarClient> clients;
  std::vector<Octets> messages;
  for (const ike::Suite& suite : ike::default_ike_suites()) {
    for (const bool good : {false, true}) {
      clients.push_back(probe.client({.suite = suite}));
      ASSERT_TRUE(probe.open(clients.back()));
      messages.push_back(good ? clients.back().message3() : wrong_message3(clients.back()));
    }
  }
  const Reaction reaction = probe.send_all(messages);
  ASSERT_EQ(reaction.answers.size(), clients.size()) << reaction.describe();
  EXPECT_EQ(
      reaction.drops,
      (std::map<Drop, unsigned>{{Drop::auth_failed, static_cast<unsigned>(clients.size() / 2)}}));
  for (std::size_t i = 0; i < clients.size(); ++i) {
    const auto answer = clients[i].open(reaction.answers[i]);
    ASSERT_TRUE(answer.has_value()) << i;
    if (i % 2 == 1) {
      EXPECT_EQ(clients[i].judge(*answer), "") << i;
    } else {
      ASSERT_EQ(answer->payloads.size(), 1u) << i;
      EXPECT_EQ(answer->notify(ike::Notify::authentication_failed), Octets{}) << i;
    }
  }
  EXPECT_EQ(probe.half_opens(), 0u);
  EXPECT_EQ(probe.sessions(), clients.size() / 2);
  EXPECT_EQ(probe.gateway.sum(&WorkerCounters::auth_failures), clients.size() / 2);
  EXPECT_EQ(probe.complaint(), "");
}

// R5723-88: failures give the ticket's half-open places back, however many there are.
TEST(SealFailures, GiveBackThePlacesOfTheTicket) {
  GatewayProbe probe;
  const rig::Keepsake kept = probe.keepsake();
  for (unsigned i = 0; i < 10; ++i) {
    ScalarClient client = probe.client_of(kept);
    ASSERT_TRUE(probe.open(client));
    EXPECT_EQ(probe.send(wrong_message3(client)).drop(), Drop::auth_failed);
  }
  ScalarClient owner = probe.client_of(kept);
  ASSERT_TRUE(probe.open(owner));
  EXPECT_EQ(probe.finish(std::move(owner)).complaint, "");
  EXPECT_EQ(probe.complaint(), "");
}

}  // namespace
}  // namespace dp
