// accept_tickets: a genuine ticket is refused when its time, its policy or its use says so, and
// nothing is spent by looking.
#include <gtest/gtest.h>

#include <algorithm>

#include "ike/proposal.h"
#include "tests/support/gateway_probe.h"

namespace dp {
namespace {

using rig::GatewayProbe;
using rig::operator+;
using rig::Octets;
using rig::Reaction;
using rig::ScalarClient;

constexpr std::uint64_t kNow = 1'800'000'000;  // of a rig that no time has passed in

struct Case {
  const char* row;
  const char* what;
  std::function<void(ike::TicketState&)> state;
  Drop why;  // none: accepted
};

void judge(GatewayProbe& probe, std::span<const Case> cases) {
  for (const Case& c : cases) {
    SCOPED_TRACE(std::string(c.row) + ": " + c.what);
    ScalarClient client = probe.client({.state = c.state});
    if (c.why == Drop::none) {
      ASSERT_TRUE(probe.open(client));
      EXPECT_EQ(probe.finish(std::move(client)).complaint, "");
      continue;
    }
    const Reaction reaction = probe.send(client.begin());
    EXPECT_TRUE(reaction.is_nack()) << reaction.describe();
    EXPECT_EQ(reaction.drop(), c.why) << reaction.describe();
    EXPECT_EQ(probe.half_opens(), 0u);
  }
}

// ... and others are as good as before.
void expect(GatewayProbe& probe, std::span<const Case> cases) {
  judge(probe, cases);
  EXPECT_EQ(probe.complaint(), "");
}

// R5723-19, R5723-84, R5723-67, and 2106, where a 32-bit time would wrap.
TEST(AcceptTickets, JudgesTime) {
  GatewayProbe probe({.configure = [](WorkerConfig& c) {
    c.tickets.reauth_s = 3600;
    c.tickets.clock_skew_s = 5;
  }});
  const Case cases[] = {
      {"R5723-84", "one second left", [](auto& s) { s.expires_s = kNow + 1; }, Drop::none},
      {"R5723-84", "expires now", [](auto& s) { s.expires_s = kNow; }, Drop::ticket_expired},
      {"R5723-84", "long ago", [](auto& s) { s.expires_s = 1; }, Drop::ticket_expired},
      {"R5723-84", "beyond 2^32 s", [](auto& s) { s.expires_s = 1ull << 40; }, Drop::none},
      {"R5723-67", "full authentication just in time", [](auto& s) { s.full_auth_s = kNow - 3599; },
       Drop::none},
      {"R5723-67", "full authentication too old", [](auto& s) { s.full_auth_s = kNow - 3600; },
       Drop::ticket_expired},
      {"R5723-167", "authenticated within the clock skew",
       [](auto& s) { s.full_auth_s = kNow + 5; }, Drop::none},
      {"R5723-167", "authenticated in the future", [](auto& s) { s.full_auth_s = kNow + 6; },
       Drop::ticket_expired},
      {"R5723-67", "authenticated at 2^64 - 1", [](auto& s) { s.full_auth_s = ~0ull; },
       Drop::ticket_expired},
  };
  expect(probe, cases);
}

// R5723-167: the clock goes back behind the end of a ticket after its used-set may have gone.
TEST(AcceptTickets, AnExpiredTicketStaysExpired) {
  GatewayProbe probe;
  ScalarClient good = probe.client();
  ScalarClient late = probe.client({.state = [](ike::TicketState& s) { s.expires_s = kNow + 60; }});
  probe.gateway.now.unix_s = kNow + 61;
  ASSERT_TRUE(probe.gateway.used().sweep(probe.gateway.now.unix_s));
  probe.gateway.now.unix_s = kNow;
  const Reaction reaction = probe.send(late.begin());
  EXPECT_TRUE(reaction.is_nack()) << reaction.describe();
  EXPECT_EQ(reaction.drop(), Drop::ticket_expired);
  ASSERT_TRUE(probe.open(good)) << "the others are as good as before";
  EXPECT_EQ(probe.finish(std::move(good)).complaint, "");
}

// RFC 8784, RFC 9370: whoever recorded the handshake may have a quantum computer one day.
TEST(AcceptTickets, WantsAPostQuantumHistoryWherePolicySaysSo) {
  GatewayProbe probe({.configure = [](WorkerConfig& c) { c.tickets.require_post_quantum = true; }});
  const Case cases[] = {
      {"R5723-69", "of an SA with ML-KEM", [](auto& s) { s.flags.post_quantum = true; },
       Drop::none},
      {"R5723-69", "of an SA with a PPK", [](auto& s) { s.flags.ppk = true; }, Drop::none},
      {"R5723-69", "of a plain SA", [](auto&) {}, Drop::ticket_policy},
      {"R5723-69", "the suite alone is no mark",
       [](auto& s) { s.suite.ke = ike::KeId::ml_kem_768; }, Drop::ticket_policy},
  };
  judge(probe, cases);
}

// R5723-92: connection gone, algorithm disabled, older policy; and a chain that is too long.
TEST(AcceptTickets, JudgesPolicy) {
  GatewayProbe probe({.configure = [](WorkerConfig& c) {
    c.tickets.policy_generation = 7;
    c.tickets.resumptions_max = 3;
    std::erase_if(c.connections[0].ike_suites,
                  [](const ike::Suite& s) { return s.prf == ike::PrfId::hmac_sha2_512; });
  }});
  const Case cases[] = {
      {"R5723-92", "policy of today", [](auto& s) { s.policy_generation = 7; }, Drop::none},
      {"R5723-92", "newer policy (written by a gateway ahead)",
       [](auto& s) { s.policy_generation = 8; }, Drop::none},
      {"R5723-92", "older policy", [](auto& s) { s.policy_generation = 6; }, Drop::ticket_policy},
      {"R5723-92", "connection removed", [](auto& s) { s.connection ^= 1; }, Drop::ticket_policy},
      {"R5723-67", "last of the chain", [](auto& s) { s.resumptions = 2; }, Drop::none},
      {"R5723-67", "chain too long", [](auto& s) { s.resumptions = 3; }, Drop::ticket_policy},
      {"R5723-39", "how the old SA agreed on keys does not matter",
       [](auto& s) { s.suite.ke = ike::KeId::ml_kem_768; }, Drop::none},
  };
  expect(probe, cases);

  ike::Suite disabled;
  disabled.prf = ike::PrfId::hmac_sha2_512;
  ScalarClient client = probe.client({.suite = disabled});
  const Reaction reaction = probe.send(client.begin());
  EXPECT_TRUE(reaction.is_nack());
  EXPECT_EQ(reaction.drop(), Drop::ticket_policy);
  EXPECT_EQ(probe.complaint(), "");
}

// R5723-90: an identity or an issuer that was revoked, and the others not. Also after a restart,
// given that the list is published again.
TEST(AcceptTickets, AsksTheDenyList) {
  GatewayProbe probe;
  ScalarClient denied = probe.client();
  ScalarClient reserved_octets = probe.client({.state = [](ike::TicketState& s) {
    static std::uint8_t body[24];
    std::copy(s.id_i.begin(), s.id_i.end(), body);
    body[2] = 9;  // a client may set the reserved octets; the list has them as zero
    s.id_i = body;
  }});
  ScalarClient other = probe.client();
  const auto text = [](const Octets& body) { return std::string(body.begin(), body.end()); };
  std::vector<std::string> identities = {text(denied.old.id_i), text(reserved_octets.old.id_i)};
  std::ranges::sort(identities);
  probe.gateway.publish_denied({.identities = identities});
  for (ScalarClient* c : {&denied, &reserved_octets}) {
    const Reaction reaction = probe.send(c->begin());
    EXPECT_TRUE(reaction.is_nack());
    EXPECT_EQ(reaction.drop(), Drop::ticket_revoked) << reaction.describe();
  }
  ASSERT_TRUE(probe.open(other));
  EXPECT_EQ(probe.finish(std::move(other)).complaint, "");
  EXPECT_EQ(probe.complaint(), "");

  probe.gateway.restart();
  probe.gateway.publish_denied({.issuers = {probe.gateway.mint_issuer().value()}});
  EXPECT_EQ(probe.send(denied.begin()).drop(), Drop::ticket_revoked);
  probe.gateway.publish_denied({});
  EXPECT_EQ(probe.complaint(), "");
}

// R5723-90: all tickets at once, by their generation; new tickets are of the next one.
TEST(AcceptTickets, ARevokedGenerationIsRefused) {
  GatewayProbe probe;
  ScalarClient old = probe.client();
  probe.gateway.publish_denied({.generation_min = 5});
  const Reaction reaction = probe.send(old.begin());
  EXPECT_TRUE(reaction.is_nack());
  EXPECT_EQ(reaction.drop(), Drop::ticket_revoked);
  ScalarClient recent =
      probe.client({.state = [](ike::TicketState& s) { s.policy_generation = 5; }});
  ASSERT_TRUE(probe.open(recent));
  const rig::Resumed resumed = probe.finish(std::move(recent));
  ASSERT_EQ(resumed.complaint, "");
  ScalarClient again = probe.client_of(resumed.client.renewed(*resumed.message4));
  ASSERT_TRUE(probe.open(again)) << "the new ticket is of generation 5";
  probe.gateway.publish_denied({});
  EXPECT_EQ(probe.complaint(), "");
}

// R5723-85, R5723-21: a used ticket is refused, from whatever SPIi, nonce and address.
TEST(AcceptTickets, RefusesWhatIsSpent) {
  GatewayProbe probe;
  rig::Resumed first = probe.resume();
  ASSERT_EQ(first.complaint, "");
  for (unsigned i = 0; i < 3; ++i) {
    ScalarClient again = probe.client_of(first.client.old);
    probe.path.source4[3] = static_cast<std::uint8_t>(100 + i);
    const Reaction reaction = probe.send(again.begin());
    EXPECT_TRUE(reaction.is_nack());
    EXPECT_EQ(reaction.drop(), Drop::ticket_spent);
  }
  EXPECT_EQ(probe.complaint(), "");
}

// R5723-87: message 1 alone burns nothing, however often it is sent.
TEST(AcceptTickets, LookingSpendsNothing) {
  GatewayProbe probe;
  ScalarClient owner = probe.client();
  const Octets& message1 = owner.begin();
  for (unsigned i = 0; i < 1000; ++i) {
    probe.path.source_port = static_cast<std::uint16_t>(1024 + i);
    probe.send(message1);
  }
  EXPECT_LE(probe.half_opens(), 2u);
  probe.pass(10001);
  ASSERT_TRUE(probe.open(owner));
  EXPECT_EQ(probe.finish(std::move(owner)).complaint, "");
  EXPECT_EQ(probe.complaint(), "");
}

// A used-set that is not mapped yet: silence and a request, so the retransmission gets in.
TEST(AcceptTickets, AsksForAnUnmappedIssuer) {
  GatewayProbe probe;
  const rig::TicketEdit elsewhere{
      .header = [](ike::TicketHeader& h) { h.issuer = ike::IssuerId(0xabcdef); }};
  ScalarClient client = probe.client(elsewhere);
  const Reaction reaction = probe.send(client.begin());
  EXPECT_TRUE(reaction.silent());
  EXPECT_EQ(reaction.drop(), Drop::issuer_unmapped);
  probe.gateway.serve_requests();
  ASSERT_TRUE(probe.open(client));
  EXPECT_EQ(probe.finish(std::move(client)).complaint, "");
  // A serial that no issuer hands out is no ticket.
  for (const std::uint64_t serial : {std::uint64_t{0}, kIssuerCapacity, ~std::uint64_t{0}}) {
    ScalarClient impossible = probe.client(
        {.header = [&](ike::TicketHeader& h) { h.serial = ike::TicketSerial(serial); }});
    const Reaction refused = probe.send(impossible.begin());
    EXPECT_TRUE(refused.is_nack());
    EXPECT_EQ(refused.drop(), Drop::ticket_bad_state);
  }
  EXPECT_EQ(probe.complaint(), "");
}

// R5723-102: Ni of at least half the PRF's key size (RFC 7296 §2.10).
TEST(AcceptTickets, WantsANonceForThePrf) {
  GatewayProbe probe;
  const auto suite = [](ike::PrfId prf) {
    ike::Suite s;
    s.prf = prf;
    return s;
  };
  const struct {
    ike::PrfId prf;
    std::size_t nonce_len;
    bool good;
  } cases[] = {{ike::PrfId::hmac_sha2_256, 16, true},  {ike::PrfId::hmac_sha2_384, 23, false},
               {ike::PrfId::hmac_sha2_384, 24, true},  {ike::PrfId::hmac_sha2_512, 16, false},
               {ike::PrfId::hmac_sha2_512, 31, false}, {ike::PrfId::hmac_sha2_512, 32, true}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.nonce_len);
    ScalarClient client = probe.client({.suite = suite(c.prf)});
    client.nonce_i.resize(c.nonce_len);
    if (c.good) {
      ASSERT_TRUE(probe.open(client));
      EXPECT_EQ(probe.finish(std::move(client)).complaint, "");
    } else {
      const Reaction reaction = probe.send(client.begin());
      EXPECT_TRUE(reaction.silent());
      EXPECT_EQ(reaction.drop(), Drop::resume_bad_nonce);
    }
  }
  EXPECT_EQ(probe.complaint(), "");
}

}  // namespace
}  // namespace dp
