// derive_keys: SKEYSEED and SK_* of a resumed SA are what a client computes who follows the
// formula, for every suite; other formulas lead to messages that do not open.
#include <gtest/gtest.h>

#include "ike/proposal.h"
#include "tests/support/gateway_probe.h"

namespace dp {
namespace {

using rig::GatewayProbe;
using rig::Octets;
using rig::Reaction;
using rig::ScalarClient;

// R5723-31, R5723-39: each suite that the gateway knows, in mixed bursts as well.
TEST(DeriveKeys, FollowsTheFormulaForEverySuite) {
  GatewayProbe probe;
  std::vector<ScalarClient> clients;
  std::vector<Octets> messages;
  for (const ike::Suite& suite : ike::default_ike_suites()) {
    SCOPED_TRACE(testing::Message() << "ENCR " << static_cast<int>(suite.encr) << " PRF "
                                    << static_cast<int>(suite.prf));
    EXPECT_EQ(probe.resume({.suite = suite}).complaint, "");
    clients.push_back(probe.client({.suite = suite}));
    ASSERT_TRUE(probe.open(clients.back()));
    messages.push_back(clients.back().message3());
  }
  const Reaction mixed = probe.send_all(messages);
  ASSERT_EQ(mixed.answers.size(), clients.size()) << mixed.describe();
  for (std::size_t i = 0; i < clients.size(); ++i) {
    const auto message4 = clients[i].open(mixed.answers[i]);
    ASSERT_TRUE(message4.has_value()) << i;
    EXPECT_EQ(clients[i].judge(*message4), "") << i;
  }
  EXPECT_EQ(probe.complaint(), "");
}

// R5723-133: old SPIs, Nr before Ni, the label with its NUL, an SK_d off by a bit.
TEST(DeriveKeys, NoOtherFormulaOpens) {
  const struct {
    const char* what;
    void (*spoil)(ScalarClient&);
  } cases[] = {
      {"old SPIs",
       [](ScalarClient& c) {
         std::swap(c.spi_i, c.old.spi_i);
         std::swap(c.spi_r, c.old.spi_r);
         c.derive();
         std::swap(c.spi_i, c.old.spi_i);
         std::swap(c.spi_r, c.old.spi_r);
       }},
      {"Nr before Ni",
       [](ScalarClient& c) {
         std::swap(c.nonce_i, c.nonce_r);
         c.derive();
         std::swap(c.nonce_i, c.nonce_r);
       }},
      {"label with NUL",
       [](ScalarClient& c) {
         const Octets nonce = c.nonce_i;
         c.nonce_i.insert(c.nonce_i.begin(), 0);
         c.derive();
         c.nonce_i = nonce;
       }},
      {"another SK_d",
       [](ScalarClient& c) {
         c.old.sk_d[0] ^= 1;
         c.derive();
         c.old.sk_d[0] ^= 1;
       }},
  };
  GatewayProbe probe;
  for (const ike::Suite& suite : ike::default_ike_suites()) {
    for (const auto& c : cases) {
      SCOPED_TRACE(c.what);
      ScalarClient client = probe.client({.suite = suite});
      ASSERT_TRUE(probe.open(client));
      ScalarClient wrong = probe.client_of(client.old);
      wrong.spi_i = client.spi_i;
      wrong.spi_r = client.spi_r;
      wrong.nonce_i = client.nonce_i;
      wrong.nonce_r = client.nonce_r;
      wrong.message1 = client.message1;
      c.spoil(wrong);
      const Reaction reaction = probe.send(wrong.message3());
      EXPECT_TRUE(reaction.silent());
      EXPECT_EQ(reaction.drop(), Drop::sk_bad_icv);
      // The half-open session is untouched.
      EXPECT_EQ(probe.finish(std::move(client)).complaint, "");
    }
  }
  EXPECT_EQ(probe.complaint(), "");
}

// Keys are derived by the first message 3 and kept for the second.
TEST(DeriveKeys, OnceIsEnough) {
  GatewayProbe probe;
  ScalarClient client = probe.client();
  ASSERT_TRUE(probe.open(client));
  Octets forged = client.message3();
  forged[40] ^= 1;
  for (unsigned i = 0; i < 5; ++i) EXPECT_EQ(probe.send(forged).drop(), Drop::sk_bad_icv);
  EXPECT_EQ(probe.finish(std::move(client)).complaint, "");
  EXPECT_EQ(probe.complaint(), "");
}

}  // namespace
}  // namespace dp
