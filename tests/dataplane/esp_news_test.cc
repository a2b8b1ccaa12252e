// esp_news: what the control thread hears of Child SAs that carry packets: their limits and the
// moves of their peers.
#include <gtest/gtest.h>

#include "tests/support/esp_peer.h"

namespace dp {
namespace {

using rig::EspPeer;
using rig::EspProbe;
using rig::GatewayProbe;
using rig::Octets;
using rig::Tunnel;

class EspNews : public ::testing::Test {
 protected:
  void add_limits(ChildLimits limits) {
    probe_ = std::make_unique<EspProbe>(rig::Options{
        .configure = [limits](WorkerConfig& c) { c.connections[0].child_limits = limits; }});
  }
  // A Child SA of the control thread, by which `t` sends.
  void install(Tunnel& t, const EspProbe::InstallEdit& edit) {
    probe().path = t.path;
    t.peer = probe().install(t, 3, edit);
  }
  EspProbe& probe() { return *probe_; }
  // The kinds of the letters since the last call.
  std::vector<PuntKind> kinds() {
    std::vector<PuntKind> out;
    letters_ = probe().take_punts();
    for (const GatewayProbe::Punted& letter : letters_) out.push_back(letter.kind);
    return out;
  }
  Drop drop_of_echo(Tunnel& t) {
    return probe().send_esp(t, t.peer.seal(probe().echo(t))).reaction.drop();
  }

