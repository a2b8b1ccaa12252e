// answer_unknown: who gets INVALID_IKE_SPI and a QCD token, and that a token never leaves for an SA
// that is alive.
#include <gtest/gtest.h>

#include "dataplane/spi_codec.h"
#include "tests/support/gateway_probe.h"

namespace dp {
namespace {

using ike::Exchange;
using rig::GatewayProbe;
using rig::operator+;
using rig::be64;
using rig::Octets;
using rig::RawMessage;
using rig::Reaction;
using rig::Resumed;
using rig::ScalarClient;

Octets dpd(ScalarClient& client, std::uint8_t flags = 0x08, std::uint32_t id = 2) {
  return client.seal({}, {.exchange = Exchange::informational, .message_id = id, .flags = flags});
}

// RFC 6290 §5.1 by the client's own HMAC; its suite has HMAC-SHA-256.
Octets token_of(GatewayProbe& probe, ScalarClient& client) {
  const auto& secret = probe.gateway.shared().qcd_secret;
  return client.prf({secret.begin(), secret.end()}, be64(client.spi_i) + be64(client.spi_r));
}

// R5723-171, RFC 6290 §4.5: after a restart an old SA's request is answered with the token that the
// gateway could have told before, in the form of the request.
TEST(AnswerUnknown, TellsAClientThatTheGatewayHasForgotten) {
  GatewayProbe probe;
  Resumed live = probe.resume();
  ASSERT_EQ(live.complaint, "");
  const Octets token = token_of(probe, live.client);
  EXPECT_EQ(probe.gateway.sum(&WorkerCounters::crash_answers), 0u);
  probe.gateway.restart();

  const Reaction reaction = probe.send(dpd(live.client));
  EXPECT_EQ(reaction.drop(), Drop::spi_unknown);
  ASSERT_EQ(reaction.answers.size(), 1u);
  const std::optional<RawMessage> answer = rig::read_message(reaction.answers[0]);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->spi_i, live.client.spi_i);
  EXPECT_EQ(answer->spi_r, live.client.spi_r);
  EXPECT_EQ(answer->exchange, Exchange::informational);
  EXPECT_EQ(answer->message_id, 2u);
  EXPECT_EQ(answer->flags, 0x20);
  EXPECT_EQ(answer->notify(ike::Notify::invalid_ike_spi), Octets{});
  EXPECT_EQ(answer->notify(ike::Notify::quick_crash_detection), token);
  EXPECT_EQ(answer->payloads.size(), 2u);
  EXPECT_EQ(probe.gateway.sum(&WorkerCounters::crash_answers), 1u);

