// decapsulate: padding, next header, inner lengths, selectors, ECN.
#include <gtest/gtest.h>

#include "tests/support/esp_peer.h"

namespace dp {
namespace {

using rig::EspProbe;
using rig::operator+;
using rig::Octets;
using rig::Tunnel;

class Decapsulate : public ::testing::Test {
 protected:
  EspProbe probe;
  Tunnel t = probe.tunnel({.ip6 = true});

  Drop drop_of(const Octets& inner, const rig::EspPeer::Edit& edit = {}) {
    const Drop why = probe.send_esp(t, t.peer.seal(inner, edit)).reaction.drop();
    EXPECT_EQ(probe.echo_complaint(t), "") << "genuine traffic goes on";
    return why;
  }
};

Octets edited(Octets packet, std::size_t at, std::uint8_t value) {
  packet[at] = value;
  return packet;
}

// RFC 4303 §2.6.
TEST_F(Decapsulate, DiscardsDummyPacketsSilently) {
  EXPECT_EQ(drop_of(Octets(40, 0x11), {.next_header = 59}), Drop::esp_dummy);
}

// RFC 4303 §2.7.
TEST_F(Decapsulate, StripsTfcPadding) {
  const Octets request = probe.echo(t, 100);
  const auto back = probe.send_esp(t, t.peer.seal(request, {.tfc = Octets(400, 7)}));
  ASSERT_EQ(back.packets.size(), 1u);
  EXPECT_TRUE(rig::is_echo_reply(request, back.packets[0].inner));
}

TEST_F(Decapsulate, DropsImpossiblePadding) {
  EXPECT_EQ(drop_of(probe.echo(t), {.pad_len = 255}), Drop::esp_bad_padding);
}

TEST(DecapsulateCbc, ChecksPaddingWhereNoTagCoversIt) {  // RFC 4303 §2.4
  EspProbe probe;
  Tunnel t = probe.tunnel(
      {.child = {.encr = ike::EncrId::aes_cbc, .integ = ike::IntegId::hmac_sha2_256_128}});
  const auto back = probe.send_esp(t, t.peer.seal(probe.echo(t, 57), {.first_pad = 9}));
  EXPECT_EQ(back.reaction.drop(), Drop::esp_bad_padding);
  EXPECT_EQ(probe.echo_complaint(t), "");
}

TEST_F(Decapsulate, DropsOtherNextHeaders) {
  EXPECT_EQ(drop_of(probe.echo(t), {.next_header = 6}), Drop::esp_bad_next_header);
  EXPECT_EQ(drop_of(probe.echo(t), {.next_header = 41}), Drop::inner_malformed);
  EXPECT_EQ(drop_of(probe.echo6(t), {.next_header = 4}), Drop::inner_malformed);
}

// RFC 4301 §5.2: inner length beyond what was decrypted.
TEST_F(Decapsulate, DropsInnerPacketsThatLie) {
  EXPECT_EQ(drop_of(edited(probe.echo(t), 2, 0x07)), Drop::inner_malformed);
  EXPECT_EQ(drop_of(edited(probe.echo(t), 0, 0x41)), Drop::inner_malformed);
  EXPECT_EQ(drop_of(edited(probe.echo(t), 10, 0x99)), Drop::inner_malformed) << "checksum";
  EXPECT_EQ(drop_of(edited(probe.echo6(t), 4, 0x07)), Drop::inner_malformed);
  EXPECT_EQ(drop_of(Octets{}, {.next_header = 4}), Drop::inner_malformed);
  EXPECT_EQ(drop_of(Octets(19, 0x45)), Drop::inner_malformed);
}

// One client must not speak as another: RFC 4301 §5.2 step 4, RFC 3948 §5.1.
TEST_F(Decapsulate, DropsSpoofedSources) {
  Tunnel other = probe.tunnel();
  EXPECT_EQ(drop_of(probe.echo(other)), Drop::inner_spoofed);
  Octets six = probe.echo6(t);
  six[23] ^= 1;
  EXPECT_EQ(drop_of(six), Drop::inner_spoofed);
}

TEST(DecapsulateSelectors, DropsWhatTheSelectorsExclude) {
  EspProbe probe({.configure = [](WorkerConfig& c) {
    c.child.local_ts.items[0] =
        ike::selector_of(ike::TsType::ipv4_addr_range, crypto::Bytes(c.inside.ip4[0]), 32);
    c.child.local_ts.count = 1;
  }});
  Tunnel t = probe.tunnel();
  PacketBuilder b;
  std::ranges::copy(t.ip4, b.source4.begin());
  b.destination4 = {10, 0, 0, 2};
  const Octets frame = b.echo_request(Octets(8));
  const Octets inner(frame.begin() + 14, frame.end());
  EXPECT_EQ(probe.send_esp(t, t.peer.seal(inner)).reaction.drop(), Drop::inner_not_selected);
  EXPECT_EQ(probe.echo_complaint(t), "");
}

// RFC 6040 §4.2, and our answer carries what came in (RFC 4301 §5.1.2).
TEST_F(Decapsulate, MergesEcnMarks) {
  for (unsigned inner_ecn = 0; inner_ecn < 4; ++inner_ecn)
    for (unsigned outer_ecn = 0; outer_ecn < 4; ++outer_ecn) {
      SCOPED_TRACE(inner_ecn * 10 + outer_ecn);
      Octets request = probe.echo6(t);
      request[1] = static_cast<std::uint8_t>(inner_ecn << 4);
      Octets frame = EspProbe::frame(t, t.peer.seal(request));
      frame[15] = static_cast<std::uint8_t>(outer_ecn);
      const std::uint16_t sum =
          plain_checksum(Octets(frame.begin() + 14, frame.begin() + 24) + Octets{0, 0} +
                         Octets(frame.begin() + 26, frame.begin() + 34));
      frame[24] = static_cast<std::uint8_t>(sum >> 8);
      frame[25] = static_cast<std::uint8_t>(sum);
      const auto reaction = probe.send_frame(frame);
      if (inner_ecn == 0 && outer_ecn == 3) {
        EXPECT_EQ(reaction.drop(), Drop::ecn_congested);
        continue;
      }
      const unsigned expected = outer_ecn == 3                     ? 3
                                : outer_ecn == 1 && inner_ecn == 2 ? 1
                                                                   : inner_ecn;
      ASSERT_EQ(reaction.packets.size(), 1u) << reaction.describe();
      const auto opened = t.peer.open(reaction.packets[0].l4);
      ASSERT_TRUE(opened.has_value());
      EXPECT_EQ((opened->inner[1] >> 4) & 3u, expected);
    }
}

}  // namespace
}  // namespace dp
