// answer_inner: echo to ourselves, and nothing else.
#include <gtest/gtest.h>

#include "tests/support/esp_peer.h"

namespace dp {
namespace {

using rig::EspProbe;
using rig::Octets;
using rig::Tunnel;

TEST(AnswerInner, AnswersEchoesOfManySizes) {
  EspProbe probe;
  Tunnel t = probe.tunnel({.ip6 = true});
  for (const std::size_t len : {0u, 1u, 56u, 1000u, 1380u}) {
    for (const Octets& request : {probe.echo(t, len), probe.echo6(t, len)}) {
      const auto back = probe.send_esp(t, t.peer.seal(request));
      ASSERT_EQ(back.packets.size(), 1u) << len << ' ' << back.reaction.describe();
      EXPECT_TRUE(rig::is_echo_reply(request, back.packets[0].inner));
    }
  }
  EXPECT_EQ(probe.gateway.sum(&WorkerCounters::inner_echoes), 10u);
}

// A reply has its own way to go, however far the request came.
TEST(AnswerInner, AnswersWithAHopLimitOfItsOwn) {
  EspProbe probe;
  Tunnel t = probe.tunnel({.ip6 = true});
  PacketBuilder b;
  b.ttl = 1;
  std::ranges::copy(t.ip4, b.source4.begin());
  std::ranges::copy(t.ip6, b.source6.begin());
  b.destination4 = probe.gateway.shared().config.inside.ip4.at(0);
  b.destination6 = probe.gateway.shared().config.inside.ip6.at(0);
  for (const bool is_ip6 : {false, true}) {
    b.is_ip6 = is_ip6;
    const Octets frame = b.echo_request(Octets(8));
    const auto back = probe.send_esp(t, t.peer.seal(Octets(frame.begin() + 14, frame.end())));
    ASSERT_EQ(back.packets.size(), 1u);
    EXPECT_EQ(back.packets[0].inner[is_ip6 ? 7 : 8], 64);
  }
}

TEST(AnswerInner, IgnoresWhatIsNoEchoRequest) {
  EspProbe probe;
  Tunnel t = probe.tunnel();
  const auto drop_of = [&](const Octets& inner) {
    return probe.send_esp(t, t.peer.seal(inner)).reaction.drop();
  };
  Octets wrong = probe.echo(t);
  wrong.back() ^= 1;
  EXPECT_EQ(drop_of(wrong), Drop::inner_ignored) << "checksum";
  Octets reply = probe.echo(t);
  reply[20] = 0;
  EXPECT_EQ(drop_of(reply), Drop::inner_ignored);
  EXPECT_EQ(probe.echo_complaint(t), "");
}

}  // namespace
}  // namespace dp
