// Letters that wait for room.
#include "controlplane/order_box.h"

#include <gtest/gtest.h>

#include "tests/controlplane/fake_workers.h"

namespace cp {
namespace {

OrderBox::Letter letter(dp::OrderKind kind, std::uint32_t spi) {
  OrderBox::Letter made{.kind = kind, .path = {}, .spi_r = {}, .child = {}};
  made.child.spi_in = ike::EspSpi(spi);
  made.child.keymat.fill(7);
  return made;
}

TEST(OrderBox, KeepsTheOrderOfWhatWaitedForRoom) {
  FakeWorkers workers(2);
  OrderBox box(workers);
  workers.orders_full = true;
  auto first = letter(dp::OrderKind::install_child, 1);
  EXPECT_FALSE(box.post(1, first));
  EXPECT_EQ(first.child.keymat[0], 0) << "keys stay in the box alone";
  box.flush();
  EXPECT_EQ(box.waiting(), 1u);
  workers.orders_full = false;
  auto second = letter(dp::OrderKind::remove_child, 1);
  EXPECT_FALSE(box.post(1, second)) << "nothing overtakes what waits";
  auto other = letter(dp::OrderKind::release, 0);
  EXPECT_TRUE(box.post(0, other));
  box.flush();
  EXPECT_EQ(box.waiting(), 0u);
  auto& ring = workers.orders(1);
  ASSERT_EQ(ring.size(), 2u);
  EXPECT_EQ(ring.peek()->kind, dp::OrderKind::install_child);
  EXPECT_EQ(ring.peek()->child.keymat[5], 7);
  ring.done();
  EXPECT_EQ(ring.peek()->kind, dp::OrderKind::remove_child);
}

}  // namespace
}  // namespace cp
