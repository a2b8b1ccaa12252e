// LeaseTable: address arithmetic, claims and takeovers, exhaustion and recovery.
#include "dataplane/lease_table.h"

#include <gtest/gtest.h>

#include <set>

namespace dp {
namespace {

constexpr ike::IkeSpi kNobody{0};
const ike::IkeSpi kAnna{0xaaaa};
const ike::IkeSpi kBert{0xbbbb};
const ike::IkeSpi kCarl{0xcccc};

AddressPool4 pool4(std::uint32_t count) { return {{10, 0, 255, 250}, count}; }
AddressPool6 pool6(std::uint32_t count) {
  return {{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 7, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xf0},
          count};
}

TEST(LeaseTable, CountsIp4AddressesFromTheBase) {
  const LeaseTable table(pool4(300), {});
  EXPECT_EQ(table.address4(0), (ike::Ip4{10, 0, 255, 250}));
  EXPECT_EQ(table.address4(6), (ike::Ip4{10, 1, 0, 0}));
  EXPECT_EQ(table.index4({10, 1, 0, 0}), 6u);
  EXPECT_EQ(table.index4({10, 0, 255, 249}), LeaseTable::kNone);
  EXPECT_EQ(table.index4(table.address4(299)), 299u);
  EXPECT_EQ(table.index4(table.address4(300)), LeaseTable::kNone);
}

TEST(LeaseTable, CountsIp6AddressesOverTheCarry) {
  const LeaseTable table({}, pool6(64));
  EXPECT_EQ(table.address6(15),
            (ike::Ip6{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 7, 255, 255, 255, 255, 255, 255, 255, 255}));
  EXPECT_EQ(table.address6(16), (ike::Ip6{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 8}));
  for (std::uint32_t i = 0; i < 64; ++i) EXPECT_EQ(table.index6(table.address6(i)), i);
  EXPECT_EQ(table.index6(table.address6(64)), LeaseTable::kNone);
  ike::Ip6 below = pool6(64).base;
  below[15] = 0xef;
  EXPECT_EQ(table.index6(below), LeaseTable::kNone);
  ike::Ip6 elsewhere = pool6(64).base;
  elsewhere[7] = 6;
  EXPECT_EQ(table.index6(elsewhere), LeaseTable::kNone);
}

TEST(LeaseTable, GivesAFreeAddressToTheFirst) {
  LeaseTable table(pool4(4), pool6(4));
  EXPECT_TRUE(table.claim4(2, kAnna, kNobody));
  EXPECT_FALSE(table.claim4(2, kBert, kNobody));
  EXPECT_EQ(table.holder4(2), kAnna);
  EXPECT_EQ(table.held4(), 1u);
  EXPECT_TRUE(table.claim4(2, kAnna, kNobody)) << "claiming again what one has is harmless";
  EXPECT_EQ(table.held4(), 1u);
  EXPECT_TRUE(table.claim6(2, kBert, kNobody)) << "the families are separate";
  EXPECT_EQ(table.holder6(2), kBert);
  EXPECT_EQ(table.held6(), 1u);
}

TEST(LeaseTable, LetsTheNamedHolderBeReplacedOnce) {
  LeaseTable table(pool4(4), {});
  ASSERT_TRUE(table.claim4(1, kAnna, kNobody));
  EXPECT_TRUE(table.claim4(1, kBert, kAnna));
  EXPECT_EQ(table.holder4(1), kBert);
  EXPECT_EQ(table.held4(), 1u) << "a takeover holds no second address";
  EXPECT_FALSE(table.claim4(1, kCarl, kAnna)) << "the second to name the same session comes late";
  table.release4(1, kAnna);
  EXPECT_EQ(table.holder4(1), kBert) << "the session before cannot free it any more";
  table.release4(1, kBert);
  EXPECT_EQ(table.holder4(1), kNobody);
  EXPECT_EQ(table.held4(), 0u);
  table.release4(1, kBert);
  EXPECT_EQ(table.held4(), 0u);
  EXPECT_TRUE(table.claim4(1, kCarl, kAnna)) << "after a restart the address is simply free";
}

TEST(LeaseTable, KnowsNoAddressAtOrAboveTheCount) {
  LeaseTable table(pool4(4), pool6(0));
  EXPECT_TRUE(table.claim4(3, kAnna, kNobody));
  EXPECT_FALSE(table.claim4(4, kAnna, kNobody));
  EXPECT_FALSE(table.claim4(LeaseTable::kNone, kAnna, kNobody));
  EXPECT_FALSE(table.claim6(0, kAnna, kNobody));
  EXPECT_EQ(table.claim_any6(kAnna, 1), LeaseTable::kNone);
  EXPECT_EQ(table.holder4(4), kNobody);
  table.release4(4, kAnna);
  table.release4(LeaseTable::kNone, kAnna);
  EXPECT_EQ(table.size4(), 4u);
  EXPECT_EQ(table.size6(), 0u);
}

// Sizes around the group of 512 that the search counts by.
TEST(LeaseTable, FindsEveryFreeAddressAndThenSaysExhausted) {
  for (const std::uint32_t count : {1u, 2u, 511u, 512u, 513u, 1025u}) {
    LeaseTable table(pool4(count), {});
    std::set<std::uint32_t> got;
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::uint32_t index = table.claim_any4(ike::IkeSpi(i + 1), 7);
      ASSERT_LT(index, count);
      EXPECT_TRUE(got.insert(index).second) << "one address for two";
      EXPECT_EQ(table.holder4(index), ike::IkeSpi(i + 1));
    }
    EXPECT_EQ(table.held4(), count);
    EXPECT_EQ(table.claim_any4(kAnna, 7), LeaseTable::kNone);
    const std::uint32_t freed = count / 2;
    table.release4(freed, table.holder4(freed));
    EXPECT_EQ(table.claim_any4(kAnna, 1234), freed) << "the only free one is found";
    EXPECT_EQ(table.claim_any4(kBert, 1234), LeaseTable::kNone);
  }
}

TEST(LeaseTable, SpreadsByTheHint) {
  LeaseTable table(pool4(1u << 16), {});
  std::set<std::uint32_t> pages;
  for (std::uint32_t hint = 0; hint < 64; ++hint) pages.insert(table.claim_any4(kAnna, hint) / 512);
  EXPECT_GT(pages.size(), 24u);
}

TEST(LeaseTable, ClaimsIp6FromAnywhereToo) {
  LeaseTable table({}, pool6(3));
  for (int i = 0; i < 3; ++i) EXPECT_LT(table.claim_any6(kAnna, 5), 3u);
  EXPECT_EQ(table.claim_any6(kAnna, 5), LeaseTable::kNone);
  table.release6(1, kAnna);
  EXPECT_EQ(table.claim_any6(kBert, 5), 1u);
  EXPECT_EQ(table.held6(), 3u);
}

TEST(LeaseTableDeathTest, RefusesTheHolderThatMeansFree) {
  LeaseTable table(pool4(4), {});
  EXPECT_DEATH(static_cast<void>(table.claim4(1, kNobody, kNobody)), "invariant broken");
  EXPECT_DEATH(table.claim_any4(kNobody, 1), "invariant broken");
}

TEST(LeaseTable, GrantsAWishOrAnyOther) {
  LeaseTable table(pool4(2), pool6(2));
  const ike::Ip4 wish4 = table.address4(1);
  const ike::Ip6 wish6 = table.address6(1);
  EXPECT_EQ(table.claim_wish4(&wish4, kAnna, kNobody, 7), 1u);
  EXPECT_EQ(table.claim_wish6(&wish6, kAnna, kNobody, 7), 1u);
  EXPECT_EQ(table.claim_wish4(&wish4, kBert, kNobody, 7), 0u);
  EXPECT_EQ(table.claim_wish6(&wish6, kBert, kNobody, 7), 0u);
  EXPECT_EQ(table.claim_wish4(nullptr, kCarl, kNobody, 7), LeaseTable::kNone);
  EXPECT_EQ(table.claim_wish6(&wish6, kCarl, kAnna, 7), 1u);  // passed on
}

}  // namespace
}  // namespace dp
