// seal_esp: full bursts, each lane its own text.
#include <gtest/gtest.h>

#include "tests/support/esp_peer.h"

namespace dp {
namespace {

using rig::EspProbe;
using rig::Octets;
using rig::Tunnel;

TEST(SealEsp, SealsABurstOfManySuitesEachForItself) {
  EspProbe probe;
  std::vector<Tunnel> tunnels;
  for (unsigned i = 0; i < 8; ++i) {
    ike::Suite suite;
    if (i % 3 == 1) suite = {.encr = ike::EncrId::chacha20_poly1305, .key_bits = 0};
    if (i % 3 == 2)
      suite = {.encr = ike::EncrId::aes_cbc, .integ = ike::IntegId::hmac_sha2_256_128};
    tunnels.push_back(probe.tunnel({.child = suite}));
    tunnels.back().peer.own_spi = 0x1000;
  }
  for (unsigned i = 0; i < 32; ++i) {
    Tunnel& t = tunnels[i % tunnels.size()];
    ASSERT_TRUE(probe.gateway.port().inject(EspProbe::frame(t, t.peer.seal(probe.echo(t, 3 * i)))));
  }
  const auto reaction = probe.run();
  ASSERT_EQ(reaction.packets.size(), 32u) << reaction.describe();
  for (unsigned i = 0; i < 32; ++i) {
    const auto opened = tunnels[i % tunnels.size()].peer.open(reaction.packets[i].l4);
    ASSERT_TRUE(opened.has_value()) << i;
    EXPECT_EQ(opened->inner.size(), 28 + 3 * i);
  }
}

}  // namespace
}  // namespace dp
