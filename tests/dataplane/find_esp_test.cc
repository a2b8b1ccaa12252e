// find_esp: who has the SA, and what is refused before any cryptography.
#include <gtest/gtest.h>

#include "dataplane/esp_spi.h"
#include "tests/support/esp_peer.h"

namespace dp {
namespace {

using rig::EspProbe;
using rig::Octets;
using rig::Tunnel;

// RFC 4301 §5.2: a miss is dropped and not answered.
TEST(FindEsp, DropsUnknownSpisWithoutAnswer) {
  EspProbe probe;
  Tunnel t = probe.tunnel();
  for (const std::uint32_t spi :
       {1u, 255u, 0xffffffffu, t.peer.gateway_spi ^ 1, t.peer.gateway_spi + 256}) {
    const auto back = probe.send_esp(t, t.peer.seal(probe.echo(t), {.number = 9, .spi = spi}));
    EXPECT_EQ(back.reaction.drop(), Drop::esp_unknown_spi) << spi;
    EXPECT_TRUE(back.reaction.packets.empty());
  }
  EXPECT_EQ(probe.echo_complaint(t), "");
}

TEST(FindEsp, DropsWhatIsNotOfWholeBlocks) {
  EspProbe probe;
  Tunnel t = probe.tunnel();
  const Octets good = t.peer.seal(probe.echo(t));
  for (const std::size_t len : {std::size_t{4}, std::size_t{7}, std::size_t{8}, std::size_t{32},
                                std::size_t{35}, good.size() - 1}) {
    const Octets cut(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(len));
    EXPECT_EQ(probe.send_esp(t, cut).reaction.drop(), Drop::esp_bad_length) << len;
  }
  EXPECT_EQ(probe.echo_complaint(t), "");
}

// RFC 4303 §3.4.3.
TEST(FindEsp, DropsReplaysBeforeCryptography) {
  EspProbe probe;
  Tunnel t = probe.tunnel();
  const Octets first = t.peer.seal(probe.echo(t));
  ASSERT_EQ(probe.send_esp(t, first).packets.size(), 1u);
  EXPECT_EQ(probe.send_esp(t, first).reaction.drop(), Drop::esp_replayed);
  const auto numbered = [&](std::uint64_t n) { return t.peer.seal(probe.echo(t), {.number = n}); };
  ASSERT_EQ(probe.send_esp(t, numbered(5000)).packets.size(), 1u);
  EXPECT_EQ(probe.send_esp(t, numbered(5000 - 1024)).reaction.drop(), Drop::esp_replayed);
  EXPECT_EQ(probe.send_esp(t, numbered(5000 - 1023)).packets.size(), 1u);
  EXPECT_EQ(probe.send_esp(t, numbered(0)).reaction.drop(), Drop::esp_replayed);
}

// A packet that lands at the wrong worker goes to the one that has the SA.
TEST(FindEsp, HandsOverToTheOwner) {
  EspProbe probe({.workers = 2});
  for (const unsigned owner : {0u, 1u}) {
    Tunnel t = probe.tunnel({.worker = owner});
    const auto where =
        EspSpiCodec(probe.gateway.shared().config).decode(ike::EspSpi(t.peer.gateway_spi));
    EXPECT_EQ(probe.echo_complaint(t, 1 - where.worker), "");
    EXPECT_EQ(probe.echo_complaint(t, where.worker), "");
  }
  EXPECT_GE(probe.gateway.sum(&WorkerCounters::handed_over), 2u);
}

}  // namespace
}  // namespace dp
