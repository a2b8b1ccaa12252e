// establish: a ticket is spent once, the old session ends and no other, the address stays with its
// owner, and a Child SA that fails does not take the IKE SA with it.
#include <gtest/gtest.h>

#include "tests/support/gateway_probe.h"

namespace dp {
namespace {

using ike::Notify;
using ike::PayloadType;
using rig::GatewayProbe;
using rig::operator+;
using rig::Octets;
using rig::RawChain;
using rig::RawMessage;
using rig::Reaction;
using rig::Resumed;
using rig::ScalarClient;

Octets dpd(ScalarClient& client, std::uint32_t id = 2) {
  return client.seal({}, {.exchange = ike::Exchange::informational, .message_id = id});
}
// INTERNAL_IP4_ADDRESS of a CFG_REPLY.
std::optional<Octets> address4(const RawMessage& message4) {
  const rig::RawPayload* cp = message4.find(PayloadType::cp);
  if (cp == nullptr || cp->body.at(0) != 2) return {};
  for (std::size_t at = 4; at + 4 <= cp->body.size();) {
    const std::size_t len = crypto::load_be16(&cp->body[at + 2]);
    const auto value = cp->body.begin() + static_cast<std::ptrdiff_t>(at + 4);
    if (crypto::load_be16(&cp->body[at]) == 1) return Octets(value, value + static_cast<long>(len));
    at += 4 + len;
  }
  return {};
}

// R5723-56, R5723-42, R5723-44, R5723-52: ten resumptions in a chain, each with the ticket of the
// one before; the address stays, the Message IDs start anew, the old SA is gone without a word.
TEST(Establish, AChainOfResumptions) {
  GatewayProbe probe;
  Resumed at = probe.resume();
  ASSERT_EQ(at.complaint, "");
  const Octets address = at.client.old.ip4.value();
  for (unsigned i = 0; i < 10; ++i) {
    SCOPED_TRACE(i);
    EXPECT_EQ(address4(*at.message4), address);
    EXPECT_EQ(probe.send(dpd(at.client)).answers.size(), 1u);
    ScalarClient old = std::move(at.client);
    ScalarClient next = probe.client_of(old.renewed(*at.message4));
    ASSERT_TRUE(probe.open(next));
    EXPECT_EQ(probe.send(dpd(old, 3)).answers.size(), 1u);  // R5723-54: until message 3
    at = probe.finish(std::move(next));
    ASSERT_EQ(at.complaint, "");
    EXPECT_EQ(probe.send(dpd(old, 4)).drop(), Drop::spi_unknown);
    EXPECT_EQ(probe.sessions(), 1u);
    EXPECT_EQ(probe.gateway.shared().leases.held4(), 1u);
  }
  EXPECT_EQ(probe.complaint(), "");
}

// R5723-55: two devices with one identity; only the SA that the ticket names ends.
TEST(Establish, EndsOnlyTheTicketsOwnSession) {
  for (const unsigned workers : {1u, 2u}) {
    GatewayProbe probe({.workers = workers});
    const rig::Keepsake device_a = probe.keepsake();
    const rig::TicketEdit same_identity{.state = [&](auto& s) { s.id_i = device_a.id_i; }};
    ScalarClient a = probe.client_of(device_a);
    ScalarClient b = probe.client(same_identity);
    b.old.id_i = device_a.id_i;
    ASSERT_TRUE(probe.open(a));
    Resumed first = probe.finish(std::move(a));
    ASSERT_TRUE(probe.open(b));
    Resumed second = probe.finish(std::move(b));
    ASSERT_EQ(first.complaint + second.complaint, "");
    ScalarClient again = probe.client_of(first.client.renewed(*first.message4));
    ASSERT_TRUE(probe.open(again, workers - 1));
    EXPECT_EQ(probe.finish(std::move(again), ike::AuthForm::rfc, workers - 1).complaint, "");
    probe.pass(1);
    EXPECT_EQ(probe.sessions(), 2u);
    EXPECT_EQ(probe.send(dpd(first.client)).drop(), Drop::spi_unknown);
    EXPECT_EQ(probe.send(dpd(second.client)).answers.size(), 1u);
    EXPECT_EQ(probe.complaint(), "");
  }
}

// R5723-52 across workers: the owner is told, and its lease was moved and not released.
TEST(Establish, EndsTheOldSessionOfAnotherWorker) {
  GatewayProbe probe({.workers = 2});
  Resumed first = probe.resume();
  ASSERT_EQ(first.complaint, "");
  const Octets address = first.client.old.ip4.value();
  ScalarClient next = probe.client_of(first.client.renewed(*first.message4));
  ASSERT_TRUE(probe.open(next, 1));
  const Resumed second = probe.finish(std::move(next), ike::AuthForm::rfc, 1);
  ASSERT_EQ(second.complaint, "");
  EXPECT_EQ(address4(*second.message4), address);
  probe.pass(1);
  EXPECT_EQ(probe.sessions(), 1u);
  EXPECT_EQ(probe.gateway.shared().leases.held4(), 1u);
  EXPECT_EQ(probe.send(dpd(first.client)).drop(), Drop::spi_unknown);
  EXPECT_EQ(probe.complaint(), "");
}

// A ticket may name any SPI: one that decodes to a session of somebody else, or to nothing.
TEST(Establish, ATicketCannotEndAStrangersSession) {
  GatewayProbe probe;
  Resumed victim = probe.resume();
  ASSERT_EQ(victim.complaint, "");
  // Right SPIr, but not the victim's SPIi: this ticket did not come from that session.
  EXPECT_EQ(probe.resume({.state = [&](auto& s) { s.spi_r = ike::IkeSpi(victim.client.spi_r); }})
                .complaint,
            "");
  EXPECT_EQ(probe.send(dpd(victim.client)).answers.size(), 1u);
  for (const std::uint64_t spi : {std::uint64_t{0}, std::uint64_t{1}, ~std::uint64_t{0}})
    EXPECT_EQ(probe.resume({.state = [&](auto& s) { s.spi_r = ike::IkeSpi(spi); }}).complaint, "");
  EXPECT_EQ(probe.complaint(), "");
}

// R5723-86 on one worker: two half-opens of one ticket, both in one burst.
TEST(Establish, OneOfTwoRacersWins) {
  GatewayProbe probe;
  for (unsigned i = 0; i < 50; ++i) {
    const rig::Keepsake kept = probe.keepsake();
    ScalarClient a = probe.client_of(kept);
    ScalarClient b = probe.client_of(kept);
    ASSERT_TRUE(probe.open(a));
    ASSERT_TRUE(probe.open(b));
    const std::uint64_t before = probe.sessions();
    const Reaction reaction = probe.send_all({a.message3(), b.message3()});
    ASSERT_EQ(reaction.answers.size(), 2u);
    EXPECT_EQ(reaction.drop(), Drop::ticket_lost_race);
    unsigned winners = 0;
    for (ScalarClient* c : {&a, &b}) {
      for (const Octets& answer : reaction.answers) {
        const auto message4 = c->open(answer);
        if (!message4) continue;
        if (c->judge(*message4).empty()) {
          ++winners;
        } else {
          EXPECT_EQ(message4->notifies(), std::vector<std::uint16_t>{24});
        }
      }
    }
    EXPECT_EQ(winners, 1u);
    EXPECT_EQ(probe.sessions(), before + 1);
    EXPECT_EQ(probe.gateway.shared().leases.held4(), probe.sessions());
  }
  EXPECT_EQ(probe.half_opens(), 0u);
  EXPECT_EQ(probe.complaint(), "");
}

struct ChildCase {
  const char* row;
  const char* what;
  std::function<void(ScalarClient&, RawChain&)> edit;
  Notify error;
};

// R5723-66, CORE-44, CORE-65: the IKE SA stands; message 4 has IDr, AUTH and the error.
TEST(Establish, AFailedChildLeavesTheIkeSa) {
  const ChildCase cases[] = {
      {"R5723-66", "3DES only", [](ScalarClient&, RawChain& c) { c[4].body[19] = 3; },
       Notify::no_proposal_chosen},
      {"R5723-66", "no SA payload", [](ScalarClient&, RawChain& c) { c.erase(c.begin() + 4); },
       Notify::no_proposal_chosen},
      {"R5723-66", "a selector outside the lease",
       [](ScalarClient&, RawChain& c) {
         c[5].body = Octets{1, 0, 0, 0, 7, 0, 0, 16, 0, 0, 0xff, 0xff} + rig::be32(0xcb007101) +
                     rig::be32(0xcb007101);
       },
       Notify::ts_unacceptable},
      {"R5723-66", "no TSi", [](ScalarClient&, RawChain& c) { c.erase(c.begin() + 5); },
       Notify::ts_unacceptable},
      {"R5723-66", "no TSr", [](ScalarClient&, RawChain& c) { c.erase(c.begin() + 6); },
       Notify::ts_unacceptable},
      {"CORE-66", "selectors of an unknown type only",
       [](ScalarClient&, RawChain& c) { c[5].body = Octets{1, 0, 0, 0, 200, 0, 0, 8, 1, 2, 3, 4}; },
       Notify::ts_unacceptable},
  };
  GatewayProbe probe;
  for (const ChildCase& c : cases) {
    SCOPED_TRACE(std::string(c.row) + ": " + c.what);
    ScalarClient client = probe.client();
    ASSERT_TRUE(probe.open(client));
    RawChain inner = client.plain_inner3();
    c.edit(client, inner);
    const std::uint64_t failures = probe.gateway.sum(&WorkerCounters::child_failures);
    const Reaction reaction = probe.send(client.seal(inner));
    ASSERT_EQ(reaction.answers.size(), 1u) << reaction.describe();
    const auto message4 = client.open(reaction.answers[0]);
    ASSERT_TRUE(message4.has_value());
    EXPECT_EQ(message4->find(PayloadType::id_r)->body, client.old.id_r);
    EXPECT_EQ(message4->find(PayloadType::auth)->body, (Octets{2, 0, 0, 0} + client.auth_r()));
    EXPECT_EQ(message4->find(PayloadType::sa), nullptr);
    EXPECT_EQ(message4->notify(c.error), Octets{});
    EXPECT_TRUE(message4->notify(Notify::ticket_lt_opaque).has_value());
    EXPECT_EQ(probe.gateway.sum(&WorkerCounters::child_failures), failures + 1);
    EXPECT_EQ(probe.send(dpd(client)).answers.size(), 1u);
  }
  EXPECT_EQ(probe.complaint(), "");
}

// CORE-52: no address is left; no Child SA, the IKE SA stands.
TEST(Establish, TellsWhenThePoolIsEmpty) {
  GatewayProbe probe({.configure = [](WorkerConfig& c) { c.child.pool4.count = 2; }});
  EXPECT_EQ(probe.resume().complaint, "");
  EXPECT_EQ(probe.resume().complaint, "");
  ScalarClient third = probe.client();
  ASSERT_TRUE(probe.open(third));
  const Reaction reaction = probe.send(third.message3());
  const auto message4 = third.open(reaction.answers.at(0));
  ASSERT_TRUE(message4.has_value());
  EXPECT_TRUE(message4->notify(Notify::internal_address_failure).has_value());
  EXPECT_EQ(message4->find(PayloadType::sa), nullptr);
  EXPECT_EQ(probe.send(dpd(third)).answers.size(), 1u);
  EXPECT_EQ(probe.sessions(), 3u);
}

// R5723-41: nothing asked, nothing bound, no CFG_REPLY; the selector is then the outer address.
TEST(Establish, BindsNoAddressUnasked) {
  GatewayProbe probe;
  ScalarClient client = probe.client();
  ASSERT_TRUE(probe.open(client));
  RawChain inner = client.plain_inner3();
  inner.erase(inner.begin() + 3);
  const Reaction reaction = probe.send(client.seal(inner));
  const auto message4 = client.open(reaction.answers.at(0));
  ASSERT_TRUE(message4.has_value());
  EXPECT_EQ(client.judge(*message4), "");
  EXPECT_EQ(message4->find(PayloadType::cp), nullptr);
  EXPECT_EQ(probe.gateway.shared().leases.held4(), 0u);
  const Octets& ts_i = message4->find(PayloadType::ts_i)->body;
  EXPECT_EQ(Octets(ts_i.end() - 8, ts_i.end()), (Octets{192, 0, 2, 10, 192, 0, 2, 10}));
  EXPECT_EQ(probe.complaint(), "");
}

// R5723-157, R5723-158, R5723-23: message 3 again gives message 4 again, octet for octet, and
// nothing else happens: no second lease, ticket or session.
TEST(Establish, ARepeatedMessage3GetsTheSameAnswer) {
  GatewayProbe probe;
  ScalarClient client = probe.client();
  ASSERT_TRUE(probe.open(client));
  const Octets message3 = client.message3();
  const Reaction first = probe.send(message3);
  ASSERT_EQ(first.answers.size(), 1u);
  for (unsigned i = 0; i < 3; ++i) {
    const Reaction again = probe.send(message3);
    ASSERT_EQ(again.answers.size(), 1u);
    EXPECT_EQ(again.answers[0], first.answers[0]);
    EXPECT_TRUE(again.drops.empty());
  }
  EXPECT_EQ(probe.sessions(), 1u);
  EXPECT_EQ(probe.gateway.shared().leases.held4(), 1u);
  EXPECT_EQ(probe.gateway.sum(&WorkerCounters::resumptions), 1u);
  EXPECT_EQ(probe.gateway.sum(&WorkerCounters::retransmitted_m4), 3u);
  // Bad ones of the same Message ID are silent.
  Octets forged = message3;
  forged.back() ^= 1;
  EXPECT_EQ(probe.send(forged).drop(), Drop::sk_bad_icv);
  EXPECT_EQ(probe.complaint(), "");
}

// The largest identities a ticket takes: their answers live in spill records.
TEST(Establish, KeepsLargeAnswers) {
  GatewayProbe probe;
  for (const std::size_t len : {24u, 200u, 400u}) {
    SCOPED_TRACE(len);
    ScalarClient client = probe.client({.id_len = len});
    ASSERT_TRUE(probe.open(client));
    const Octets message3 = client.message3();
    const Reaction first = probe.send(message3);
    ASSERT_EQ(first.answers.size(), 1u) << first.describe();
    EXPECT_EQ(probe.send(message3).answers.at(0), first.answers[0]);
    EXPECT_EQ(client.judge(client.open(first.answers[0]).value()), "");
    EXPECT_EQ(probe.send(dpd(client)).answers.size(), 1u);
  }
  EXPECT_EQ(probe.complaint(), "");
}

// R5723-43: another address than before, and message 3 from another one than message 1.
TEST(Establish, AnyAddressMayResume) {
  GatewayProbe probe;
  ScalarClient client = probe.client();
  ASSERT_TRUE(probe.open(client));
  probe.path.source4 = {203, 0, 113, 77};
  probe.path.source_port = 5;
  EXPECT_EQ(probe.finish(std::move(client)).complaint, "");
  EXPECT_EQ(probe.complaint(), "");
}

// Both families on one Child SA.
TEST(Establish, LeasesBothFamilies) {
  GatewayProbe probe;
  const Resumed both = probe.resume({.ip4 = true, .ip6 = true});
  EXPECT_EQ(both.complaint, "");
  EXPECT_EQ(address4(*both.message4), both.client.old.ip4);
  EXPECT_EQ(probe.gateway.shared().leases.held6(), 1u);
  EXPECT_EQ(probe.resume({.ip4 = false, .ip6 = true}).complaint, "");
  EXPECT_EQ(probe.gateway.shared().leases.held6(), 2u);
  EXPECT_EQ(probe.gateway.shared().leases.held4(), 1u);
  EXPECT_EQ(probe.complaint(), "");
}

}  // namespace
}  // namespace dp
