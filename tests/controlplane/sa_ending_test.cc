// Closing what an operator selects, wherever it is.
#include "controlplane/sa_ending.h"

#include <gtest/gtest.h>

#include "tests/controlplane/psk_test.h"
#include "tests/controlplane/told_sas.h"

namespace cp {
namespace {

class SaEndingTest : public PskTest {
 protected:
  SaEndingTest() { rig.serve(); }
  SaEnding begin(const CtlSelection& selection) {
    return SaEnding(rig.plane().plane(), rig.plane().machine(), rig.plane().reports(), selection);
  }
  static CtlSelection identity(const char* text) {
    return {.identity = parse_id_pattern(text).value()};
  }
  std::size_t recalled() {
    rig.serve();
    return static_cast<std::size_t>(std::ranges::count(rig.orders, dp::OrderKind::recall,
                                                       [](const auto& told) { return told.kind; }));
  }

  ToldSas workers_{rig};
};

TEST_F(SaEndingTest, ClosesWhatFitsWithWorkersAndHere) {
  ASSERT_TRUE(connect());
  for (std::uint64_t i = 1; i <= 20; ++i)
    workers_.add(i % 2, i, i % 5 == 0 ? "x@example.org" : "x@example.com");
  const SaEnding ending = begin(identity("*@example.org"));
  EXPECT_FALSE(ending.ending()->is_over);
  rig.serve();
  EXPECT_TRUE(ending.ending()->is_over);
  EXPECT_EQ(ending.ending()->closing, 5u);
  EXPECT_TRUE(ending.ending()->silent.empty());
  EXPECT_EQ(recalled(), 4u);
  EXPECT_TRUE(informational(client.open({rig.sent.back().message})).deletes_ike);
}

TEST_F(SaEndingTest, ClosesAllOfAWorkerInBatches) {
  constexpr std::uint64_t kMany = kRecallsMax + 100;
  workers_.per_piece = dp::kReportSas;
  for (std::uint64_t i = 1; i <= kMany; ++i) workers_.add(0, i, "x@example.org");
  workers_.add(1, kMany + 1, "x@example.org");
  const SaEnding ending = begin({.worker = 0});
  for (int i = 0; i < 200; ++i) rig.serve();
  EXPECT_EQ(ending.ending()->closing, kMany);
  EXPECT_EQ(recalled(), kRecallsMax);
  EXPECT_EQ(rig.plane().machine().resumed_closing(), kMany);
}

TEST_F(SaEndingTest, AnswersAtOnceForAnSaOfTheControlThread) {
  ASSERT_TRUE(connect());
  const SaEnding ending = begin({.spi_r = client.spi_r});
  EXPECT_TRUE(ending.ending()->is_over);
  EXPECT_EQ(ending.ending()->closing, 1u);
  EXPECT_TRUE(informational(asked()).deletes_ike);
}

TEST_F(SaEndingTest, FindsOneByItsSpiOrNone) {
  workers_.add(1, 77, "x@example.org");
  const SaEnding one = begin({.spi_r = ike::IkeSpi(77)}), none = begin({.spi_r = ike::IkeSpi(78)});
  rig.serve();
  EXPECT_EQ(one.ending()->closing, 1u);
  EXPECT_TRUE(none.ending()->is_over);
  EXPECT_EQ(none.ending()->closing, 0u);
  EXPECT_EQ(recalled(), 1u);
}

TEST_F(SaEndingTest, ClosesWhatItCanAndNamesTheSilent) {
  ASSERT_TRUE(connect());
  rig.tell = nullptr;
  const SaEnding ending = begin(identity("*@example.org"));
  for (int i = 0; i < 2; ++i) {
    rig.serve();
    rig.pass_ms(kReportMs);
  }
  rig.serve();
  EXPECT_TRUE(ending.ending()->is_over);
  EXPECT_EQ(ending.ending()->closing, 1u);
  EXPECT_EQ(ending.ending()->silent, (std::vector<unsigned>{0, 1}));
}

}  // namespace
}  // namespace cp
