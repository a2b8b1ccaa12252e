// reassemble: what comes in IP fragments is served like what comes whole.
#include <gtest/gtest.h>

#include <algorithm>

#include "dataplane/reassembler.h"
#include "tests/support/inside_probe.h"

namespace dp {
namespace {

using rig::GatewayProbe;
using rig::operator+;
using rig::be16;
using rig::be32;
using rig::Octets;
using rig::Reaction;
using rig::ScalarClient;

// A frame's packet cut into pieces of `piece` octets.
std::vector<Octets> cut_frame(const Octets& frame, bool is_ip6, std::size_t piece,
                              std::uint32_t id) {
  const std::size_t ip_len = is_ip6 ? 40 : 20;
  const auto at = [&](std::size_t n) { return frame.begin() + static_cast<std::ptrdiff_t>(n); };
  const Octets payload(at(14 + ip_len), frame.end());
  std::vector<Octets> out;
  for (std::size_t offset = 0; offset < payload.size(); offset += piece) {
    const std::size_t len = std::min(piece, payload.size() - offset);
    const bool more = offset + len < payload.size();
    Octets f(frame.begin(), at(14 + ip_len));
    std::uint8_t* ip = f.data() + 14;
    if (is_ip6) {
      const std::uint8_t next = ip[6];
      ip[6] = 44;
      crypto::store_be16(ip + 4, static_cast<std::uint16_t>(8 + len));
      f = f + Octets{next, 0} + be16(offset | (more ? 1u : 0u)) + be32(id);
    } else {
      crypto::store_be16(ip + 2, static_cast<std::uint16_t>(20 + len));
      crypto::store_be16(ip + 4, static_cast<std::uint16_t>(id));
      crypto::store_be16(ip + 6, static_cast<std::uint16_t>(offset / 8 | (more ? 0x2000u : 0u)));
      crypto::store_be16(ip + 10, 0);
      crypto::store_be16(ip + 10, plain_checksum({ip, 20}));
    }
    f.insert(f.end(), payload.begin() + static_cast<std::ptrdiff_t>(offset),
             payload.begin() + static_cast<std::ptrdiff_t>(offset + len));
    out.push_back(f);
  }
  return out;
}

// The packet round `message` cut the same way.
std::vector<Octets> cut(const PacketBuilder& b, const Octets& message, std::size_t piece,
                        std::uint32_t id = 77) {
  return cut_frame(b.ike(message), b.is_ip6, piece, id);
}

Reaction send_frames(GatewayProbe& probe, const std::vector<Octets>& frames, unsigned w = 0) {
  for (const Octets& f : frames) EXPECT_TRUE(probe.gateway.port(w).inject(f));
  return probe.run();
}

Octets long_message(GatewayProbe& probe, std::size_t len) {
  Octets m = probe.control_message();
  m.resize(len, 0x5a);
  crypto::store_be32(m.data() + 24, static_cast<std::uint32_t>(len));
  return m;
}

// An IKE_AUTH with certificates, for the control thread: longer than any frame, in any order.
TEST(Reassemble, LongMessagesReachTheControlThread) {
  GatewayProbe probe;
  for (const bool is_ip6 : {false, true}) {
    probe.path.is_ip6 = is_ip6;
    probe.path.destination_port = is_ip6 ? 4500 : 500;
    for (const std::size_t len : {1600u, 2040u, 3000u, 10240u}) {
      for (const bool reversed : {false, true}) {
        SCOPED_TRACE(testing::Message() << is_ip6 << " " << len << " " << reversed);
        const Octets message = long_message(probe, len);
        std::vector<Octets> frames = cut(probe.path, message, 1448);
        if (reversed) std::ranges::reverse(frames);
        const Reaction reaction = send_frames(probe, frames);
        EXPECT_EQ(
            reaction.drops,
            (std::map<Drop, unsigned>{{Drop::ip_fragment_waiting, unsigned(frames.size()) - 1}}));
        const auto punts = probe.take_punts();
        ASSERT_EQ(punts.size(), 1u);
        EXPECT_EQ(punts[0].message, message);
        EXPECT_EQ(punts[0].path, probe.way());
      }
    }
  }
  EXPECT_EQ(probe.complaint(), "");
}

// Message 1 and 3 in small pieces, over several bursts, and to another worker than the session's.
TEST(Reassemble, ResumptionsComeInPiecesToo) {
  GatewayProbe probe({.workers = 2});
  for (const bool is_ip6 : {false, true}) {
    probe.path.is_ip6 = is_ip6;
    ScalarClient client = probe.client();
    Reaction reaction;
    for (const Octets& f : cut(probe.path, client.begin(), 64)) reaction = probe.send_frame(f);
    ASSERT_EQ(reaction.answers.size(), 1u) << reaction.describe();
    ASSERT_TRUE(client.take_message2(reaction.answers[0]));
    reaction = send_frames(probe, cut(probe.path, client.message3(), 120), 1);
    ASSERT_EQ(reaction.answers.size(), 1u) << reaction.describe();
    EXPECT_EQ(client.judge(client.open(reaction.answers[0]).value()), "");
  }
  EXPECT_EQ(probe.gateway.sum(&WorkerCounters::handed_over), 2u);
  EXPECT_EQ(probe.complaint(), "");
}

// The answer to a message that is longer than its frame is built in the frame.
TEST(Reassemble, AnswersGoOutInTheLastFrame) {
  GatewayProbe probe;
  probe.gateway.shared().sa_init_cookies.store(true);
  rig::RawMessage init = probe.sa_init();
  init.payloads[1].body.resize(4000, 1);  // a large key exchange
  const Reaction challenge = send_frames(probe, cut(probe.path, write_message(init), 1480));
  ASSERT_EQ(challenge.answers.size(), 1u) << challenge.describe();
  const auto answer = rig::read_message(challenge.answers[0]);
  const auto cookie = answer->notify(ike::Notify::cookie);
  ASSERT_TRUE(cookie.has_value());
  init.payloads.insert(init.payloads.begin(), rig::raw_notify(ike::Notify::cookie, *cookie));
  send_frames(probe, cut(probe.path, write_message(init), 1480));
  const auto punts = probe.take_punts();
  ASSERT_EQ(punts.size(), 1u);
  EXPECT_EQ(punts[0].message, write_message(init));
  EXPECT_EQ(probe.complaint(), "");
}

// A long message goes to its worker in a long frame. What cannot be handed over, because there is
// none, is dropped, not truncated.
TEST(Reassemble, ALongMessageGoesToItsWorkerInALongFrame) {
  GatewayProbe probe({.workers = 2});
  ScalarClient client = probe.client();
  ASSERT_TRUE(probe.open(client, 1));
  const Octets message = client.seal(client.plain_inner3(), {.extra_padding = 250}) + Octets();
  Octets huge = message;
  huge.resize(2900, 0);
  crypto::store_be32(huge.data() + 24, 2900);
  const auto expected = [](Drop why) {
    return std::map<Drop, unsigned>{{Drop::ip_fragment_waiting, 1}, {why, 1}};
  };
  EXPECT_EQ(send_frames(probe, cut(probe.path, huge, 1480), 0).drops, expected(Drop::sk_malformed));
  std::array<Frame, 64> taken;
  const unsigned held = probe.gateway.port(0).allocate_long(taken);
  EXPECT_EQ(send_frames(probe, cut(probe.path, huge, 1480), 0).drops,
            expected(Drop::ip_fragment_limit));
  probe.gateway.port(0).release(std::span(taken).first(held));
  EXPECT_TRUE(
      send_frames(probe, cut(probe.path, huge, 1480), 1).drops.contains(Drop::sk_malformed));
  EXPECT_EQ(probe.finish(std::move(client)).complaint, "");
  EXPECT_EQ(probe.complaint(), "");
}

// RFC 6946 §4: a fragment header round a whole datagram.
TEST(Reassemble, AtomicFragmentsAreWhole) {
  GatewayProbe probe;
  probe.path.is_ip6 = true;
  ScalarClient client = probe.client();
  const std::vector<Octets> frames = cut(probe.path, client.begin(), 1480);
  ASSERT_EQ(frames.size(), 1u);
  const Reaction reaction = probe.send_frame(frames[0]);
  EXPECT_TRUE(reaction.drops.empty()) << reaction.describe();
  EXPECT_EQ(reaction.answers.size(), 1u);
  EXPECT_EQ(probe.complaint(), "");
}

// RFC 1122 §4.1.3.4: the checksum of UDP is over the whole; a device's opinion of a piece means
// nothing.
TEST(Reassemble, ChecksTheWhole) {
  GatewayProbe probe;
  std::vector<Octets> frames = cut(probe.path, long_message(probe, 2500), 1480);
  frames[1].back() ^= 1;
  for (const Octets& f : frames)
    ASSERT_TRUE(probe.gateway.port().inject(f, {.ip_good = true, .l4_good = true}));
  EXPECT_EQ(probe.run().drops, (std::map<Drop, unsigned>{{Drop::ip_fragment_waiting, 1},
                                                         {Drop::udp_bad_checksum, 1}}));
  EXPECT_TRUE(probe.take_punts().empty());
  EXPECT_EQ(probe.complaint(), "");
}

// ESP of peers that cut after they have sealed: RFC 4303 §3.4.1. Plain, in UDP, and of another
// worker; what came out is cut again for the link inside, and for the way back.
TEST(Reassemble, LongEspReachesItsSa) {
  for (const bool encapsulated : {false, true}) {
    rig::InsideProbe probe({.workers = 2});
    rig::Tunnel t = probe.tunnel({.encapsulated = encapsulated, .worker = encapsulated ? 1u : 0u});
    probe.meet_host(t);
    PacketBuilder b = rig::InsideProbe::from_client(t);
    b.ip4_fragment_word = 0;
    const auto send = [&](const Octets& inner, std::uint32_t id) {
      const Octets frame = rig::EspProbe::frame(t, t.peer.seal(inner));
      return send_frames(probe, cut_frame(frame, false, 1480, id), 0);
    };
    const Octets packet = rig::InsideProbe::inner(b.udp(Octets(8000, 0x31)));
    const Reaction reaction = send(packet, 5);
    EXPECT_EQ(reaction.drops, (std::map<Drop, unsigned>{{Drop::ip_fragment_waiting, 5}}))
        << reaction.describe();
    std::size_t total = 0;
    for (const Octets& sent : probe.sent_inside()) total += sent.size() - 34;
    EXPECT_EQ(total, 8008u);
    b.destination4 = probe.gateway.shared().config.inside.ip4[0];
    const Reaction back = send(rig::InsideProbe::inner(b.echo_request(Octets(8000, 1))), 6);
    EXPECT_EQ(back.packets.size(), 6u) << back.describe();
    EXPECT_TRUE(probe.gateway.conserved());
  }
}

// Without a long frame a long message is read where it lies, and ESP is not.
TEST(Reassemble, DoesWithoutLongFrames) {
  rig::InsideProbe probe;
  rig::Tunnel t = probe.tunnel();
  std::array<Frame, 64> taken;
  const unsigned held = probe.gateway.port().allocate_long(taken);
  const Octets message = long_message(probe, 3000);
  send_frames(probe, cut(probe.path, message, 1448));
  EXPECT_EQ(probe.take_punts().size(), 1u);
  const Octets esp = rig::EspProbe::frame(t, t.peer.seal(Octets(3000)));
  Reaction reaction = send_frames(probe, cut_frame(esp, false, 1480, 9));
  EXPECT_EQ(reaction.drops[Drop::ip_fragment_limit], 1u) << reaction.describe();
  probe.gateway.port().release(std::span(taken).first(held));
  EXPECT_EQ(probe.echo_complaint(t), "");
}

TEST(Reassemble, NamesWhatItDoesNotTake) {
  GatewayProbe probe;
  const std::vector<Octets> frames = cut(probe.path, long_message(probe, 2500), 1480);
  Octets icmp = frames[0];
  icmp[14 + 9] = 1;
  crypto::store_be16(icmp.data() + 24, 0);
  crypto::store_be16(icmp.data() + 24, plain_checksum({icmp.data() + 14, 20}));
  EXPECT_EQ(probe.send_frame(icmp).drop(), Drop::ip_fragment_limit);
  EXPECT_EQ(probe.send_frame(frames[0]).drop(), Drop::ip_fragment_waiting);
  Octets overlap = cut(probe.path, long_message(probe, 2500), 1472)[1];
  EXPECT_EQ(probe.send_frame(overlap).drop(), Drop::ip_fragment_bad);
  EXPECT_EQ(probe.send_frame(frames[0]).drop(), Drop::ip_fragment_waiting);
  probe.gateway.now.ms += kReassemblyMs;
  EXPECT_EQ(probe.run().drop(), Drop::ip_fragment_expired);
  EXPECT_EQ(probe.complaint(), "");
}

}  // namespace
}  // namespace dp
