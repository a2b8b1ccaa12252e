// The control thread's door to what real workers share.
#include <gtest/gtest.h>

#include "tests/controlplane/scratch_folder.h"
#include "tools/gateway/worker_plane.h"

namespace gateway {
namespace {

class WorkerPlaneTest : public testing::Test {
 protected:
  WorkerPlaneTest() {
    config_.worker_count = 2;
    config_.child.pool4 = {{10, 0, 0, 1}, 16};
    shared_ = std::make_unique<dp::SharedState>(config_);
    plane_ = std::make_unique<WorkerPlane>(*shared_, *used_);
  }
  cp::ScratchFolder folder_;
  dp::WorkerConfig config_;
  std::unique_ptr<dp::UsedSet> used_ = dp::UsedSet::open(folder_.file("state"), 1000).value();
  std::unique_ptr<dp::SharedState> shared_;
  std::unique_ptr<WorkerPlane> plane_;
};

TEST_F(WorkerPlaneTest, PublishesToWorkers) {
  const crypto::Keyring ring = crypto::Keyring::create(1000);
  plane_->publish(ring.snapshot());
  ASSERT_NE(shared_->keyring.load(), nullptr);
  EXPECT_NE(shared_->keyring.load()->find(ring.current().id), nullptr);
  plane_->publish(dp::DenyList{{7}, {}});
  EXPECT_EQ(shared_->denied.load()->issuers, std::vector<std::uint64_t>{7});
}

TEST_F(WorkerPlaneTest, KeepsWhatAWorkerMayHold) {
  shared_->quiescence.online(0, true);
  plane_->publish(dp::DenyList{{1}, {}});
  const dp::DenyList* const held = shared_->denied.load();
  plane_->publish(dp::DenyList{{2}, {}});
  plane_->reclaim();
  EXPECT_EQ(held->issuers, std::vector<std::uint64_t>{1});  // ASan would see it gone
  shared_->quiescence.quiet(0);
  plane_->reclaim();
  EXPECT_EQ(shared_->denied.reclaim(), 0u);
}

TEST_F(WorkerPlaneTest, KnowsWhoseAnEspSpiIs) {
  crypto::Random random(1);
  for (const unsigned worker : {0u, 1u}) {
    const ike::EspSpi spi = plane_->new_child_spi(worker, random);
    ASSERT_NE(spi.value(), 0u);
    EXPECT_EQ(plane_->worker_of(spi), worker);
  }
}

TEST_F(WorkerPlaneTest, OpensIssuersForWorkers) {
  const auto use = plane_->open_issuer(ike::IssuerId(5), 2000);
  ASSERT_TRUE(use);
  EXPECT_EQ((*use)->capacity(), dp::kIssuerCapacity);
  EXPECT_EQ(used_->find(ike::IssuerId(5)), *use);
  EXPECT_TRUE(plane_->flush_issuers());
}

TEST_F(WorkerPlaneTest, SweepsAgainOnlyAfterWorkersWereQuiet) {
  ASSERT_TRUE(plane_->open_issuer(ike::IssuerId(5), 2000));
  shared_->quiescence.online(1, true);
  constexpr std::uint64_t kLater = 1'000'000'000;
  EXPECT_EQ(plane_->sweep_issuers(kLater).value(), 0u);
  EXPECT_EQ(plane_->latest_wall_s(), kLater);
  EXPECT_EQ(used_->find(ike::IssuerId(5)), nullptr);
  EXPECT_EQ(plane_->sweep_issuers(kLater).value(), 0u) << "worker 1 may still hold it";
  shared_->quiescence.quiet(1);
  EXPECT_EQ(plane_->sweep_issuers(kLater).value(), 1u);
}

}  // namespace
}  // namespace gateway
