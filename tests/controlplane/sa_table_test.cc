// Finding SAs, and whose turn it is.
#include "controlplane/sa_table.h"

#include <gtest/gtest.h>

#include "tests/controlplane/plane_rig.h"

namespace cp {
namespace {

std::unique_ptr<IkeSa> make(std::uint64_t spi_r, const char* id = "") {
  auto sa = std::make_unique<IkeSa>();
  sa->spi_i = ike::IkeSpi(7);
  sa->spi_r = ike::IkeSpi(spi_r);
  sa->path = rig_path();
  for (const char* c = id; *c != 0; ++c) sa->peer_id.push_back(static_cast<std::uint8_t>(*c));
  return sa;
}

TEST(SaTable, FindsByOurSpiAndByTheFirstMessage) {
  SaTable table;
  IkeSa& sa = table.add(make(1));
  EXPECT_EQ(table.find(ike::IkeSpi(1)), &sa);
  EXPECT_EQ(table.find(ike::IkeSpi(2)), nullptr);
  EXPECT_EQ(table.find_initiator(ike::IkeSpi(7), rig_path()), &sa);
  EXPECT_EQ(table.find_initiator(ike::IkeSpi(7), rig_path(501)), nullptr);
  EXPECT_EQ(table.find_initiator(ike::IkeSpi(8), rig_path()), nullptr);
  table.remove(ike::IkeSpi(1));
  EXPECT_EQ(table.find(ike::IkeSpi(1)), nullptr);
  EXPECT_EQ(table.find_initiator(ike::IkeSpi(7), rig_path()), nullptr);
}

TEST(SaTable, KeepsTheInitiatorOfALaterSaWhenAnEarlierOneGoes) {
  SaTable table;
  table.add(make(1));
  IkeSa& later = table.add(make(2));
  table.remove(ike::IkeSpi(1));
  EXPECT_EQ(table.find_initiator(ike::IkeSpi(7), rig_path()), &later);
}

TEST(SaTable, ForgetsTheFirstMessageAndThePrefixOfWhoIsAuthenticated) {
  SaTable table;
  IkeSa& sa = table.add(make(1));
  table.add(make(2));
  EXPECT_EQ(table.half_open_count(rig_path(4500, 99)), 2u) << "one /24";
  dp::PeerPath elsewhere = rig_path();
  elsewhere.peer[2] ^= 1;
  EXPECT_EQ(table.half_open_count(elsewhere), 0u);
  sa.path = elsewhere;  // a client that moves leaves nothing behind
  table.authenticated(sa);
  EXPECT_EQ(table.half_open_count(rig_path()), 1u);
  table.remove(ike::IkeSpi(1));
  table.remove(ike::IkeSpi(2));
  EXPECT_EQ(table.half_open_count(rig_path()), 0u);
  EXPECT_EQ(table.find_initiator(ike::IkeSpi(7), rig_path()), nullptr);
}

TEST(SaTable, DropsTheDeadlinesOfSasThatAreGone) {
  SaTable table;
  for (std::uint64_t spi = 1; spi < 5000; ++spi) {
    table.schedule(table.add(make(spi)), spi == 1 ? 1'000'000 : 10);
    if (spi != 1) table.remove(ike::IkeSpi(spi));
  }
  EXPECT_EQ(table.size(), 1u);
  ASSERT_NE(table.take_due(1'000'000), nullptr);
  EXPECT_EQ(table.next_deadline_ms(), ExchangeWindow::kNever);
}

TEST(SaTable, FindsAllSasOfAnIdentityOnceTheyAreAuthenticated) {
  SaTable table;
  IkeSa& a = table.add(make(1, "alice"));
  table.add(make(2, "alice"));
  EXPECT_TRUE(table.find_identity(a.peer_id).empty());
  EXPECT_EQ(table.half_open_count(), 2u);
  table.authenticated(a);
  ASSERT_EQ(table.find_identity(a.peer_id).size(), 1u);
  EXPECT_EQ(table.find_identity(a.peer_id)[0], &a);
  EXPECT_EQ(table.half_open_count(), 1u);
  table.remove(ike::IkeSpi(1));
  EXPECT_EQ(table.authenticated_count(), 0u);
  EXPECT_EQ(table.half_open_count(), 1u);
}

TEST(SaTable, GivesWhatIsDueOnceAndInOrder) {
  SaTable table;
  IkeSa& a = table.add(make(1));
  IkeSa& b = table.add(make(2));
  table.schedule(a, 200);
  table.schedule(b, 100);
  table.schedule(a, 300);  // later than what stands
  EXPECT_EQ(table.next_deadline_ms(), 100u);
  EXPECT_EQ(table.take_due(99), nullptr);
  EXPECT_EQ(table.take_due(250), &b);
  EXPECT_EQ(table.take_due(250), &a);
  EXPECT_EQ(table.take_due(1000), nullptr);
}

TEST(SaTable, ForgetsTheDeadlinesOfWhatIsGone) {
  SaTable table;
  table.schedule(table.add(make(1)), 100);
  table.remove(ike::IkeSpi(1));
  EXPECT_EQ(table.take_due(1000), nullptr);
  EXPECT_EQ(table.next_deadline_ms(), ExchangeWindow::kNever);
}

}  // namespace
}  // namespace cp