  // An SA that the gateway had begun, by rekeying: the I flag is clear and comes back set.
  const Reaction ours = probe.send(dpd(live.client, 0x00, 3));
  ASSERT_EQ(ours.answers.size(), 1u);
  EXPECT_EQ(rig::read_message(ours.answers[0])->flags, 0x28);
  EXPECT_EQ(probe.complaint(), "");
}

// The answer is a whole packet whatever the way.
TEST(AnswerUnknown, AnswersEveryExchangeOfAnSa) {
  GatewayProbe probe;
  ScalarClient client = probe.client();
  ASSERT_TRUE(probe.open(client));
  probe.gateway.restart();
  for (const bool is_ip6 : {false, true}) {
    probe.path.is_ip6 = is_ip6;
    probe.path.destination_port = is_ip6 ? 4500 : 500;
    for (const Exchange e : {Exchange::ike_auth, Exchange::create_child_sa}) {
      const Reaction reaction =
          probe.send(client.seal(client.plain_inner3(), {.exchange = e, .message_id = 7}));
      ASSERT_EQ(reaction.answers.size(), 1u);
      EXPECT_EQ(rig::read_message(reaction.answers[0])->exchange, e);
    }
  }
  EXPECT_EQ(probe.complaint(), "");
}

// RFC 6290 §5.2: a token is never told for an SA that is alive, whatever is forged round its SPIs:
// half-open, established, adopted, of another worker, of the control thread.
TEST(AnswerUnknown, KeepsQuietAboutWhatIsAlive) {
  GatewayProbe probe({.workers = 2});
  ScalarClient half = probe.client();
  ASSERT_TRUE(probe.open(half));
  Resumed established = probe.resume();
  Resumed adopted = probe.resume();
  probe.send(adopted.client.seal({}, {.exchange = Exchange::create_child_sa, .message_id = 2}));
  ASSERT_EQ(probe.take_punts().size(), 1u);
  for (ScalarClient* client : {&half, &established.client, &adopted.client}) {
    for (const unsigned worker : {0u, 1u}) {
      for (const std::uint8_t flags : std::array<std::uint8_t, 2>{0x00, 0x20}) {
        const Reaction reaction = probe.send(dpd(*client, flags), worker);
        EXPECT_TRUE(reaction.silent()) << reaction.describe();
      }
      // The same SPIr with another SPIi is no SA, but nobody asks for it honestly.
      EXPECT_TRUE(probe
                      .send(client->seal({}, {.exchange = Exchange::informational,
                                              .message_id = 2,
                                              .spi_i = client->spi_i ^ 1}),
                            worker)
                      .silent());
    }
  }
  // An SA that the gateway began has its SPI in the place of the initiator's.
  crypto::Random random(9);
  const SpiCodec codec(probe.gateway.shared().spi_secret);
  const std::uint64_t ours = control_spi(codec, random).value();
  EXPECT_TRUE(probe
                  .send(half.seal({}, {.exchange = Exchange::informational,
                                       .message_id = 2,
                                       .spi_i = ours,
                                       .spi_r = 0x1234567}))
                  .silent());
  EXPECT_EQ(probe.gateway.sum(&WorkerCounters::crash_answers), 0u);
  EXPECT_EQ(probe.complaint(), "");
}

// Nothing else is answered: what begins an SA, responses, what is not protected or too short to be.
TEST(AnswerUnknown, AnswersOnlyProtectedRequests) {
  GatewayProbe probe;
  ScalarClient client = probe.client();
  ASSERT_TRUE(probe.open(client));
  probe.gateway.restart();
  for (const Exchange e : {Exchange::ike_sa_init, Exchange::ike_session_resume})
    EXPECT_TRUE(probe.send(client.seal({}, {.exchange = e, .message_id = 2})).silent());
  for (const std::uint8_t flags : std::array<std::uint8_t, 2>{0x28, 0x20})
    EXPECT_EQ(probe.send(dpd(client, flags)).drop(), Drop::ike_response);
  RawMessage clear{.spi_i = 5, .spi_r = 6, .exchange = Exchange::informational, .message_id = 2};
  EXPECT_TRUE(probe.send(write_message(clear)).silent());
  clear.payloads = {{.type = ike::PayloadType::del, .body = Octets(60, 0)}};
  EXPECT_TRUE(probe.send(write_message(clear)).silent());
  clear.payloads = {{.type = ike::PayloadType::sk, .body = Octets(24, 0)}};
  EXPECT_TRUE(probe.send(write_message(clear)).silent());
  clear.payloads = {{.type = ike::PayloadType::sk, .body = Octets(25, 0)}};
  EXPECT_EQ(probe.send(write_message(clear)).answers.size(), 1u);
  EXPECT_EQ(probe.complaint(), "");
}

// No amplifier and no burden: a budget per source, and silence under load.
TEST(AnswerUnknown, StaysWithinItsBudget) {
  GatewayProbe probe(
      {.configure = [](WorkerConfig& c) { c.admission.answers_per_source_per_s = 3; }});
  ScalarClient client = probe.client();
  ASSERT_TRUE(probe.open(client));
  probe.gateway.restart();
  const Octets request = dpd(client);
  for (unsigned i = 0; i < 3; ++i) EXPECT_EQ(probe.send(request).answers.size(), 1u);
  const Reaction over = probe.send(request);
  EXPECT_TRUE(over.silent());
  EXPECT_EQ(over.drop(), Drop::answer_limit);
  probe.path.source4 = {203, 0, 113, 50};
  probe.gateway.port().set_backlog_permille(600);
  const Reaction loaded = probe.send(request);
  EXPECT_TRUE(loaded.silent());
  EXPECT_EQ(loaded.drop(), Drop::spi_unknown);
  probe.gateway.port().set_backlog_permille(0);
  EXPECT_EQ(probe.send(request).answers.size(), 1u);
  EXPECT_EQ(probe.complaint(), "");
}

}  // namespace
}  // namespace dp
