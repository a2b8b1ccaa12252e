// write_replies: what leaves on message 1, to whom, how large and how often.
#include <gtest/gtest.h>

#include "tests/support/gateway_probe.h"

namespace dp {
namespace {

using rig::GatewayProbe;
using rig::Octets;
using rig::Reaction;
using rig::ScalarClient;

const rig::TicketEdit kForged{.sealed = [](Octets& t) { t.back() ^= 1; }};

// CORE-02, CORE-03, R5723-43, R5723-49: back to where it came from, from where it was sent to.
TEST(WriteReplies, AnswersWhereItWasAsked) {
  for (const bool is_ip6 : {false, true}) {
    for (const std::uint16_t port : {std::uint16_t{500}, std::uint16_t{4500}}) {
      SCOPED_TRACE(testing::Message() << (is_ip6 ? "v6 " : "v4 ") << port);
      GatewayProbe probe;
      probe.path.is_ip6 = is_ip6;
      probe.path.destination_port = port;
      probe.path.source_port = 17000;
      for (const bool forged : {false, true}) {
        ScalarClient client = probe.client(forged ? kForged : rig::TicketEdit{});
        const Reaction reaction = probe.send(client.begin());
        ASSERT_EQ(reaction.packets.size(), 1u);
        const Packet& p = reaction.packets[0];
        const PacketBuilder back = probe.path.reversed();
        EXPECT_EQ(p.is_ip6, is_ip6);
        EXPECT_EQ(p.source_mac, back.source_mac);
        EXPECT_EQ(p.destination_mac, back.destination_mac);
        EXPECT_EQ(p.source, is_ip6 ? Octets(back.source6.begin(), back.source6.end())
                                   : Octets(back.source4.begin(), back.source4.end()));
        EXPECT_EQ(p.destination, is_ip6
                                     ? Octets(back.destination6.begin(), back.destination6.end())
                                     : Octets(back.destination4.begin(), back.destination4.end()));
        EXPECT_EQ(p.source_port, port);
        EXPECT_EQ(p.destination_port, 17000);
        EXPECT_EQ(p.marker, port == 4500);
      }
      EXPECT_EQ(probe.complaint(), "");
    }
  }
}

// R5723-154, R5723-94: refusals to one source are capped, other sources and genuine tickets are
// not.
TEST(WriteReplies, CapsRefusalsPerSource) {
  GatewayProbe probe(
      {.configure = [](WorkerConfig& c) { c.admission.answers_per_source_per_s = 8; }});
  const auto answered = [&](unsigned requests) {
    unsigned n = 0;
    for (unsigned i = 0; i < requests; ++i) {
      const Reaction reaction = probe.send(probe.client(kForged).begin());
      EXPECT_EQ(reaction.drop(), reaction.silent() ? Drop::answer_limit : Drop::ticket_bad_tag);
      n += reaction.is_nack() ? 1 : 0;
    }
    return n;
  };
  EXPECT_EQ(answered(100), 8u);
  probe.path.source4[3] ^= 1;
  EXPECT_EQ(answered(100), 8u);
  probe.path.source4[3] ^= 1;
  EXPECT_EQ(probe.resume().complaint, "");
  probe.pass(1000);
  EXPECT_EQ(answered(100), 8u);
  EXPECT_EQ(probe.complaint(), "");
}

// R5723-148: no answer in clear is longer than what asked for it.
TEST(WriteReplies, AmplifiesNothing) {
  for (const CookieMode mode : {CookieMode::always, CookieMode::never}) {
    GatewayProbe probe({.configure = [mode](WorkerConfig& c) { c.admission.cookies = mode; }});
    for (const bool forged : {false, true}) {
      ScalarClient client = probe.client(forged ? kForged : rig::TicketEdit{});
      rig::RawMessage message = client.plain_message1();
      message.payloads[0].body.resize(16);
      const Octets octets = write_message(message);
      for (const Octets& answer : probe.send(octets).answers)
        EXPECT_LE(answer.size(), octets.size());
    }
    // The smallest request that is answered at all.
    rig::RawMessage smallest = probe.client().plain_message1();
    smallest.payloads[0].body.resize(16);
    smallest.payloads[1].body.resize(4);
    const Octets octets = write_message(smallest);
    const Reaction reaction = probe.send(octets);
    ASSERT_EQ(reaction.answers.size(), 1u);
    EXPECT_LE(reaction.answers[0].size(), octets.size());
  }
}

// An answer that the link does not take is counted; the half-open session stays and times out.
TEST(WriteReplies, CountsWhatDoesNotFitTheLink) {
  GatewayProbe probe({.link = [](Link& link) { link.mtu = 80; }});
  ScalarClient client = probe.client();
  const Reaction reaction = probe.send(client.begin());
  EXPECT_TRUE(reaction.silent());
  EXPECT_EQ(reaction.drop(), Drop::reply_too_large);
  EXPECT_TRUE(probe.send(probe.client(kForged).begin()).is_nack());
  EXPECT_TRUE(probe.gateway.conserved());
  probe.pass(10001);
  EXPECT_EQ(probe.half_opens(), 0u);
}

// R5723-160: nothing is sent without being asked.
TEST(WriteReplies, RepeatsNothingByItself) {
  GatewayProbe probe;
  ScalarClient client = probe.client();
  ASSERT_TRUE(probe.open(client));
  for (unsigned second = 0; second < 9; ++second) {
    probe.pass(1000);
    EXPECT_TRUE(probe.run().answers.empty());
  }
  const rig::Resumed resumed = probe.finish(std::move(client));
  EXPECT_EQ(resumed.complaint, "");
  for (unsigned second = 0; second < 60; ++second) {
    probe.pass(1000);
    EXPECT_TRUE(probe.run().answers.empty());
  }
}

}  // namespace
}  // namespace dp
