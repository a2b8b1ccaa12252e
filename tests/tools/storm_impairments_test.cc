// The seeded bad network: shares are right, order changes, and a seed repeats itself.
#include <gtest/gtest.h>

#include "tools/storm/impairments.h"

namespace storm {
namespace {

using Octets = std::vector<std::uint8_t>;

std::vector<std::uint32_t> through(const ImpairmentRates& rates, std::uint64_t seed,
                                   std::uint32_t frames) {
  Impairments network(rates, seed);
  std::vector<std::uint32_t> out;
  Octets frame(4);
  std::uint64_t now = 0;
  for (std::uint32_t i = 0; i < frames || !network.empty(); ++i, now += 1000) {
    if (i < frames) {
      frame.resize(4);
      crypto::store_be32(frame.data(), i);
      network.push(frame, now);
    }
    while (network.pop(now, frame)) out.push_back(crypto::load_be32(frame.data()));
  }
  return out;
}

TEST(Impairments, LetEverythingThroughInOrderByDefault) {
  const auto out = through({}, 1, 1000);
  ASSERT_EQ(out.size(), 1000u);
  for (std::uint32_t i = 0; i < 1000; ++i) EXPECT_EQ(out[i], i);
  EXPECT_FALSE(ImpairmentRates{}.any());
}

TEST(Impairments, LoseAndDuplicateTheShareAskedFor) {
  EXPECT_NEAR(static_cast<double>(through({.loss = 0.25}, 3, 20000).size()), 15000, 300);
  EXPECT_NEAR(static_cast<double>(through({.duplicate = 0.1}, 3, 20000).size()), 22000, 200);
  EXPECT_EQ(through({.loss = 1.0}, 3, 100).size(), 0u);
}

TEST(Impairments, ReorderWithoutLosing) {
  const auto out = through({.reorder = 0.1, .reorder_ns_max = 20'000}, 4, 5000);
  ASSERT_EQ(out.size(), 5000u);
  unsigned overtaken = 0;
  for (std::size_t i = 1; i < out.size(); ++i) overtaken += out[i] < out[i - 1];
  EXPECT_GT(overtaken, 200u);
  EXPECT_LT(overtaken, 1000u);
}

TEST(Impairments, RepeatThemselvesWithTheSameSeed) {
  const ImpairmentRates rates{.loss = 0.1, .duplicate = 0.1, .reorder = 0.2};
  EXPECT_EQ(through(rates, 9, 3000), through(rates, 9, 3000));
  EXPECT_NE(through(rates, 9, 3000), through(rates, 10, 3000));
}

TEST(Impairments, HoldEachFrameForTheDelay) {
  Impairments network({.delay_ns = 500}, 1);
  Octets frame = {1};
  network.push(frame, 1000);
  EXPECT_FALSE(network.pop(1499, frame));
  EXPECT_TRUE(network.pop(1500, frame));
  EXPECT_FALSE(network.pop(1500, frame));
}

}  // namespace
}  // namespace storm
