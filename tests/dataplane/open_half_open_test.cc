// open_half_open: message 2 to the octet, and what a half-open session counts against.
#include <gtest/gtest.h>

#include <set>

#include "tests/support/gateway_probe.h"

namespace dp {
namespace {

using ike::Notify;
using ike::PayloadType;
using rig::GatewayProbe;
using rig::operator+;
using rig::Octets;
using rig::RawMessage;
using rig::Reaction;
using rig::ScalarClient;

Octets sha1(GatewayProbe& probe, const Octets& text) {
  Octets digest(20);
  const crypto::Sha1Lane lane{text, digest.data()};
  probe.client().engine().sha1({&lane, 1});
  return digest;
}

// R5723-27, R5723-30, R5723-148: the whole of message 2.
TEST(OpenHalfOpen, Message2IsNrAlone) {
  GatewayProbe probe;
  ScalarClient client = probe.client();
  const Reaction reaction = probe.send(client.begin());
  ASSERT_EQ(reaction.answers.size(), 1u);
  const Octets& m = reaction.answers[0];
  ASSERT_EQ(m.size(), 28u + 4 + 32);
  EXPECT_EQ(Octets(m.begin(), m.begin() + 8), rig::be64(client.spi_i));
  EXPECT_NE(Octets(m.begin() + 8, m.begin() + 16), Octets(8, 0));
  EXPECT_EQ(Octets(m.begin() + 16, m.begin() + 32),
            (Octets{40, 0x20, 38, 0x20, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0, 0, 36}));
  EXPECT_LE(m.size(), client.message1.size());
  EXPECT_EQ(probe.complaint(), "");
}

// R5723-28, R5723-29: SPIr and Nr never repeat, nor is an old SPI used again.
TEST(OpenHalfOpen, SpisAndNoncesAreFresh) {
  GatewayProbe probe;
  std::set<Octets> nonces;
  std::set<std::uint64_t> spis;
  unsigned opened = 0;
  for (unsigned round = 0; round < 20; ++round) {
    for (unsigned i = 0; i < 100; ++i) {
      ScalarClient client = probe.client();
      ASSERT_TRUE(probe.open(client));
      EXPECT_NE(client.spi_r, client.old.spi_r);
      nonces.insert(client.nonce_r);
      spis.insert(client.spi_r);
      ++opened;
    }
    probe.pass(10001);
  }
  EXPECT_EQ(nonces.size(), opened);
  EXPECT_EQ(spis.size(), opened);
}

struct NatCase {
  const char* what;
  bool is_ip6;
  std::uint16_t port;
};

// R5723-47, R5723-48, R5723-49: both hashes over the new SPIs, for both families and ports; then
// message 3 comes to 4500 from another source port and is answered there.
TEST(OpenHalfOpen, AnswersNatDetection) {
  for (const NatCase& c : {NatCase{"v4 500", false, 500}, NatCase{"v4 4500", false, 4500},
                           NatCase{"v6 500", true, 500}, NatCase{"v6 4500", true, 4500}}) {
    SCOPED_TRACE(c.what);
    GatewayProbe probe;
    probe.path.is_ip6 = c.is_ip6;
    probe.path.destination_port = c.port;
    probe.path.source_port = 33333;
    ScalarClient client = probe.client();
    RawMessage message1 = client.plain_message1();
    message1.payloads.push_back(rig::raw_notify(Notify::nat_detection_source_ip, Octets(20, 1)));
    message1.payloads.push_back(
        rig::raw_notify(Notify::nat_detection_destination_ip, Octets(20, 2)));
    ASSERT_TRUE(probe.open(client, write_message(message1)));
    const RawMessage message2 = rig::read_message(client.message2).value();
    const auto octets = [](const auto& a) { return Octets(a.begin(), a.end()); };
    const Octets spis = rig::be64(client.spi_i) + rig::be64(client.spi_r);
    const Octets us = c.is_ip6 ? octets(probe.path.destination6) : octets(probe.path.destination4);
    const Octets them = c.is_ip6 ? octets(probe.path.source6) : octets(probe.path.source4);
    EXPECT_EQ(message2.notify(Notify::nat_detection_source_ip),
              sha1(probe, spis + us + rig::be16(c.port)));
    EXPECT_EQ(message2.notify(Notify::nat_detection_destination_ip),
              sha1(probe, spis + them + rig::be16(33333)));
    EXPECT_LE(client.message2.size(), client.message1.size());

    probe.path.destination_port = 4500;
    probe.path.source_port = 44444;
    const Reaction reaction = probe.send(client.message3());
    ASSERT_EQ(reaction.packets.size(), 1u);
    EXPECT_EQ(reaction.packets[0].destination_port, 44444);
    EXPECT_EQ(reaction.packets[0].source_port, 4500);
    EXPECT_TRUE(reaction.packets[0].marker);
    const auto message4 = client.open(reaction.answers[0]);
    ASSERT_TRUE(message4.has_value());
    EXPECT_EQ(client.judge(*message4), "");
    EXPECT_EQ(probe.complaint(), "");
  }
}

// R5723-50: fragmentation is announced to those that announced it.
TEST(OpenHalfOpen, EchoesFragmentationSupport) {
  GatewayProbe probe;
  ScalarClient client = probe.client();
  RawMessage message1 = client.plain_message1();
  message1.payloads.push_back(rig::raw_notify(Notify::ikev2_fragmentation_supported));
  ASSERT_TRUE(probe.open(client, write_message(message1)));
  EXPECT_EQ(rig::read_message(client.message2)->notifies(), std::vector<std::uint16_t>{16430});
  EXPECT_EQ(probe.finish(std::move(client)).complaint, "");
  EXPECT_EQ(probe.complaint(), "");
}

// R5723-149: two half-opens per ticket; the owner gets in when they have timed out.
TEST(OpenHalfOpen, BoundsHalfOpensPerTicket) {
  GatewayProbe probe;
  const rig::Keepsake kept = probe.keepsake();
  std::vector<ScalarClient> attackers;
  unsigned refused = 0;
  for (unsigned i = 0; i < 100; ++i) {
    ScalarClient attacker = probe.client_of(kept);
    const Reaction reaction = probe.send(attacker.begin());
    refused += reaction.drop() == Drop::ticket_in_use ? 1 : 0;
    EXPECT_EQ(reaction.silent(), i >= 2);
  }
  EXPECT_EQ(refused, 98u);
  EXPECT_EQ(probe.half_opens(), 2u);
  probe.pass(10001);
  ScalarClient owner = probe.client_of(kept);
  ASSERT_TRUE(probe.open(owner));
  EXPECT_EQ(probe.finish(std::move(owner)).complaint, "");
  EXPECT_EQ(probe.complaint(), "");
}

// R5723-149: copies of a message 1 that was sniffed come after it, so its owner is in already, and
// its retransmissions are known.
TEST(OpenHalfOpen, CopiesDoNotShutTheOwnerOut) {
  GatewayProbe probe;
  ScalarClient owner = probe.client();
  ASSERT_TRUE(probe.open(owner));
  for (unsigned i = 0; i < 100; ++i) {
    probe.path.source_port = static_cast<std::uint16_t>(2000 + i);
    probe.send(owner.message1);
  }
  EXPECT_EQ(probe.half_opens(), 2u);
  probe.path.source_port = 500;
  EXPECT_EQ(probe.send(owner.message1).answers.at(0), owner.message2);
  EXPECT_EQ(probe.finish(std::move(owner)).complaint, "");
  EXPECT_EQ(probe.complaint(), "");
}

TEST(OpenHalfOpen, BoundsHalfOpensPerPrefix) {
  GatewayProbe probe({.configure = [](WorkerConfig& c) { c.admission.half_open_per_prefix = 3; }});
  for (const bool is_ip6 : {false, true}) {
    SCOPED_TRACE(is_ip6);
    probe.path.is_ip6 = is_ip6;
    const auto from = [&](std::uint8_t subnet, std::uint8_t host) {
      probe.path.source4 = {198, 51, subnet, host};
      probe.path.source6[6] = subnet;
      probe.path.source6[15] = host;
    };
    for (std::uint8_t host = 1; host <= 3; ++host) {
      from(100, host);
      ScalarClient client = probe.client();
      ASSERT_TRUE(probe.open(client));
    }
    from(100, 4);
    ScalarClient fourth = probe.client();
    const Reaction reaction = probe.send(fourth.begin());
    EXPECT_TRUE(reaction.silent());
    EXPECT_EQ(reaction.drop(), Drop::source_limit);
    from(101, 1);
    ScalarClient elsewhere = probe.client();
    ASSERT_TRUE(probe.open(elsewhere));
    // What was refused for its source did not count against its ticket.
    probe.pass(10001);
    from(100, 4);
    ASSERT_TRUE(probe.open(fourth));
    EXPECT_EQ(probe.finish(std::move(fourth)).complaint, "");
    probe.pass(10001);
  }
  EXPECT_EQ(probe.complaint(), "");
}

TEST(OpenHalfOpen, TellsWhenTheTableIsFull) {
  GatewayProbe probe(
      {.sessions_max = 4, .configure = [](WorkerConfig& c) { c.admission.half_open_max = 8; }});
  std::vector<ScalarClient> clients;
  for (unsigned i = 0; i < 4; ++i) {
    clients.push_back(probe.client());
    ASSERT_TRUE(probe.open(clients.back()));
  }
  ScalarClient fifth = probe.client();
  const Reaction full = probe.send(fifth.begin());
  EXPECT_TRUE(full.silent());
  EXPECT_EQ(full.drop(), Drop::table_full);
  probe.pass(10001);
  ASSERT_TRUE(probe.open(fifth));
  EXPECT_EQ(probe.finish(std::move(fifth)).complaint, "");
  EXPECT_EQ(probe.complaint(), "");
}

// The same request twice in one burst is one half-open session.
TEST(OpenHalfOpen, OneBurstMayHoldARequestTwice) {
  GatewayProbe probe;
  ScalarClient client = probe.client();
  const Octets message1 = client.begin();
  const Reaction reaction = probe.send_all({message1, message1, message1});
  ASSERT_EQ(reaction.answers.size(), 1u);
  EXPECT_EQ(reaction.drops, (std::map<Drop, unsigned>{{Drop::duplicate_request, 2}}));
  EXPECT_EQ(probe.half_opens(), 1u);
  ASSERT_TRUE(client.take_message2(reaction.answers[0]));
  EXPECT_EQ(probe.finish(std::move(client)).complaint, "");
  EXPECT_EQ(probe.complaint(), "");
}

// R5723-161: message 2 was lost, the client begins anew with another SPIi and the same ticket.
TEST(OpenHalfOpen, AClientMayBeginAgain) {
  GatewayProbe probe;
  const rig::Keepsake kept = probe.keepsake();
  ScalarClient lost = probe.client_of(kept);
  probe.send(lost.begin());
  ScalarClient again = probe.client_of(kept);
  ASSERT_TRUE(probe.open(again));
  EXPECT_EQ(probe.finish(std::move(again)).complaint, "");
  EXPECT_EQ(probe.complaint(), "");
}

}  // namespace
}  // namespace dp
