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
