// The way through the SAs of all workers.
#include "controlplane/worker_scan.h"

#include <gtest/gtest.h>

#include "tests/controlplane/psk_test.h"
#include "tests/controlplane/told_sas.h"

namespace cp {
namespace {

class WorkerScanTest : public PskTest {
 protected:
  WorkerScanTest() { rig.serve(); }
  // Reads it to its end.
  void read(WorkerScan& scan) {
    for (int i = 0; i < 100 && !scan.is_over(); ++i) {
      scan.go_on();
      rig.serve();
    }
    EXPECT_TRUE(scan.is_over());
  }
  WorkerScan scan(unsigned first, unsigned end, std::uint64_t spi = 0) {
    return WorkerScan(
        rig.plane().reports(), {first, end}, ike::IkeSpi(spi),
        [this](unsigned worker, const dp::ReportedSa& sa) {
          seen_.emplace_back(worker, sa.spi_r.value());
        },
        [this] { ++pieces_; });
  }

  ToldSas workers_{rig};
  std::vector<std::pair<unsigned, std::uint64_t>> seen_;
  unsigned pieces_ = 0;
};

TEST_F(WorkerScanTest, GoesPieceByPieceThroughAllWorkers) {
  std::vector<std::pair<unsigned, std::uint64_t>> expected;
  for (std::uint64_t i = 0; i < 11; ++i) {
    const unsigned worker = i < 9 ? 0 : 1;
    workers_.add(worker, 100 + i, "a@b");
    expected.emplace_back(worker, 100 + i);
  }
  WorkerScan all = scan(0, 2);
  EXPECT_FALSE(all.waits());
  all.go_on();
  EXPECT_TRUE(all.waits());
  all.go_on();
  rig.serve();
  EXPECT_EQ(rig.asked.size(), 1u) << "the next piece when it is wanted";
  read(all);
  EXPECT_EQ(seen_, expected);
  EXPECT_EQ(pieces_, 4u);
  EXPECT_TRUE(all.silent().empty());
}

TEST_F(WorkerScanTest, GoesToTheWorkersThatAreMeant) {
  workers_.add(0, 1, "a@b");
  workers_.add(1, 2, "a@b");
  WorkerScan second = scan(1, 2);
  read(second);
  ASSERT_EQ(seen_.size(), 1u);
  EXPECT_EQ(seen_[0].second, 2u);
  WorkerScan one = scan(0, 2, 1);
  read(one);
  EXPECT_EQ(rig.asked.back().question.spi_r, ike::IkeSpi(1));
  ASSERT_EQ(seen_.size(), 2u);
  EXPECT_EQ(seen_[1].second, 1u);
}

TEST_F(WorkerScanTest, NamesAWorkerThatIsSilentAndGoesOn) {
  workers_.add(1, 2, "a@b");
  auto tell = rig.tell;
  rig.tell = nullptr;
  WorkerScan all = scan(0, 2);
  all.go_on();
  rig.serve();
  rig.pass_ms(kReportMs);
  rig.serve();
  EXPECT_EQ(all.silent(), std::vector<unsigned>{0});
  rig.tell = tell;
  read(all);
  EXPECT_EQ(seen_.size(), 1u);
}

TEST_F(WorkerScanTest, IsForgottenWhenItGoes) {
  workers_.add(0, 2, "a@b");
  {
    WorkerScan all = scan(0, 2);
    all.go_on();
    EXPECT_EQ(rig.plane().reports().waiting(), 1u);
  }
  EXPECT_EQ(rig.plane().reports().waiting(), 0u);
  rig.serve();
  EXPECT_TRUE(seen_.empty());
}

}  // namespace
}  // namespace cp
