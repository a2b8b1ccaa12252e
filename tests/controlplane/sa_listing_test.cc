// A list of SAs, while it is read: whole, bounded, and honest about what is missing.
#include "controlplane/sa_listing.h"

#include <gtest/gtest.h>

#include "tests/controlplane/psk_test.h"
#include "tests/controlplane/told_sas.h"

namespace cp {
namespace {

class SaListingTest : public PskTest {
 protected:
  SaListingTest() { rig.serve(); }
  SaListing begin(const CtlSelection& selection = {}, std::uint64_t limit = 0) {
    return SaListing(rig.plane().plane(), rig.plane().reports(), selection, limit);
  }
  std::vector<CtlSa> read(SaListing& listing, const std::function<void()>& between = [] {}) {
    std::vector<CtlSa> all;
    for (int i = 0; i < 1000 && !listing.is_over(); ++i) {
      for (CtlSa& row : listing.next()) all.push_back(std::move(row));
      rig.serve();
      between();
    }
    EXPECT_TRUE(listing.is_over());
    return all;
  }
  static std::vector<std::uint64_t> spis(const std::vector<CtlSa>& rows) {
    std::vector<std::uint64_t> all;
    for (const CtlSa& row : rows) all.push_back(row.spi_r.value());
    std::ranges::sort(all);
    return all;
  }
  void half_open(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      IkeClient other(1000 + i);
      rig.exchange(other.sa_init(), path);
    }
  }
  // A worker hands its SA over.
  void hand_over(const dp::ReportedSa& sa, unsigned worker) {
    dp::Punt punt;
    punt.kind = dp::PuntKind::adopted;
    punt.message_len = 0;
    static_cast<dp::ResumedSa&>(punt.sa) = sa;
    punt.sa.keys_len = 0;
    punt.sa.response_len = 0;
    workers_.remove(worker, sa.spi_r.value());
    rig.deliver(punt, worker);
    rig.serve();
  }

  ToldSas workers_{rig};
};

TEST_F(SaListingTest, ShowsSasOfControlThreadAndWorkers) {
  ASSERT_TRUE(connect());
  for (std::uint64_t i = 1; i <= 9; ++i) workers_.add(i % 2, i, "a@b");
  workers_.children = {{.spi_in = client.child_out, .packets_in = 5, .octets_in = 500}};
  SaListing listing = begin();
  const auto rows = read(listing);
  ASSERT_EQ(rows.size(), 10u);
  EXPECT_FALSE(rows[0].by_worker);
  ASSERT_TRUE(rows[0].children.at(0).traffic);
  EXPECT_EQ(rows[0].children[0].traffic->bytes_in, 500u);
  EXPECT_TRUE(rows[1].by_worker);
  EXPECT_EQ(rows[1].children.at(0).traffic->packets_in, 3u);
  EXPECT_EQ(listing.more(), 0u);
  EXPECT_TRUE(listing.silent().empty());
}

TEST_F(SaListingTest, GivesLongListsInPagesWithoutRepetition) {
  half_open(2 * kCtlPageRows + 10);
  SaListing listing = begin();
  std::size_t pages = 0;
  std::vector<CtlSa> all;
  while (!listing.is_over()) {
    auto rows = listing.next();
    EXPECT_LE(rows.size(), kCtlPageRows);
    pages += rows.empty() ? 0 : 1;
    all.insert(all.end(), rows.begin(), rows.end());
    rig.serve();
  }
  EXPECT_EQ(pages, 3u);
  const auto seen = spis(all);
  EXPECT_EQ(seen.size(), 2 * kCtlPageRows + 10);
  EXPECT_EQ(std::ranges::adjacent_find(seen), seen.end());
}

TEST_F(SaListingTest, LeavesOutWhatGoesWhileItIsListed) {
  half_open(kCtlPageRows + 10);
  SaListing listing = begin();
  EXPECT_EQ(listing.next().size(), kCtlPageRows);
  std::vector<ike::IkeSpi> all;
  rig.sas().for_each([&](IkeSa& sa) { all.push_back(sa.our_spi()); });
  for (const ike::IkeSpi spi : all) rig.sas().remove(spi);
  EXPECT_TRUE(read(listing).empty());
}

// SAs that leave a worker for the control thread, before they were told of and after.
TEST_F(SaListingTest, ShowsAnSaThatMovesOnce) {
  std::vector<dp::ReportedSa> sas;
  std::vector<std::uint64_t> expected;
  for (std::uint64_t i = 1; i <= 12; ++i) {
    sas.push_back(workers_.add(0, i, "a@b"));
    expected.push_back(i);
  }
  SaListing listing = begin();
  bool moved = false;
  const auto rows = read(listing, [&] {
    if (rig.asked.empty() || moved) return;
    moved = true;
    hand_over(sas[0], 0);   // of the first piece
    hand_over(sas[11], 0);  // of the last
  });
  EXPECT_EQ(spis(rows), expected);
}

TEST_F(SaListingTest, StopsAtItsLimitAndTellsHowManyMore) {
  half_open(3);
  for (std::uint64_t i = 1; i <= 20; ++i) workers_.add(0, i, "a@b");
  rig.workers().counters_of(0).sessions.set(20);
  SaListing listing = begin({}, 5);
  EXPECT_EQ(read(listing).size(), 5u);
  EXPECT_EQ(listing.more(), 18u);
  EXPECT_LE(rig.asked.size(), 2u) << "nobody reads the rest";
}

TEST_F(SaListingTest, CountsWhatFitsBeyondItsLimit) {
  for (std::uint64_t i = 1; i <= 20; ++i)
    workers_.add(0, i, i % 2 == 0 ? "a@example.org" : "b@example.com");
  SaListing listing = begin({.identity = parse_id_pattern("*@example.org").value()}, 4);
  EXPECT_EQ(read(listing).size(), 4u);
  EXPECT_EQ(listing.more(), 6u);
}

TEST_F(SaListingTest, AsksOnlyWhoIsMeant) {
  for (std::uint64_t i = 1; i <= 20; ++i) workers_.add(i % 2, i, "a@b");
  for (const unsigned worker : {0u, 1u}) {
    SaListing of_one = begin({.worker = worker});
    EXPECT_EQ(read(of_one).size(), 10u);
    for (const PlaneRig::Asked& asked : rig.asked) EXPECT_EQ(asked.worker, worker);
    rig.asked.clear();
  }
  SaListing one = begin({.spi_r = ike::IkeSpi(20)});
  EXPECT_EQ(read(one).size(), 1u);
  EXPECT_EQ(rig.asked.size(), 2u);
}

TEST_F(SaListingTest, NamesWorkersThatAreSilent) {
  ASSERT_TRUE(connect());
  rig.tell = nullptr;
  SaListing listing = begin();
  listing.next();
  EXPECT_TRUE(listing.waits());
  const auto rows = read(listing, [&] { rig.pass_ms(kReportMs / 2); });
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_FALSE(rows[0].children.at(0).traffic);
  EXPECT_EQ(listing.silent(), (std::vector<unsigned>{0, 1}));
}

TEST_F(SaListingTest, TakesItsQuestionsBackWhenItGoes) {
  ASSERT_TRUE(connect());
  {
    SaListing listing = begin();
    listing.next();
    EXPECT_EQ(rig.plane().reports().waiting(), 1u);
  }
  EXPECT_EQ(rig.plane().reports().waiting(), 0u);
}

}  // namespace
}  // namespace cp
