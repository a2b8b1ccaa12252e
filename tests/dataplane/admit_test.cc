// admit: cookies, retransmissions and load, all before a ticket is opened.
#include <gtest/gtest.h>

#include "dataplane/cookie_jar.h"
#include "tests/support/gateway_probe.h"

namespace dp {
namespace {

using ike::Notify;
using rig::GatewayProbe;
using rig::operator+;
using rig::Octets;
using rig::RawMessage;
using rig::Reaction;
using rig::ScalarClient;

rig::Options with_cookies() {
  return {.configure = [](WorkerConfig& c) { c.admission.cookies = CookieMode::always; }};
}

std::optional<Octets> cookie_of(const Reaction& reaction) {
  if (reaction.answers.size() != 1) return {};
  const auto message = rig::read_message(reaction.answers[0]);
  return message ? message->notify(Notify::cookie) : std::nullopt;
}

// R5723-137, R5723-138, R5723-148: the challenge, and that nothing is kept.
TEST(Admit, ChallengesInTheFormOfTheRfc) {
  GatewayProbe probe(with_cookies());
  for (unsigned i = 0; i < 200; ++i) {
    ScalarClient client = probe.client();
    const Reaction reaction = probe.send(client.begin());
    EXPECT_EQ(reaction.drop(), Drop::cookie_required);
    const auto message = rig::read_message(reaction.answers.at(0));
    ASSERT_TRUE(message.has_value());
    EXPECT_EQ(message->exchange, ike::Exchange::ike_session_resume);
    EXPECT_EQ(message->flags, 0x20);
    EXPECT_EQ(message->version, 0x20);
    EXPECT_EQ(message->message_id, 0u);
    EXPECT_EQ(message->spi_i, client.spi_i);
    EXPECT_EQ(message->spi_r, 0u);
    ASSERT_EQ(message->payloads.size(), 1u);
    const Octets cookie = message->notify(Notify::cookie).value();
    EXPECT_TRUE(!cookie.empty() && cookie.size() <= 64);
    EXPECT_LE(reaction.answers[0].size(), 100u);
  }
  EXPECT_EQ(probe.half_opens(), 0u);
  EXPECT_EQ(probe.complaint(), "");
}

// R5723-139, R5723-147: with the cookie it goes on, and AUTH covers the message with it.
// R5723-123: AUTH over the message without it is refused.
TEST(Admit, TakesItsOwnCookie) {
  GatewayProbe probe(with_cookies());
  EXPECT_EQ(probe.resume().complaint, "");
  ScalarClient client = probe.client();
  const Octets plain = client.begin();
  ASSERT_TRUE(probe.open(client));
  ASSERT_NE(client.message1, plain);
  client.message1 = plain;
  const Reaction reaction = probe.send(client.message3());
  EXPECT_EQ(reaction.drop(), Drop::auth_failed);
  EXPECT_EQ(probe.complaint(), "");
}

struct WrongCookie {
  const char* row;
  const char* what;
  // Edits the client (whose message 1 will be sent anew), the path, or the cookie.
  std::function<void(GatewayProbe&, ScalarClient&, Octets&)> edit;
};

// R5723-140, R5723-141, R5723-144, R5723-145: anything else gets a fresh challenge and opens no
// ticket; here the tickets are forged, so that opening one would show.
TEST(Admit, TakesNoOtherCookie) {
  using P = GatewayProbe;
  using C = ScalarClient;
  const WrongCookie cases[] = {
      {"R5723-140", "first bit", [](P&, C&, Octets& cookie) { cookie[0] ^= 1; }},
      {"R5723-140", "last bit", [](P&, C&, Octets& cookie) { cookie.back() ^= 1; }},
      {"R5723-144", "empty", [](P&, C&, Octets& cookie) { cookie.clear(); }},
      {"R5723-144", "one octet short", [](P&, C&, Octets& cookie) { cookie.pop_back(); }},
      {"R5723-144", "one octet long", [](P&, C&, Octets& cookie) { cookie.push_back(0); }},
      {"R5723-144", "65 octets", [](P&, C&, Octets& cookie) { cookie.resize(65); }},
      {"R5723-144", "255 octets", [](P&, C&, Octets& cookie) { cookie.resize(255); }},
      {"R5723-141", "another source address",
       [](P& p, C&, Octets&) {
         p.path.source4 = {203, 0, 113, 9};
       }},
      {"R5723-141", "another SPIi", [](P&, C& c, Octets&) { ++c.spi_i; }},
      {"R5723-141", "another Ni", [](P&, C& c, Octets&) { c.nonce_i[3] ^= 1; }},
  };
  for (const WrongCookie& c : cases) {
    SCOPED_TRACE(std::string(c.row) + ": " + c.what);
    GatewayProbe probe(with_cookies());
    ScalarClient client = probe.client({.sealed = [](Octets& t) { t.back() ^= 1; }});
    Octets cookie = cookie_of(probe.send(client.begin())).value();
    c.edit(probe, client, cookie);
    client.begin();
    const Reaction reaction = probe.send(client.with_cookie(cookie));
    EXPECT_EQ(reaction.drop(), Drop::cookie_required);
    EXPECT_TRUE(cookie_of(reaction).has_value());
    EXPECT_EQ(probe.gateway.drops(Drop::ticket_bad_tag), 0u);
    EXPECT_EQ(probe.complaint(), "");
  }
}

// The cookie goes first (RFC 7296 §2.6); anywhere else it is noise. Another source port is right.
TEST(Admit, CookieStandsFirst) {
  GatewayProbe probe(with_cookies());
  ScalarClient client = probe.client();
  const Octets cookie = cookie_of(probe.send(client.begin())).value();
  RawMessage behind = client.plain_message1();
  behind.payloads.push_back(rig::raw_notify(Notify::cookie, cookie));
  EXPECT_EQ(probe.send(write_message(behind)).drop(), Drop::cookie_required);
  probe.path.source_port = 61234;
  ASSERT_TRUE(probe.open(client, client.with_cookie(cookie)));
  EXPECT_EQ(probe.finish(std::move(client)).complaint, "");
}

// R5723-142: the previous secret's cookie is good, an older one is not.
TEST(Admit, CookiesAge) {
  GatewayProbe probe(with_cookies());
  ScalarClient client = probe.client();
  const Octets cookie = cookie_of(probe.send(client.begin())).value();
  const Octets with = client.with_cookie(cookie);
  probe.pass(kRotateMs);
  ASSERT_TRUE(probe.open(client, with));
  EXPECT_EQ(probe.finish(std::move(client)).complaint, "");

  ScalarClient late = probe.client();
  const Octets old = cookie_of(probe.send(late.begin())).value();
  probe.pass(2 * kRotateMs);
  EXPECT_EQ(probe.send(late.with_cookie(old)).drop(), Drop::cookie_required);
  EXPECT_EQ(probe.complaint(), "");
}

// R5723-143: a cookie that nobody asked for changes nothing.
TEST(Admit, IgnoresCookiesWhileNoneAreDemanded) {
  GatewayProbe probe;
  for (const std::size_t len : {0u, 17u, 64u, 255u}) {
    ScalarClient client = probe.client();
    client.begin();
    ASSERT_TRUE(probe.open(client, client.with_cookie(Octets(len, 0x55)))) << len;
    EXPECT_EQ(probe.finish(std::move(client)).complaint, "");
  }
  EXPECT_EQ(probe.complaint(), "");
}

// R5723-146, R5723-151: forged tickets switch cookies on, and hysteresis keeps them on.
TEST(Admit, ForgedTicketsSwitchCookiesOn) {
  GatewayProbe probe({.configure = [](WorkerConfig& c) {
    c.admission.cookie_on_forged_per_s = 100;
    c.admission.cookie_hold_ms = 10'000;
  }});
  const auto demanded = [&] { return probe.gateway.sum(&WorkerCounters::cookie_mode) == 1; };
  for (unsigned i = 0; i < 99; ++i)
    probe.send(probe.client({.sealed = [](Octets& t) { t.back() ^= 1; }}).begin());
  EXPECT_FALSE(demanded());
  probe.send(probe.client({.sealed = [](Octets& t) { t.back() ^= 1; }}).begin());
  EXPECT_TRUE(demanded());
  unsigned switches = 0;
  for (bool was = true; probe.gateway.now.ms < 1'030'000; was = demanded()) {
    probe.pass(500);
    // Around the threshold: some forged ones all the time.
    for (unsigned i = 0; i < 3; ++i)
      probe.send(probe.client({.sealed = [](Octets& t) { t.back() ^= 1; }}).begin());
    if (demanded() != was) ++switches;
  }
  EXPECT_FALSE(demanded());
  EXPECT_EQ(switches, 1u);
  EXPECT_EQ(probe.complaint(), "");
}

// R5723-170: any number of genuine tickets switches nothing on.
TEST(Admit, GenuineTicketsSwitchNothingOn) {
  GatewayProbe probe({.configure = [](WorkerConfig& c) {
    c.admission.cookie_on_forged_per_s = 10;
    c.admission.cookie_on_half_opens = 10;
  }});
  for (unsigned i = 0; i < 200; ++i) {
    ScalarClient client = probe.client();
    ASSERT_TRUE(probe.open(client));
    EXPECT_EQ(rig::read_message(client.message1)->payloads.size(), 2u);
  }
  EXPECT_EQ(probe.gateway.sum(&WorkerCounters::cookies_sent), 0u);
}

// R5723-155, R5723-161: the same datagram gets the same message 2, as often as it comes.
TEST(Admit, RepeatsMessage2OctetForOctet) {
  GatewayProbe probe;
  ScalarClient client = probe.client();
  ASSERT_TRUE(probe.open(client));
  for (unsigned i = 0; i < 3; ++i) {
    const Reaction again = probe.send(client.message1);
    ASSERT_EQ(again.answers.size(), 1u);
    EXPECT_EQ(again.answers[0], client.message2);
    EXPECT_TRUE(again.drops.empty());
  }
  EXPECT_EQ(probe.half_opens(), 1u);
  EXPECT_EQ(probe.gateway.sum(&WorkerCounters::retransmitted_m2), 3u);
  EXPECT_EQ(probe.finish(std::move(client)).complaint, "");
  EXPECT_EQ(probe.complaint(), "");
}

// R5723-156: what only resembles it does not.
TEST(Admit, ResemblanceIsNoRepetition) {
  GatewayProbe probe;
  ScalarClient client = probe.client();
  ASSERT_TRUE(probe.open(client));
  const Octets kept = client.message2;

  ScalarClient other_nonce = probe.client();
  other_nonce.spi_i = client.spi_i;
  ASSERT_TRUE(probe.open(other_nonce));
  EXPECT_NE(other_nonce.message2, kept);

  ScalarClient other_ticket = probe.client();
  other_ticket.spi_i = client.spi_i;
  other_ticket.nonce_i = client.nonce_i;
  const Reaction reaction = probe.send(other_ticket.begin());
  EXPECT_TRUE(reaction.silent());
  EXPECT_EQ(reaction.drop(), Drop::duplicate_request);

  // CORE-33: the same from behind another address or port is another client.
  probe.path.source_port = 4711;
  ScalarClient elsewhere = probe.client_of(client.old);
  elsewhere.spi_i = client.spi_i;
  elsewhere.nonce_i = client.nonce_i;
  ASSERT_TRUE(probe.open(elsewhere, client.message1));
  EXPECT_NE(elsewhere.message2, kept);
  EXPECT_EQ(probe.complaint(), "");
}

// R5723-158, R5723-159: a late duplicate of message 1 after success is ignored; the used ticket is
// not held against it.
TEST(Admit, IgnoresALateDuplicate) {
  GatewayProbe probe;
  rig::Resumed resumed = probe.resume();
  ASSERT_EQ(resumed.complaint, "");
  const Reaction late = probe.send(resumed.client.message1);
  EXPECT_TRUE(late.silent());
  EXPECT_EQ(late.drop(), Drop::duplicate_request);
  EXPECT_EQ(probe.half_opens(), 0u);
  EXPECT_EQ(probe.complaint(), "");
}

// Above half of the receive ring message 1 is shed and message 3 is served.
TEST(Admit, ShedsMessage1WhenTheRingFills) {
  GatewayProbe probe;
  ScalarClient begun = probe.client();
  ASSERT_TRUE(probe.open(begun));
  ScalarClient fresh = probe.client();
  probe.gateway.port().set_backlog_permille(501);
  const Reaction shed = probe.send(fresh.begin());
  EXPECT_TRUE(shed.silent());
  EXPECT_EQ(shed.drop(), Drop::shed_overload);
  EXPECT_EQ(probe.finish(std::move(begun)).complaint, "");
  probe.gateway.port().set_backlog_permille(500);
  ASSERT_TRUE(probe.open(fresh));
  EXPECT_EQ(probe.finish(std::move(fresh)).complaint, "");
  EXPECT_EQ(probe.complaint(), "");
}

TEST(Admit, BoundsHalfOpens) {
  GatewayProbe probe({.configure = [](WorkerConfig& c) { c.admission.half_open_max = 4; }});
  std::vector<ScalarClient> clients;
  for (unsigned i = 0; i < 4; ++i) {
    clients.push_back(probe.client());
    ASSERT_TRUE(probe.open(clients.back()));
  }
  ScalarClient fifth = probe.client();
  const Reaction refused = probe.send(fifth.begin());
  EXPECT_TRUE(refused.silent());
  EXPECT_EQ(refused.drop(), Drop::half_open_limit);
  // Who is in may repeat, and finishing makes a place.
  EXPECT_EQ(probe.send(clients[0].message1).answers.at(0), clients[0].message2);
  EXPECT_EQ(probe.finish(std::move(clients[0])).complaint, "");
  ASSERT_TRUE(probe.open(fifth));
  probe.pass(10001);
  EXPECT_EQ(probe.half_opens(), 0u);
  EXPECT_EQ(probe.complaint(), "");
}

}  // namespace
}  // namespace dp
