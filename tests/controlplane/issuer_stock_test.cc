// Supplying workers with issuers, opening foreign ones, and what a sweep must leave alone.
#include "controlplane/issuer_stock.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/controlplane/fake_workers.h"

namespace cp {
namespace {

constexpr std::uint64_t kStart = 1'760'000'000;
constexpr std::uint32_t kLifeS = 86'400;
constexpr std::uint64_t kLongAfter = kStart + 1'000'000'000;

class IssuerStockTest : public testing::Test {
 protected:
  FakeWorkers workers_{3};
  crypto::Random random_{1};
  IssuerStock stock_{workers_, random_, kLifeS};
};

TEST_F(IssuerStockTest, GivesEveryWorkerAnIssuerOfItsOwn) {
  ASSERT_TRUE(stock_.refill(kStart));
  std::set<std::uint64_t> ids;
  for (unsigned worker = 0; worker < 3; ++worker) {
    const dp::IssuerUse* use = workers_.issuer_supply(worker).ready;
    ASSERT_NE(use, nullptr);
    EXPECT_EQ(workers_.used().find(use->issuer()), use);
    ids.insert(use->issuer().value());
  }
  EXPECT_EQ(ids.size(), 3u);
}

TEST_F(IssuerStockTest, RefillsOnlyWhatWasTaken) {
  ASSERT_TRUE(stock_.refill(kStart));
  dp::IssuerUse* const first = workers_.issuer_supply(0).ready;
  dp::IssuerUse* const taken = workers_.take(1);
  ASSERT_TRUE(stock_.refill(kStart));
  EXPECT_EQ(workers_.issuer_supply(0).ready, first);
  EXPECT_NE(workers_.issuer_supply(1).ready, nullptr);
  EXPECT_NE(workers_.issuer_supply(1).ready, taken);
}

TEST_F(IssuerStockTest, OpensWhatWorkersAskFor) {
  workers_.requests.post(ike::IssuerId(77));
  workers_.requests.post(ike::IssuerId(78));
  EXPECT_EQ(stock_.answer_requests(kStart).value(), 2u);
  ASSERT_NE(workers_.used().find(ike::IssuerId(77)), nullptr);
  EXPECT_GE(workers_.used().find(ike::IssuerId(78))->valid_until_s(), kStart + kLifeS);
  EXPECT_EQ(stock_.answer_requests(kStart).value(), 0u);
}

TEST_F(IssuerStockTest, NeverSweepsWhatIsInUseEvenWhenTheClockJumps) {
  ASSERT_TRUE(stock_.refill(kStart));
  dp::IssuerUse* const sealing = workers_.take(0);
  ASSERT_TRUE(stock_.refill(kStart));
  dp::IssuerUse* const spare = workers_.issuer_supply(0).ready;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(stock_.sweep(kLongAfter).value(), 0u);
  EXPECT_EQ(workers_.used().find(sealing->issuer()), sealing);
  EXPECT_EQ(workers_.used().find(spare->issuer()), spare);
}

// One that a worker asked for lives as long as the tickets that were spent from it, no longer:
// other gateways' issuers must not fill the place over the years.
TEST_F(IssuerStockTest, LetsForeignIssuersGo) {
  workers_.requests.post(ike::IssuerId(77));
  workers_.requests.post(ike::IssuerId(78));
  ASSERT_TRUE(stock_.answer_requests(kStart));
  workers_.used().find(ike::IssuerId(78))->extend_validity(kLongAfter);
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(stock_.sweep(kLongAfter));
  EXPECT_EQ(workers_.used().find(ike::IssuerId(77)), nullptr);
  EXPECT_NE(workers_.used().find(ike::IssuerId(78)), nullptr);
}

TEST_F(IssuerStockTest, SweepsAnIssuerThatIsUsedUpAndExpired) {
  ASSERT_TRUE(stock_.refill(kStart));
  const ike::IssuerId used_up = workers_.take(0)->issuer();
  ASSERT_TRUE(stock_.refill(kStart));
  workers_.take(0);
  ASSERT_TRUE(stock_.refill(kStart));  // now the first one seals no more
  EXPECT_EQ(stock_.sweep(kLongAfter).value(), 0u) << "unpublished, but a worker may hold it";
  EXPECT_EQ(stock_.sweep(kLongAfter).value(), 1u);
  EXPECT_EQ(workers_.used().find(used_up), nullptr);
}

TEST_F(IssuerStockTest, ReportsWhatCannotBeOpened) {
  workers_.disk_full = true;
  EXPECT_EQ(stock_.refill(kStart).error().text, "no space left");
  workers_.requests.post(ike::IssuerId(77));
  EXPECT_FALSE(stock_.answer_requests(kStart));
  workers_.disk_full = false;
  EXPECT_TRUE(stock_.refill(kStart)) << "tried again at the next round";
}

}  // namespace
}  // namespace cp
