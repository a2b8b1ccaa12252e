// TicketMint: every serial of an issuer once, in order, then the next issuer, then none.
#include "dataplane/ticket_mint.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <string>

namespace dp {
namespace {

class MintTest : public testing::Test {
 protected:
  MintTest() {
    std::string name = (std::filesystem::temp_directory_path() / "resurge-mint-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    used_ = std::move(*UsedSet::open(folder_, 0));
  }
  ~MintTest() override {
    used_.reset();
    std::filesystem::remove_all(folder_);
  }
  void supply(std::uint64_t issuer) {
    supply_.ready.store(*used_->create(ike::IssuerId(issuer), 64, 1000));
  }

  std::string folder_;
  std::unique_ptr<UsedSet> used_;
  IssuerSupply supply_;
  TicketMint mint_{supply_};
};

TEST_F(MintTest, HandsOutEachSerialOnce) {
  supply(5);
  for (std::uint64_t serial = 1; serial < 64; ++serial) {
    const TicketMint::Stamp stamp = mint_.next();
    ASSERT_NE(stamp.issuer, nullptr);
    EXPECT_EQ(stamp.issuer->issuer(), ike::IssuerId(5));
    EXPECT_EQ(stamp.serial.value(), serial);
    EXPECT_TRUE(stamp.issuer->is_valid(stamp.serial));
    EXPECT_FALSE(stamp.issuer->is_spent(stamp.serial));
  }
  EXPECT_EQ(mint_.next().issuer, nullptr);
}

TEST_F(MintTest, TakesTheNextIssuerWhenOneIsUsedUp) {
  EXPECT_EQ(mint_.next().issuer, nullptr);
  supply(5);
  for (unsigned i = 1; i < 64; ++i) mint_.next();
  EXPECT_EQ(supply_.ready.load(), nullptr);
  supply(6);
  const TicketMint::Stamp stamp = mint_.next();
  ASSERT_NE(stamp.issuer, nullptr);
  EXPECT_EQ(stamp.issuer->issuer(), ike::IssuerId(6));
  EXPECT_EQ(stamp.serial, ike::TicketSerial(1));
}

// An issuer is not taken before it is needed: the supply is a spare.
TEST_F(MintTest, LeavesTheSpareAlone) {
  supply(5);
  mint_.next();
  supply(6);
  EXPECT_EQ(mint_.next().issuer->issuer(), ike::IssuerId(5));
  EXPECT_NE(supply_.ready.load(), nullptr);
}

}  // namespace
}  // namespace dp
