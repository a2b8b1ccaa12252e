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