  std::unique_ptr<EspProbe> probe_ = std::make_unique<EspProbe>();
  std::vector<GatewayProbe::Punted> letters_;
};

using Kinds = std::vector<PuntKind>;

TEST_F(EspNews, AsksOnceForARekeyAndThenEndsTheSa) {
  Tunnel t = probe().tunnel();
  install(t, {.limits = {.packets = 16}});
  for (int i = 0; i < 16; ++i) ASSERT_EQ(probe().echo_complaint(t), "") << i;
  EXPECT_EQ(kinds(), Kinds{}) << "16 it may carry";
  ASSERT_EQ(probe().echo_complaint(t), "") << "while the rekey goes on";
  ASSERT_EQ(kinds(), Kinds{PuntKind::child_worn});
  EXPECT_EQ(letters_[0].child_in, t.peer.gateway_spi);
  ASSERT_EQ(probe().echo_complaint(t), "");
  EXPECT_EQ(kinds(), Kinds{}) << "said once";
  EXPECT_EQ(drop_of_echo(t), Drop::child_spent);
  EXPECT_EQ(drop_of_echo(t), Drop::child_spent);
  ASSERT_EQ(kinds(), Kinds{PuntKind::child_spent});
  EXPECT_EQ(letters_[0].child_in, t.peer.gateway_spi);
  EXPECT_TRUE(probe().gateway.conserved());
}

TEST_F(EspNews, CountsOctetsToo) {
  Tunnel t = probe().tunnel();
  install(t, {.limits = {.octets = 4000}});
  for (int i = 0; i < 4; ++i) {
    probe().send_esp(t, t.peer.seal(probe().echo(t, 1000)));
    EXPECT_EQ(kinds(), Kinds{}) << i;
  }
  probe().send_esp(t, t.peer.seal(probe().echo(t, 1000)));
  EXPECT_EQ(kinds(), Kinds{PuntKind::child_worn});
}

// Only the control thread rekeys, so it gets the resumed SA as well.
TEST_F(EspNews, HandsAResumedSaOverForItsRekey) {
  add_limits({.packets = 2});
  Tunnel t = probe().tunnel();
  for (int i = 0; i < 2; ++i) ASSERT_EQ(probe().echo_complaint(t), "");
  EXPECT_EQ(kinds(), Kinds{});
  ASSERT_EQ(probe().send_esp(t, t.peer.seal(probe().echo(t))).reaction.drop(), Drop::child_spent);
  ASSERT_EQ(kinds(), (Kinds{PuntKind::adopted, PuntKind::child_spent}));
  EXPECT_EQ(letters_[1].spi_r, letters_[0].sa->spi_r.value());
  EXPECT_EQ(probe().gateway.sum(&WorkerCounters::adopted), 1u);
}

// What nothing goes by any more is no reason to wait for the peer to go over to its successor.
TEST_F(EspNews, GoesOverToTheSuccessorOfASpentSa) {
  Tunnel t = probe().tunnel();
  install(t, {.we_initiated = true, .limits = {.packets = 8}});
  rig::EspPeer fresh = probe().install(t, 9, {});
  for (int i = 0; i < 9; ++i) ASSERT_EQ(probe().echo_complaint(t), "");
  ASSERT_EQ(drop_of_echo(t), Drop::child_spent);
  Tunnel other = probe().tunnel();
  PacketBuilder b;
  std::ranges::copy(other.ip4, b.source4.begin());
  std::ranges::copy(t.ip4, b.destination4.begin());
  const Octets frame = b.echo_request(Octets(8));
  const auto out =
      probe().send_esp(other, other.peer.seal(Octets(frame.begin() + 14, frame.end()))).reaction;
  ASSERT_EQ(out.packets.size(), 1u) << out.describe();
  EXPECT_TRUE(fresh.open(out.packets[0].l4).has_value());
}

// RFC 4303 §3.3.3: the counter must not wrap without ESN.
TEST_F(EspNews, AsksForARekeyHalfWayThroughTheNumbersWithoutEsn) {
  Tunnel t = probe().tunnel();
  install(t, {.sent = (std::uint64_t{1} << 31) - 1});
  ASSERT_EQ(probe().echo_complaint(t), "");
  EXPECT_EQ(kinds(), Kinds{});
  ASSERT_EQ(probe().echo_complaint(t), "");
  EXPECT_EQ(kinds(), Kinds{PuntKind::child_worn});
}

TEST_F(EspNews, TellsLaterWhenTheRingIsFull) {
  Tunnel t = probe().tunnel({.encapsulated = true});
  install(t, {.limits = {.packets = 16}});
  for (int i = 0; i < 16; ++i) ASSERT_EQ(probe().echo_complaint(t), "");
  probe().fill_punts();
  t.path.source_port = 40001;
  ASSERT_EQ(probe().echo_complaint(t), "");
  kinds();
  ASSERT_EQ(probe().echo_complaint(t), "");
  EXPECT_EQ(kinds(), (Kinds{PuntKind::child_worn, PuntKind::peer_moved}));
}

// RFC 7296 §2.23: the control thread's own requests go to the new address too.
TEST_F(EspNews, TellsWhereAPeerMovedButNotTooOften) {
  Tunnel t = probe().tunnel({.encapsulated = true});
  install(t, {});
  ASSERT_EQ(probe().echo_complaint(t), "");
  EXPECT_EQ(kinds(), Kinds{});
  t.path.source_port = 40001;
  Octets forged = t.peer.seal(probe().echo(t));
  forged.back() ^= 1;
  probe().send_esp(t, forged);
  EXPECT_EQ(kinds(), Kinds{}) << "only after an authentic packet";
  ASSERT_EQ(probe().echo_complaint(t), "");
  ASSERT_EQ(kinds(), Kinds{PuntKind::peer_moved});
  EXPECT_EQ(letters_[0].path.peer_port, 40001);
  EXPECT_TRUE(letters_[0].path.non_esp_marker);
  t.path.source_port = 40002;
  ASSERT_EQ(probe().echo_complaint(t), "");
  EXPECT_EQ(kinds(), Kinds{}) << "within the second";
  probe().pass(1000);
  ASSERT_EQ(probe().echo_complaint(t), "");
  ASSERT_EQ(kinds(), Kinds{PuntKind::peer_moved});
  EXPECT_EQ(letters_[0].path.peer_port, 40002);
}

TEST_F(EspNews, SaysNothingOfAMoveThatTheWorkerKeepsItself) {
  Tunnel t = probe().tunnel({.encapsulated = true});
  t.path.source_port = 40001;
  ASSERT_EQ(probe().echo_complaint(t), "");
  EXPECT_EQ(kinds(), Kinds{});
  EXPECT_EQ(probe().gateway.sum(&WorkerCounters::peers_moved), 1u);
}

}  // namespace
}  // namespace dp
