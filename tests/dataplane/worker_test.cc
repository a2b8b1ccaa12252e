// Worker: the order of the stages, the conservation of frames, and the counters.
#include "dataplane/worker.h"

#include <gtest/gtest.h>

#include "dataplane/neighbour_queue.h"
#include "tests/support/inside_probe.h"

namespace dp {
namespace {

using rig::GatewayProbe;
using rig::operator+;
using rig::Octets;
using rig::Reaction;
using rig::ScalarClient;

const WorkerCounters& counters(GatewayProbe& probe) { return probe.gateway.worker().counters(); }

TEST(Worker, AnIdleBurstDoesNothing) {
  GatewayProbe probe;
  EXPECT_EQ(probe.gateway.worker().run_once(probe.gateway.now), 0u);
  EXPECT_EQ(counters(probe).idle_bursts.get(), 1u);
  EXPECT_EQ(counters(probe).bursts.get(), 0u);
  EXPECT_EQ(counters(probe).rx_packets.get(), 0u);
}

TEST(Worker, ABurstIsAtMost32Packets) {
  GatewayProbe probe;
  for (unsigned i = 0; i < 33; ++i)
    ASSERT_TRUE(probe.gateway.port().inject(probe.path.ike(probe.client().begin())));
  EXPECT_EQ(probe.gateway.worker().run_once(probe.gateway.now), 32u);
  EXPECT_EQ(probe.gateway.worker().run_once(probe.gateway.now), 1u);
  EXPECT_EQ(counters(probe).rx_packets.get(), 33u);
  EXPECT_EQ(counters(probe).bursts.get(), 2u);
}

// Every packet of every burst: received = transmitted + handed over + dropped, and each lane one.
TEST(Worker, ConservesPackets) {
  GatewayProbe probe({.workers = 2});
  crypto::Random random(11);
  std::vector<ScalarClient> open;
  for (unsigned round = 0; round < 200; ++round) {
    std::vector<Octets> messages;
    for (unsigned i = 0; i < 1 + round % 40; ++i) {
      switch (random.below(5)) {
        case 0:
          messages.push_back(probe.client().begin());
          break;
        case 1: {
          ScalarClient c = probe.client();
          if (probe.open(c)) open.push_back(std::move(c));
          break;
        }
        case 2:
          if (!open.empty()) messages.push_back(open[random.below(open.size())].message3());
          break;
        case 3:
          messages.emplace_back(random.below(100), std::uint8_t{0});
          break;
        default:
          messages.push_back(probe.client({.sealed = [](Octets& t) { t[30] ^= 1; }}).begin());
      }
    }
    probe.send_all(messages, round % 2);
    ASSERT_TRUE(probe.gateway.conserved());
  }
  std::uint64_t received = 0, left = 0;
  for (unsigned w = 0; w < 2; ++w) {
    const FakePort::Counts& c = probe.gateway.port(w).counts();
    received += c.received;
    left += c.transmitted + c.transmit_lost + c.released + c.handed_over;
    EXPECT_EQ(probe.gateway.worker(w).counters().rx_packets.get(), c.received);
    EXPECT_EQ(probe.gateway.worker(w).counters().tx_packets.get(), c.transmitted);
    EXPECT_EQ(probe.gateway.worker(w).counters().handed_over.get(), c.handed_over);
  }
  EXPECT_EQ(received, left);
  EXPECT_EQ(probe.complaint(), "");
}

// Message 3 is served before message 1 of the same burst: the half-open place it frees can be
// taken.
TEST(Worker, FinishesBeforeItBegins) {
  GatewayProbe probe({.configure = [](WorkerConfig& c) { c.admission.half_open_max = 1; }});
  ScalarClient first = probe.client();
  ASSERT_TRUE(probe.open(first));
  ScalarClient second = probe.client();
  const Reaction reaction = probe.send_all({second.begin(), first.message3()});
  EXPECT_EQ(reaction.answers.size(), 2u) << reaction.describe();
  EXPECT_TRUE(reaction.drops.empty());
  EXPECT_EQ(probe.half_opens(), 1u);
  EXPECT_EQ(probe.sessions(), 1u);
}

// A client resumes while requests of its old session are in the same burst: that session is over
// when their turn comes.
TEST(Worker, AnOldSessionMaySpeakInTheBurstThatEndsIt) {
  GatewayProbe probe;
  for (const bool repeats_message3 : {false, true}) {
    SCOPED_TRACE(repeats_message3);
    rig::Resumed old = probe.resume();
    ASSERT_EQ(old.complaint, "");
    ScalarClient next = probe.client_of(old.client.renewed(*old.message4));
    ASSERT_TRUE(probe.open(next));
    const Octets last_words =
        repeats_message3
            ? old.client.message3()
            : old.client.seal({}, {.exchange = ike::Exchange::informational, .message_id = 2});
    const Reaction reaction = probe.send_all({next.message3(), last_words});
    ASSERT_GE(reaction.answers.size(), 1u) << reaction.describe();
    EXPECT_EQ(reaction.drop(), Drop::spi_unknown);
  }
  EXPECT_EQ(probe.sessions(), 2u);
  EXPECT_EQ(probe.complaint(), "");
}

// The transmit ring is full: answers are lost and counted; the client's retransmission is served.
TEST(Worker, CountsWhatItAnswersForTheLink) {
  GatewayProbe probe;
  const Octets request = probe.path.arp(1, {192, 0, 2, 1});
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(probe.gateway.port().inject(request));
  ASSERT_TRUE(probe.gateway.port().inject(probe.path.arp(1, {192, 0, 2, 99})));
  probe.gateway.run();
  EXPECT_EQ(counters(probe).link_answers.get(), 3u);
}

TEST(Worker, CountsWhatTheRingDidNotTake) {
  GatewayProbe probe;
  ScalarClient client = probe.client();
  ASSERT_TRUE(probe.open(client));
  const Octets message3 = client.message3();
  probe.gateway.port().set_transmit_room(0);
  const Reaction lost = probe.send(message3);
  EXPECT_TRUE(lost.silent());
  EXPECT_EQ(lost.drop(), Drop::tx_full);
  EXPECT_TRUE(probe.gateway.conserved());
  probe.gateway.port().set_transmit_room(FakePort::kUnlimited);
  const Reaction again = probe.send(message3);
  ASSERT_EQ(again.answers.size(), 1u);
  EXPECT_EQ(client.judge(client.open(again.answers[0]).value()), "");
  EXPECT_EQ(probe.sessions(), 1u);
  EXPECT_EQ(probe.complaint(), "");
}

// What is promised of a session's memory.
TEST(Worker, ASessionTakesLessThanAKibibyte) {
  GatewayProbe probe;
  EXPECT_LE(probe.gateway.worker().bytes_per_session(), 1024u);
}

TEST(Worker, ChargesCyclesToStages) {
  GatewayProbe probe;
  ASSERT_EQ(probe.resume().complaint, "");
  for (const Stage stage : {Stage::receive, Stage::find_sessions, Stage::verify_auth,
                            Stage::establish, Stage::open_tickets, Stage::transmit})
    EXPECT_GT(counters(probe).stage_cycles[static_cast<std::size_t>(stage)].get(), 0u);
  EXPECT_GT(counters(probe).busy_cycles.get(), 0u);
}

// A revoked key reaches the worker with its next burst.
TEST(Worker, SeesWhatIsPublished) {
  GatewayProbe probe;
  ScalarClient before = probe.client();
  const crypto::TicketKeyId sealing = probe.gateway.keyring().current().id;
  probe.gateway.keyring().rotate(probe.gateway.now.unix_s, 3600);
  ASSERT_TRUE(probe.gateway.keyring().revoke(sealing).has_value());
  probe.gateway.publish_keyring();
  EXPECT_EQ(probe.send(before.begin()).drop(), Drop::ticket_unknown_key);
  EXPECT_EQ(probe.complaint(), "");
}

// Both sides on one port: the VLAN tells them apart, also where another worker has the tunnel.
TEST(Worker, ServesBothSidesOnOnePort) {
  rig::EspProbe probe({.workers = 2, .one_port = true});
  for (const unsigned owner : {0u, 1u}) {
    rig::Tunnel t = probe.tunnel({.worker = owner});
    PacketBuilder b = rig::InsideProbe::to_client(t);
    b.destination_mac = {2, 0, 0, 0, 0, 1};
    b.vlan = 7;
    for (const unsigned w : {0u, 1u}) {
      ASSERT_TRUE(probe.gateway.port(w).inject(b.udp(rig::Octets(20))));
      EXPECT_EQ(rig::InsideProbe::opened(t, probe.run()).at(8), 63);
    }
    const rig::Octets inner = rig::InsideProbe::inner(rig::InsideProbe::from_client(t).udp({}));
    const auto asked = probe.send_esp(t, t.peer.seal(inner)).reaction;
    ASSERT_EQ(asked.packets.size(), owner == 0 ? 1u : 0u) << "ARP, once in a second";
    if (owner == 0) {
      EXPECT_EQ(asked.packets[0].vlan, 7);
      EXPECT_EQ(asked.packets[0].ether_type, kEtherArp);
    }
    b.vlan.reset();
    ASSERT_TRUE(probe.gateway.port().inject(b.udp(rig::Octets(20))));
    EXPECT_EQ(probe.run().drop(), Drop::ip_not_for_us) << "the outside is no way in";
    probe.gateway.now.ms += NeighbourQueue::kWaitMs;
    probe.run();
  }
  EXPECT_TRUE(probe.gateway.conserved());
}

}  // namespace
}  // namespace dp
