// find_sessions: which session a packet belongs to, on which worker, and whether its exchange and
// Message ID may be looked at there at all.
#include <gtest/gtest.h>

#include "tests/support/gateway_probe.h"

namespace dp {
namespace {

using ike::Exchange;
using rig::GatewayProbe;
using rig::operator+;
using rig::Octets;
using rig::Protection;
using rig::Reaction;
using rig::ScalarClient;

struct Misplaced {
  const char* row;
  const char* what;
  Protection how;
  Drop why;
};

// R5723-128, R5723-129, R5723-132, R5723-163: on a half-open session nothing but IKE_AUTH with
// Message ID 1 is looked at, and the right one afterwards works. Every exchange there is, and the
// unassigned ones.
TEST(FindSessions, AHalfOpenSessionTakesOnlyMessage3) {
  std::vector<Misplaced> cases = {
      {"R5723-128", "Message ID 0", {.message_id = 0}, Drop::message_id_unexpected},
      {"R5723-128", "Message ID 2", {.message_id = 2}, Drop::message_id_unexpected},
      {"R5723-163", "Message ID 3", {.message_id = 3}, Drop::message_id_unexpected},
      {"R5723-128", "Message ID 2^32 - 1", {.message_id = ~0u}, Drop::message_id_unexpected},
      {"R5723-129", "SPIi is another", {.spi_i = 0xabcd}, Drop::spi_unknown},
      {"CORE-08", "response flag", {.flags = 0x28}, Drop::ike_response},
      {"CORE-09", "initiator flag clear", {.flags = 0}, Drop::spi_unknown},
  };
  for (unsigned e = 0; e < 256; ++e)
    if (e != 35)
      cases.push_back({"R5723-132",
                       "another exchange",
                       {.exchange = static_cast<Exchange>(e)},
                       Drop::exchange_unexpected});
  GatewayProbe probe;
  ScalarClient client = probe.client();
  ASSERT_TRUE(probe.open(client));
  for (const Misplaced& c : cases) {
    SCOPED_TRACE(std::string(c.row) + ": " + c.what + " " +
                 std::to_string(static_cast<unsigned>(c.how.exchange)));
    const Reaction reaction = probe.send(client.seal(client.plain_inner3(), c.how));
    EXPECT_TRUE(reaction.silent());
    EXPECT_EQ(reaction.drop(), c.why) << reaction.describe();
    EXPECT_EQ(probe.sessions(), 0u);
  }
  EXPECT_EQ(probe.half_opens(), 1u);
  EXPECT_EQ(probe.finish(std::move(client)).complaint, "");
  EXPECT_EQ(probe.complaint(), "");
}

// CORE-58, CORE-59, R5723-44, R5723-45: on an established session the window is one request.
TEST(FindSessions, AnEstablishedSessionHasAWindowOfOne) {
  GatewayProbe probe;
  rig::Resumed live = probe.resume();
  ASSERT_EQ(live.complaint, "");
  const auto dpd = [&](std::uint32_t id) {
    return probe.send(
        live.client.seal({}, {.exchange = Exchange::informational, .message_id = id}));
  };
  for (const std::uint32_t id : {0u, 3u, 4u, 1002u, 0xffffffffu}) {
    SCOPED_TRACE(id);
    const Reaction reaction = dpd(id);
    EXPECT_TRUE(reaction.silent());
    EXPECT_EQ(reaction.drop(), Drop::message_id_unexpected);
  }
  // R5723-163: 3 before 2 was not executed; then 2, then 3.
  EXPECT_EQ(dpd(2).answers.size(), 1u);
  EXPECT_EQ(dpd(3).answers.size(), 1u);
  const Reaction other = probe.send(live.client.seal(
      {}, {.exchange = Exchange::informational, .message_id = 4, .spi_i = live.client.spi_i ^ 1}));
  EXPECT_EQ(other.drop(), Drop::spi_unknown);
  EXPECT_EQ(probe.complaint(), "");
}

// What begins an IKE SA is not looked at inside one, and what is not protected hands nothing over.
TEST(FindSessions, NothingBeginsInsideASession) {
  GatewayProbe probe;
  rig::Resumed live = probe.resume();
  ASSERT_EQ(live.complaint, "");
  for (const Exchange e : {Exchange::ike_sa_init, Exchange::ike_session_resume}) {
    const Reaction reaction = probe.send(live.client.seal({}, {.exchange = e, .message_id = 2}));
    EXPECT_TRUE(reaction.silent());
    EXPECT_EQ(reaction.drop(), Drop::exchange_unexpected);
  }
  const Reaction response = probe.send(
      live.client.seal({}, {.exchange = Exchange::informational, .message_id = 2, .flags = 0x28}));
  EXPECT_EQ(response.drop(), Drop::ike_response);
  EXPECT_TRUE(probe.take_punts().empty());
  const Reaction dpd =
      probe.send(live.client.seal({}, {.exchange = Exchange::informational, .message_id = 2}));
  EXPECT_EQ(dpd.answers.size(), 1u);
  EXPECT_EQ(probe.complaint(), "");
}

// R5723-52, R5723-129: the SPIs of sessions that are gone, or never were, find nothing.
TEST(FindSessions, UnknownSpisFindNothing) {
  GatewayProbe probe;
  ScalarClient client = probe.client();
  ASSERT_TRUE(probe.open(client));
  crypto::Random random(3);
  for (unsigned i = 0; i < 1000; ++i) {
    probe.gateway.now.ms += 2;  // within the budget of its source
    const Reaction reaction =
        probe.send(client.seal(client.plain_inner3(), {.spi_r = random.u64() | 1}));
    EXPECT_EQ(reaction.drop(), Drop::spi_unknown);
  }
  for (unsigned bit = 0; bit < 64; ++bit) {
    const Reaction reaction = probe.send(
        client.seal(client.plain_inner3(), {.spi_r = client.spi_r ^ std::uint64_t{1} << bit}));
    EXPECT_EQ(reaction.drop(), Drop::spi_unknown);
  }
  EXPECT_EQ(probe.finish(std::move(client)).complaint, "");
  EXPECT_EQ(probe.complaint(), "");
}

// A message 3 that came to the wrong worker goes to its owner, and is answered from there.
TEST(FindSessions, HandsOverWhatIsAnotherWorkers) {
  GatewayProbe probe({.workers = 3});
  for (unsigned owner = 0; owner < 3; ++owner) {
    for (unsigned receiver = 0; receiver < 3; ++receiver) {
      SCOPED_TRACE(testing::Message() << owner << " " << receiver);
      ScalarClient client = probe.client();
      ASSERT_TRUE(probe.open(client, owner));
      const std::uint64_t before = probe.gateway.sum(&WorkerCounters::handed_over);
      EXPECT_EQ(probe.finish(std::move(client), ike::AuthForm::rfc, receiver).complaint, "");
      EXPECT_EQ(probe.gateway.sum(&WorkerCounters::handed_over) - before,
                owner == receiver ? 0u : 1u);
    }
  }
  EXPECT_EQ(probe.complaint(), "");

  ScalarClient client = probe.client();
  ASSERT_TRUE(probe.open(client, 1));
  probe.gateway.port(1).set_hand_over_room(0);
  const Reaction full = probe.send(client.message3(), 0);
  EXPECT_TRUE(full.silent());
  EXPECT_EQ(full.drop(), Drop::owner_ring_full);
  probe.gateway.port(1).set_hand_over_room(FakePort::kUnlimited);
  EXPECT_EQ(probe.finish(std::move(client)).complaint, "");
  EXPECT_EQ(probe.complaint(), "");
}

// Many lanes of one session in one burst: one after the other, each as if it came alone.
TEST(FindSessions, LanesOfOneSessionTakeTurns) {
  GatewayProbe probe;
  ScalarClient client = probe.client();
  ASSERT_TRUE(probe.open(client));
  const Octets message3 = client.message3();
  Octets forged = message3;
  forged.back() ^= 1;
  const Octets dpd = client.seal({}, {.exchange = Exchange::informational, .message_id = 2});
  const Reaction reaction =
      probe.send_all({forged, message3, forged, message3, dpd, message3, dpd, dpd});
  // Message 4 twice, then the answer of 2 three times; the third message 3 comes after the window.
  ASSERT_EQ(reaction.answers.size(), 5u) << reaction.describe();
  EXPECT_EQ(reaction.drops,
            (std::map<Drop, unsigned>{{Drop::sk_bad_icv, 2}, {Drop::message_id_unexpected, 1}}));
  EXPECT_EQ(client.judge(client.open(reaction.answers[0]).value()), "");
  EXPECT_EQ(reaction.answers[0], reaction.answers[1]);
  EXPECT_EQ(probe.sessions(), 1u);
  EXPECT_EQ(probe.complaint(), "");
}

// Longer than any message we read: refused before its session is looked at.
TEST(FindSessions, RefusesWhatIsLongerThanAMessage) {
  GatewayProbe probe;
  ScalarClient client = probe.client();
  ASSERT_TRUE(probe.open(client));
  const Reaction large = probe.send(client.seal(client.plain_inner3(), {.extra_padding = 200}));
  EXPECT_EQ(large.answers.size(), 1u);
  EXPECT_EQ(probe.complaint(), "");
}

}  // namespace
}  // namespace dp
