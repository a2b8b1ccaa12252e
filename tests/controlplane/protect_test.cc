// Protected messages and their fragments: RFC 7383.
#include <gtest/gtest.h>

#include "controlplane/machine.h"
#include "tests/controlplane/psk_test.h"

namespace cp {
namespace {

using Protect = PskTest;

TEST_F(Protect, ReadsARequestInFragmentsInAnyOrder) {
  ASSERT_TRUE(connect());
  const std::vector<Octets> pieces = client.fragments(ike::Exchange::informational, 3000);
  ASSERT_GT(pieces.size(), 2u);
  for (std::size_t i = pieces.size() - 1; i > 0; --i)
    EXPECT_TRUE(rig.exchange(pieces[i], path).empty());
  const auto opened = client.open(rig.exchange(pieces[0], path));
  EXPECT_TRUE(opened.ok);
}

TEST_F(Protect, AnswersARepetitionInFragmentsOnce) {
  ASSERT_TRUE(connect());
  const std::vector<Octets> pieces = client.fragments(ike::Exchange::informational, 3000);
  for (const Octets& piece : pieces) rig.exchange(piece, path);
  std::size_t answers = 0;
  for (const Octets& piece : pieces) answers += rig.exchange(piece, path).size();
  EXPECT_EQ(answers, 1u);  // RFC 7383 §2.6.1
}

TEST_F(Protect, KeepsNothingOfForgedFragmentsAndNothingForLong) {
  ASSERT_TRUE(connect());
  const std::vector<Octets> pieces = client.fragments(ike::Exchange::informational, 3000);
  Octets forged = pieces[0];
  forged.back() ^= 1;
  rig.exchange(forged, path);
  EXPECT_EQ(rig.sa(client.spi_r)->fragments, nullptr);
  rig.exchange(pieces[0], path);
  EXPECT_NE(rig.sa(client.spi_r)->fragments, nullptr);
  rig.pass_ms(kFragmentsMs);
  rig.serve();
  EXPECT_EQ(rig.sa(client.spi_r)->fragments, nullptr);
}

// RFC 7383 §2.6: memory is bounded, and strangers cannot take all of it.
TEST_F(Protect, KeepsFragmentsOfABoundedNumberOfStrangers) {
  ASSERT_TRUE(connect());
  for (std::uint64_t i = 0; i <= kStrangersFragmentStoresMax; ++i) {
    IkeClient stranger(100 + i);
    ASSERT_TRUE(stranger.take_sa_init(rig.exchange(stranger.sa_init(), path).at(0)));
    EXPECT_EQ(rig.counters().fragments_limit, 0u);
    rig.exchange(stranger.fragments(ike::Exchange::ike_auth, 3000)[0], path);
  }
  EXPECT_EQ(rig.counters().fragments_limit, 1u);
  const std::vector<Octets> pieces = client.fragments(ike::Exchange::informational, 3000);
  for (std::size_t i = 0; i + 1 < pieces.size(); ++i) rig.exchange(pieces[i], path);
  EXPECT_TRUE(client.open(rig.exchange(pieces.back(), path)).ok);
}

TEST_F(Protect, TakesNoFragmentsThatWereNotNegotiated) {
  client.fragmentation = false;
  ASSERT_TRUE(connect());
  const std::vector<Octets> pieces = client.fragments(ike::Exchange::informational, 3000);
  for (const Octets& piece : pieces) EXPECT_TRUE(rig.exchange(piece, path).empty());
  EXPECT_EQ(rig.counters().bad_icv, pieces.size());
}

TEST_F(Protect, NeverUsesAnIvTwice) {
  ASSERT_TRUE(connect());
  std::vector<Octets> ivs;
  for (int i = 0; i < 50; ++i)
    for (const Octets& answer :
         rig.exchange(client.empty_request(ike::Exchange::informational), path))
      ivs.emplace_back(answer.begin() + 32, answer.begin() + 40);
  std::ranges::sort(ivs);
  EXPECT_EQ(std::ranges::adjacent_find(ivs), ivs.end());
  EXPECT_EQ(ivs.size(), 50u);
}

}  // namespace
}  // namespace cp
