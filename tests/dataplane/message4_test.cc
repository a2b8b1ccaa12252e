// message4: what stands in the answer to IKE_AUTH, and the new ticket in it.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/gateway_probe.h"

namespace dp {
namespace {

using ike::Notify;
using ike::PayloadType;
using rig::GatewayProbe;
using rig::Octets;
using rig::RawChain;
using rig::RawMessage;
using rig::Reaction;
using rig::Resumed;
using rig::ScalarClient;

// The state inside a ticket that the gateway issued.
struct Opened {
  Octets plaintext = Octets(ike::kTicketStateMax);
  ike::TicketHeader header;
  ike::TicketState state;
  bool good = false;
};
Opened open_ticket(GatewayProbe& probe, const Octets& ticket) {
  Opened out;
  out.good = ike::parse_ticket_header(ticket, out.header) &&
             ike::open_ticket(probe.gateway.engine(), probe.gateway.keyring().current(), ticket,
                              out.plaintext, out.state);
  return out;
}

std::optional<RawMessage> ask(GatewayProbe& probe, ScalarClient& client, const RawChain& inner) {
  const Reaction reaction = probe.send(client.seal(inner));
  if (reaction.answers.size() != 1) return {};
  return client.open(reaction.answers[0]);
}

// R5723-69: the mark is one of the keys, which come of the ticket's.
TEST(Message4, TheNewTicketHasTheMarkOfTheOld) {
  for (const bool marked : {false, true}) {
    GatewayProbe probe;
    const Resumed resumed =
        probe.resume({.state = [&](ike::TicketState& s) { s.flags.post_quantum = marked; }});
    ASSERT_EQ(resumed.complaint, "");
    const Octets body = resumed.message4->notify(Notify::ticket_lt_opaque).value();
    const Opened ticket = open_ticket(probe, Octets(body.begin() + 4, body.end()));
    ASSERT_TRUE(ticket.good);
    EXPECT_EQ(ticket.state.flags.post_quantum, marked);
  }
}

// R5723-01, R5723-03, R5723-05, R5723-24, R5723-56: one ticket of the new SA, its lifetime first.
TEST(Message4, HoldsATicketOfTheNewSa) {
  GatewayProbe probe({.configure = [](WorkerConfig& c) { c.tickets.lifetime_s = 1800; }});
  const Resumed resumed = probe.resume();
  ASSERT_EQ(resumed.complaint, "");
  for (const rig::RawPayload& p : resumed.message4->payloads) EXPECT_EQ(p.second_octet, 0);
  EXPECT_EQ(resumed.message4->notifies(), std::vector<std::uint16_t>{16409});
  const Octets body = resumed.message4->notify(Notify::ticket_lt_opaque).value();
  EXPECT_EQ(crypto::load_be32(body.data()), 1800u);
  const Opened ticket = open_ticket(probe, Octets(body.begin() + 4, body.end()));
  ASSERT_TRUE(ticket.good);
  const ScalarClient& c = resumed.client;
  EXPECT_EQ(ticket.state.spi_i.value(), c.spi_i);
  EXPECT_EQ(ticket.state.spi_r.value(), c.spi_r);
  EXPECT_EQ(ticket.state.resumptions, 1);
  EXPECT_EQ(ticket.state.full_auth_s, probe.gateway.now.unix_s - 60);
  EXPECT_EQ(ticket.state.expires_s, probe.gateway.now.unix_s + 1800);
  EXPECT_TRUE(std::ranges::equal(ticket.state.sk_d, c.keys.d));
  EXPECT_TRUE(std::ranges::equal(ticket.state.id_i, c.old.id_i));
  EXPECT_TRUE(std::ranges::equal(ticket.state.id_r, c.old.id_r));
  EXPECT_TRUE(std::ranges::equal(ticket.state.ip4, *c.old.ip4));
  EXPECT_EQ(probe.complaint(), "");
}

// R5723-67: the lifetime ends with the time for re-authentication.
TEST(Message4, TicketsEndWithReauthentication) {
  GatewayProbe probe({.configure = [](WorkerConfig& c) {
    c.tickets.lifetime_s = 1800;
    c.tickets.reauth_s = 600;  // 60 s of which are over
  }});
  const Resumed resumed = probe.resume();
  ASSERT_EQ(resumed.complaint, "");
  const Octets body = resumed.message4->notify(Notify::ticket_lt_opaque).value();
  EXPECT_EQ(crypto::load_be32(body.data()), 540u);
}

// R5723-02, R5723-57: nothing asked, no ticket.
TEST(Message4, NoRequestNoTicket) {
  GatewayProbe probe;
  ScalarClient client = probe.client();
  ASSERT_TRUE(probe.open(client));
  RawChain inner = client.plain_inner3();
  inner.pop_back();
  const auto message4 = ask(probe, client, inner);
  ASSERT_TRUE(message4.has_value());
  EXPECT_EQ(client.judge(*message4), "");
  EXPECT_TRUE(message4->notifies().empty());
  EXPECT_EQ(probe.complaint(), "");
}

// R5723-25: octets in TICKET_REQUEST do no harm.
TEST(Message4, GarbageInTheRequestIsIgnored) {
  GatewayProbe probe;
  ScalarClient client = probe.client();
  ASSERT_TRUE(probe.open(client));
  RawChain inner = client.plain_inner3();
  inner.back().body = {3, 0, 0x40, 0x1a, 1, 2, 3, 4, 5};
  const auto message4 = ask(probe, client, inner);
  ASSERT_TRUE(message4.has_value());
  EXPECT_TRUE(message4->notify(Notify::ticket_lt_opaque).has_value());
  EXPECT_EQ(probe.complaint(), "");
}

// R5723-15, R5723-16: no issuer to be had: TICKET_NACK, and the rest as ever.
TEST(Message4, SaysWhenNoTicketCanBeMade) {
  GatewayProbe probe;
  IssuerUse* issuer = probe.gateway.shared().issuers[0].ready.exchange(nullptr);
  ASSERT_NE(issuer, nullptr);
  const Resumed without = probe.resume();
  EXPECT_EQ(without.complaint, "");
  EXPECT_EQ(without.message4->notifies(), std::vector<std::uint16_t>{16412});
  probe.gateway.shared().issuers[0].ready.store(issuer);
  const Resumed with = probe.resume();
  EXPECT_EQ(with.message4->notifies(), std::vector<std::uint16_t>{16409});
  EXPECT_EQ(with.message4->payloads.size(), without.message4->payloads.size());
}

// R5723-11: a ticket that does not fit the link is put off with TICKET_ACK.
TEST(Message4, PutsOffATicketThatDoesNotFit) {
  GatewayProbe probe({.link = [](Link& link) { link.mtu = 500; }});
  // Message 3 of this client is small enough; message 4 with its ticket is not.
  const Resumed resumed = probe.resume({.id_len = 80});
  EXPECT_EQ(resumed.complaint, "");
  EXPECT_EQ(resumed.message4->notifies(), std::vector<std::uint16_t>{16411});
}

// RFC 4555 §3.1: who asks gets it, if the connection has it.
TEST(Message4, AgreesToMobike) {
  for (const bool wanted : {true, false}) {
    GatewayProbe probe({.configure = [&](WorkerConfig& c) { c.connections[0].mobike = wanted; }});
    ScalarClient client = probe.client();
    ASSERT_TRUE(probe.open(client));
    RawChain inner = client.plain_inner3();
    inner.push_back(rig::raw_notify(Notify::mobike_supported));
    const auto message4 = ask(probe, client, inner);
    ASSERT_TRUE(message4.has_value());
    EXPECT_EQ(client.judge(*message4), "");
    EXPECT_EQ(message4->notify(Notify::mobike_supported).has_value(), wanted);
    const Reaction reaction =
        probe.send(client.seal({{.type = PayloadType::del, .body = {3, 4, 0, 0}}},
                               {.exchange = ike::Exchange::informational, .message_id = 2}));
    EXPECT_TRUE(reaction.silent());
    const auto punts = probe.take_punts();
    ASSERT_EQ(punts.size(), 1u);
    EXPECT_EQ(punts[0].sa->mobike, wanted);
    EXPECT_EQ(probe.complaint(), "");
  }
}

// RFC 6290 §4.2: the token that the gateway will show once it has forgotten the SA.
TEST(Message4, TellsAQcdToken) {
  for (const bool unasked : {true, false}) {
    GatewayProbe probe({.configure = [&](WorkerConfig& c) { c.qcd_unasked = unasked; }});
    ScalarClient client = probe.client();
    ASSERT_TRUE(probe.open(client));
    RawChain inner = client.plain_inner3();
    if (!unasked) inner.push_back(rig::raw_notify(Notify::quick_crash_detection, Octets(16, 1)));
    const auto message4 = ask(probe, client, inner);
    ASSERT_TRUE(message4.has_value());
    EXPECT_EQ(client.judge(*message4), "");
    const auto token = message4->notify(Notify::quick_crash_detection);
    ASSERT_TRUE(token.has_value());
    const Octets request =
        client.seal({}, {.exchange = ike::Exchange::informational, .message_id = 2});
    probe.gateway.restart();
    const Reaction reaction = probe.send(request);
    ASSERT_EQ(reaction.answers.size(), 1u);
    const auto crash = rig::read_message(reaction.answers[0]);
    ASSERT_TRUE(crash.has_value());
    EXPECT_EQ(crash->notify(Notify::quick_crash_detection), token);
  }
}

TEST(Message4, LeavesOutATokenThatDoesNotFitBeforeTheTicket) {
  for (const std::uint16_t mtu : {std::uint16_t{1500}, std::uint16_t{560}, std::uint16_t{500}}) {
    GatewayProbe probe({.configure = [](WorkerConfig& c) { c.qcd_unasked = true; },
                        .link = [&](Link& link) { link.mtu = mtu; }});
    const Resumed resumed = probe.resume({.id_len = 50});
    ASSERT_EQ(resumed.complaint, "");
    std::vector<std::uint16_t> expected = {16409, 16419};
    if (mtu == 560) expected = {16409};
    if (mtu == 500) expected = {16411};
    EXPECT_EQ(resumed.message4->notifies(), expected) << mtu;
  }
}

// R5723-22: an ordinary ticket is small, and with the largest one message 1 fits an IPv6 packet of
// 1280 octets.
TEST(Message4, TicketsStaySmall) {
  GatewayProbe probe;
  const Resumed ordinary = probe.resume();
  EXPECT_LE(ordinary.client.renewed(*ordinary.message4).ticket.size(), 256u);
  const Resumed largest = probe.resume({.id_len = 420, .ip6 = true});
  ASSERT_EQ(largest.complaint, "");
  EXPECT_GT(largest.client.old.ticket.size(), 980u);
  EXPECT_LE(largest.client.message1.size() + kIp6Len + kUdpLen + 4, 1280u);
}

// R5723-18, R5723-20, GCM: no two tickets share issuer and serial, over workers and restarts.
TEST(Message4, NoNonceTwice) {
  GatewayProbe probe({.workers = 2});
  std::vector<Octets> seen;
  for (unsigned round = 0; round < 3; ++round) {
    for (unsigned i = 0; i < 20; ++i) {
      ScalarClient client = probe.client();
      ASSERT_TRUE(probe.open(client, i % 2));
      const Resumed resumed = probe.finish(std::move(client), ike::AuthForm::rfc, i % 2);
      ASSERT_EQ(resumed.complaint, "");
      const Octets ticket = resumed.client.renewed(*resumed.message4).ticket;
      seen.emplace_back(ticket.begin() + 4, ticket.begin() + 24);
    }
    probe.gateway.restart();
  }
  std::ranges::sort(seen);
  EXPECT_EQ(std::ranges::adjacent_find(seen), seen.end());
}

// The issuer runs out of serials in the middle of a burst: every ticket opens under its own issuer.
TEST(Message4, AnIssuerMayEndWithinABurst) {
  GatewayProbe probe;
  IssuerSupply& supply = probe.gateway.shared().issuers[0];
  const auto small = [&](std::uint64_t issuer) {
    return *probe.gateway.used().create(ike::IssuerId(issuer), 64, probe.gateway.now.unix_s + 9999);
  };
  supply.ready.store(small(0x101));
  for (unsigned i = 0; i < 50; ++i) ASSERT_EQ(probe.resume().complaint, "");
  supply.ready.store(small(0x111));
  std::vector<ScalarClient> clients;
  std::vector<Octets> messages;
  for (unsigned i = 0; i < 32; ++i) {
    clients.push_back(probe.client());
    ASSERT_TRUE(probe.open(clients.back()));
    messages.push_back(clients.back().message3());
  }
  const Reaction reaction = probe.send_all(messages);
  ASSERT_EQ(reaction.answers.size(), 32u);
  unsigned of_second = 0;
  for (unsigned i = 0; i < 32; ++i) {
    const auto message4 = clients[i].open(reaction.answers[i]);
    ASSERT_TRUE(message4.has_value());
    const Opened ticket = open_ticket(probe, clients[i].renewed(*message4).ticket);
    EXPECT_TRUE(ticket.good) << i;
    of_second += ticket.header.issuer == ike::IssuerId(0x111) ? 1 : 0;
  }
  EXPECT_EQ(of_second, 32u - 13u);
}

// CORE-99: the IVs of one SA never repeat: message 4, then the answers to liveness checks.
TEST(Message4, IvsOfOneSaDiffer) {
  for (const bool cbc : {false, true}) {
    ike::Suite suite;
    if (cbc) suite = {.encr = ike::EncrId::aes_cbc, .integ = ike::IntegId::hmac_sha2_256_128};
    GatewayProbe probe;
    ScalarClient client = probe.client({.suite = suite});
    ASSERT_TRUE(probe.open(client));
    std::vector<Octets> ivs;
    const auto note = [&](const Reaction& reaction) {
      ASSERT_EQ(reaction.answers.size(), 1u);
      const auto iv = reaction.answers[0].begin() + 32;
      ivs.emplace_back(iv, iv + static_cast<std::ptrdiff_t>(ike::iv_len(suite)));
    };
    note(probe.send(client.message3()));
    for (std::uint32_t id = 2; id < 100; ++id)
      note(probe.send(
          client.seal({}, {.exchange = ike::Exchange::informational, .message_id = id})));
    std::ranges::sort(ivs);
    EXPECT_EQ(std::ranges::adjacent_find(ivs), ivs.end());
  }
}

}  // namespace
}  // namespace dp
