// open_tickets: whatever is not a ticket of ours, octet for octet, is refused with one and the same
// TICKET_NACK, and costs nothing that stays.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/support/gateway_probe.h"

namespace dp {
namespace {

using rig::GatewayProbe;
using rig::operator+;
using rig::Octets;
using rig::Reaction;
using rig::ScalarClient;
using rig::TicketEdit;

rig::Options unlimited_answers() {
  return {.configure = [](WorkerConfig& c) {
    c.admission.answers_per_source_per_s = 1'000'000;
    c.admission.new_issuers_per_s = 1'000'000;
    c.admission.cookies = CookieMode::never;
  }};
}

// Presents `ticket` as a client of its own.
Reaction present(GatewayProbe& probe, Octets ticket) {
  ScalarClient client = probe.client();
  client.old.ticket = std::move(ticket);
  return probe.send(client.begin());
}

// R5723-74: random octets as ticket, every length that a frame holds.
TEST(OpenTickets, RefusesRandomOctets) {
  GatewayProbe probe(unlimited_answers());
  crypto::Random random(7);
  for (std::size_t len = 1; len <= 1800; len += len < 100 ? 1 : 37) {
    SCOPED_TRACE(len);
    Octets ticket(len);
    random.fill(ticket);
    const Reaction reaction = present(probe, ticket);
    if (len <= 1400) {
      EXPECT_TRUE(reaction.is_nack()) << reaction.describe();
      EXPECT_EQ(reaction.drop(), Drop::ticket_bad_format);
    } else {
      EXPECT_TRUE(reaction.is_nack() || reaction.silent());
    }
  }
  EXPECT_EQ(probe.half_opens(), 0u);
  EXPECT_EQ(probe.complaint(), "");
}

// R5723-75, R5723-77: every truncation of a genuine ticket, the empty one included.
TEST(OpenTickets, RefusesEveryTruncation) {
  GatewayProbe probe(unlimited_answers());
  const Octets ticket = probe.keepsake().ticket;
  for (std::size_t len = 0; len < ticket.size(); ++len) {
    SCOPED_TRACE(len);
    const Reaction reaction =
        present(probe, Octets(ticket.begin(), ticket.begin() + static_cast<std::ptrdiff_t>(len)));
    EXPECT_TRUE(reaction.is_nack()) << reaction.describe();
    EXPECT_TRUE(reaction.drop() == Drop::ticket_bad_format ||
                reaction.drop() == Drop::ticket_bad_tag);
  }
  EXPECT_EQ(probe.complaint(), "");
}

// R5723-76.
TEST(OpenTickets, RefusesAppendedOctets) {
  GatewayProbe probe(unlimited_answers());
  const Octets ticket = probe.keepsake().ticket;
  for (const std::size_t more : {1u, 4u, 16u, 1000u})
    EXPECT_TRUE(present(probe, ticket + Octets(more, 0)).is_nack()) << more;
  EXPECT_EQ(probe.complaint(), "");
}

// R5723-18, R5723-78: every single-bit change. The ticket itself stays good.
TEST(OpenTickets, RefusesEverySingleBitChange) {
  GatewayProbe probe(unlimited_answers());
  ScalarClient owner = probe.client();
  std::set<Drop> reasons;
  for (std::size_t bit = 0; bit < 8 * owner.old.ticket.size(); ++bit) {
    Octets ticket = owner.old.ticket;
    ticket[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
    const Reaction reaction = present(probe, ticket);
    EXPECT_TRUE(reaction.is_nack()) << "bit " << bit << ": " << reaction.describe();
    reasons.insert(reaction.drop());
  }
  EXPECT_EQ(reasons, (std::set<Drop>{Drop::ticket_bad_format, Drop::ticket_unknown_key,
                                     Drop::ticket_bad_tag}));
  ASSERT_TRUE(probe.open(owner));
  EXPECT_EQ(probe.finish(std::move(owner)).complaint, "");
  EXPECT_EQ(probe.complaint(), "");
}

struct Forged {
  const char* row;
  const char* what;
  std::function<void(Octets&)> edit;
  Drop why;
};

TEST(OpenTickets, NamesWhyATicketIsNone) {
  const Forged cases[] = {
      {"R5723-79", "tag of zeroes", [](Octets& t) { std::fill(t.end() - 16, t.end(), 0); },
       Drop::ticket_bad_tag},
      {"R5723-80", "unknown key id", [](Octets& t) { t[4] ^= 0xff; }, Drop::ticket_unknown_key},
      {"R5723-82", "unknown version", [](Octets& t) { t[0] = 2; }, Drop::ticket_bad_format},
      {"R5723-82", "unknown kind", [](Octets& t) { t[1] = 1; }, Drop::ticket_bad_format},
      {"R5723-82", "reserved octets", [](Octets& t) { t[3] = 1; }, Drop::ticket_bad_format},
      {"R5723-78", "another issuer", [](Octets& t) { t[8] ^= 1; }, Drop::ticket_bad_tag},
      {"R5723-78", "another serial", [](Octets& t) { t[23] ^= 1; }, Drop::ticket_bad_tag},
      {"R5723-104", "its first octets taken for an SPI",
       [](Octets& t) { t.erase(t.begin(), t.begin() + 8); }, Drop::ticket_bad_format},
  };
  GatewayProbe probe;
  for (const Forged& c : cases) {
    SCOPED_TRACE(std::string(c.row) + ": " + c.what);
    const Reaction reaction = present(probe, probe.keepsake({.sealed = c.edit}).ticket);
    EXPECT_TRUE(reaction.is_nack());
    EXPECT_EQ(reaction.drop(), c.why) << reaction.describe();
  }
  EXPECT_EQ(probe.complaint(), "");
}

// R5723-104: SPI size 8 with the ticket behind it.
TEST(OpenTickets, AnSpiInTheNotifyIsNoPartOfTheTicket) {
  GatewayProbe probe;
  rig::RawMessage message = probe.client().plain_message1();
  message.payloads[1].body[1] = 8;
  const Reaction reaction = probe.send(write_message(message));
  EXPECT_TRUE(reaction.is_nack());
  EXPECT_EQ(reaction.drop(), Drop::ticket_bad_format);
  EXPECT_EQ(probe.complaint(), "");
}

// R5723-20, R5723-81: the previous key opens inside its window, a retired one does not.
TEST(OpenTickets, KeysComeAndGo) {
  GatewayProbe probe;
  ScalarClient first = probe.client();
  ScalarClient second = probe.client();
  const crypto::TicketKeyId sealing = probe.gateway.keyring().current().id;
  probe.gateway.keyring().rotate(probe.gateway.now.unix_s, 3600);
  probe.gateway.publish_keyring();
  ASSERT_NE(probe.gateway.keyring().current().id, sealing);
  ASSERT_TRUE(probe.open(first));
  EXPECT_EQ(probe.finish(std::move(first)).complaint, "");

  ASSERT_TRUE(probe.gateway.keyring().revoke(sealing).has_value());
  probe.gateway.publish_keyring();
  const Reaction retired = probe.send(second.begin());
  EXPECT_TRUE(retired.is_nack());
  EXPECT_EQ(retired.drop(), Drop::ticket_unknown_key);
  EXPECT_EQ(probe.complaint(), "");
}

// R5723-83: a ticket of a gateway with other keys, even under a key id that we have.
TEST(OpenTickets, RefusesAnotherGatewaysTickets) {
  GatewayProbe probe;
  GatewayProbe other;
  const Reaction unknown = present(probe, other.keepsake().ticket);
  EXPECT_TRUE(unknown.is_nack());
  EXPECT_EQ(unknown.drop(), Drop::ticket_unknown_key);
  const std::uint32_t ours = probe.gateway.keyring().current().id.value();
  const Reaction posing = present(
      probe,
      other.keepsake({.sealed = [&](Octets& t) { crypto::store_be32(&t[4], ours); }}).ticket);
  EXPECT_TRUE(posing.is_nack());
  EXPECT_EQ(posing.drop(), Drop::ticket_bad_tag);
  EXPECT_EQ(probe.complaint(), "");
}

// A genuine seal over a state that cannot be used: never by accident, but a key may have leaked.
TEST(OpenTickets, RefusesAGenuineTicketWithABadState) {
  GatewayProbe probe;
  const crypto::TicketKey& key = probe.gateway.keyring().current();
  for (const std::size_t len : {0u, 1u, 59u, 60u, 200u, 959u}) {
    SCOPED_TRACE(len);
    Octets ticket(ike::kTicketOverhead + len);
    const ike::TicketHeader header{key.id, probe.gateway.mint_issuer(), ike::TicketSerial(9)};
    ike::write_ticket_header(header, ticket.data());
    std::uint8_t raw_key[32], nonce[12];
    ike::derive_ticket_key(probe.gateway.engine(), key.secret.reveal(), header.issuer, raw_key);
    ike::write_ticket_nonce(header.serial, nonce);
    Octets state(len, 0xff);
    crypto::AeadLane lane{.raw_key = raw_key,
                          .nonce = nonce,
                          .aad = crypto::Bytes(ticket).first(ike::kTicketHeaderLen),
                          .in = state.data(),
                          .len = static_cast<std::uint32_t>(len),
                          .out = ticket.data() + ike::kTicketHeaderLen,
                          .tag = ticket.data() + ike::kTicketHeaderLen + len};
    probe.gateway.engine().seal(crypto::Aead::aes256_gcm, {&lane, 1});
    const Reaction reaction = present(probe, ticket);
    EXPECT_TRUE(reaction.is_nack());
    EXPECT_TRUE(reaction.drop() == Drop::ticket_bad_state ||
                (len < ike::kTicketStateFixedLen && reaction.drop() == Drop::ticket_bad_format))
        << reaction.describe();
  }
  EXPECT_EQ(probe.complaint(), "");
}

// An issuer that was never seen costs a key derivation, so its number is budgeted; beyond the
// budget there is silence, because the next one may be genuine.
TEST(OpenTickets, BudgetsUnknownIssuers) {
  GatewayProbe probe({.configure = [](WorkerConfig& c) { c.admission.new_issuers_per_s = 2; }});
  std::uint64_t issuer = 1;
  const TicketEdit foreign{
      .header = [&](ike::TicketHeader& h) { h.issuer = ike::IssuerId(issuer); },
      .sealed = [](Octets& t) { t.back() ^= 1; }};
  for (; issuer <= 2; ++issuer)
    EXPECT_EQ(present(probe, probe.keepsake(foreign).ticket).drop(), Drop::ticket_bad_tag);
  const Reaction beyond = present(probe, probe.keepsake(foreign).ticket);
  EXPECT_TRUE(beyond.silent());
  EXPECT_EQ(beyond.drop(), Drop::ticket_unknown_issuer);
  // They keep nobody waiting who has a ticket of an issuer that we know.
  EXPECT_EQ(probe.resume().complaint, "");
  // A second later there is a new budget.
  probe.pass(1000);
  EXPECT_EQ(present(probe, probe.keepsake(foreign).ticket).drop(), Drop::ticket_bad_tag);
  EXPECT_EQ(probe.complaint(), "");
}

// R5723-71, R5723-73: bad tag, unknown key, expired, revoked and used look alike to the octet.
TEST(OpenTickets, AllRefusalsLookAlike) {
  GatewayProbe probe;
  rig::Resumed used = probe.resume();
  ASSERT_EQ(used.complaint, "");
  std::vector<Octets> tickets = {
      used.client.old.ticket,
      probe.keepsake({.sealed = [](Octets& t) { t.back() ^= 1; }}).ticket,
      probe.keepsake({.sealed = [](Octets& t) { t[5] ^= 1; }}).ticket,
      probe.keepsake({.state = [](ike::TicketState& s) { s.expires_s = 1; }}).ticket,
      probe.keepsake({.state = [](ike::TicketState& s) { s.policy_generation = 0; }}).ticket,
      Octets(100, 0)};
  for (const Octets& ticket : tickets) {
    const Reaction reaction = present(probe, ticket);
    ASSERT_TRUE(reaction.is_nack()) << reaction.describe();
    // Apart from SPIi every octet is fixed; is_nack() looked at the rest.
    const Octets expected = Octets(8, 0) + Octets{41, 0x20, 38, 0x20, 0, 0, 0, 0, 0, 0, 0, 36} +
                            Octets{0, 0, 0, 8, 0, 0, 0x40, 0x1c};
    EXPECT_EQ(Octets(reaction.answers[0].begin() + 8, reaction.answers[0].end()), expected);
  }
  EXPECT_EQ(probe.complaint(), "");
}

// R5723-72: no state after a refusal. R5723-94: nor a grudge.
TEST(OpenTickets, RefusalsLeaveNothingBehind) {
  GatewayProbe probe(unlimited_answers());
  for (unsigned i = 0; i < 2000; ++i)
    present(probe, probe.keepsake({.sealed = [](Octets& t) { t.back() ^= 1; }}).ticket);
  EXPECT_EQ(probe.half_opens(), 0u);
  EXPECT_EQ(probe.gateway.sum(&WorkerCounters::nacks), 2000u);
  EXPECT_EQ(probe.resume().complaint, "");
  EXPECT_EQ(probe.complaint(), "");
}

// R5723-17: nothing of the state stands in a ticket in clear.
TEST(OpenTickets, TicketsTellNothing) {
  GatewayProbe probe;
  for (unsigned i = 0; i < 100; ++i) {
    const rig::Keepsake kept = probe.keepsake();
    const Octets spi_r = rig::be64(kept.spi_r);
    for (const Octets& secret : {kept.sk_d, Octets(kept.id_i.begin() + 4, kept.id_i.end()), spi_r})
      EXPECT_EQ(std::search(kept.ticket.begin(), kept.ticket.end(), secret.begin(), secret.end()),
                kept.ticket.end());
  }
}

}  // namespace
}  // namespace dp
