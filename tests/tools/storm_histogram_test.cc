// The latency histogram against exact quantiles.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <random>
#include <vector>

#include "tools/storm/histogram.h"

namespace storm {
namespace {

// The exact answer to quantile(): the smallest value that enough others do not exceed.
std::uint64_t exact_quantile(std::vector<std::uint64_t> values, unsigned ten_thousandths) {
  std::ranges::sort(values);
  const std::size_t rank =
      std::max<std::size_t>(1, (values.size() * ten_thousandths + 9999) / 10000);
  return values[rank - 1];
}

TEST(Histogram, IsEmptyAtFirst) {
  const auto h = std::make_unique<Histogram>();
  EXPECT_EQ(h->count(), 0u);
  EXPECT_EQ(h->min(), 0u);
  EXPECT_EQ(h->max(), 0u);
  EXPECT_EQ(h->quantile(9990), 0u);
}

TEST(Histogram, KeepsSmallValuesExactly) {
  const auto h = std::make_unique<Histogram>();
  for (std::uint64_t v = 0; v < Histogram::kLinear; ++v) h->record(v);
  EXPECT_EQ(h->quantile(5000), Histogram::kLinear / 2 - 1);
  EXPECT_EQ(h->quantile(10000), Histogram::kLinear - 1);
  EXPECT_EQ(h->quantile(1), 0u);
}

TEST(Histogram, IsWithinOnePercentOfExactQuantiles) {
  std::mt19937_64 random(7);
  std::lognormal_distribution<double> spread(12.0, 3.0);
  const auto h = std::make_unique<Histogram>();
  std::vector<std::uint64_t> values;
  for (int i = 0; i < 20000; ++i) {
    const auto v = static_cast<std::uint64_t>(std::min(spread(random), 1e12));
    values.push_back(v);
    h->record(v);
  }
  for (const unsigned q : {1u, 100u, 5000u, 9000u, 9900u, 9990u, 9999u, 10000u}) {
    const auto exact = static_cast<double>(exact_quantile(values, q));
    const auto shown = static_cast<double>(h->quantile(q));
    EXPECT_GE(shown, exact) << q;
    EXPECT_LE(shown, exact * 1.01) << q;
  }
  EXPECT_EQ(h->max(), *std::ranges::max_element(values));
  EXPECT_EQ(h->min(), *std::ranges::min_element(values));
}

TEST(Histogram, CountsEveryValueOnceInNeighbouringRanges) {
  const auto h = std::make_unique<Histogram>();
  for (std::uint64_t v = 1; v < 100000; v += 7) h->record(v);
  std::uint64_t sum = 0;
  for (std::uint64_t from = 0; from < 200000; from += 333)
    sum += h->count_between(from, from + 333);
  EXPECT_EQ(sum, h->count());
}

TEST(Histogram, ClampsWhatIsTooLongToMeasure) {
  const auto h = std::make_unique<Histogram>();
  h->record(~std::uint64_t{0});
  EXPECT_EQ(h->quantile(5000), Histogram::kValueMax);
  EXPECT_EQ(h->max(), ~std::uint64_t{0});
}

TEST(Histogram, MergesAnother) {
  const auto a = std::make_unique<Histogram>();
  const auto b = std::make_unique<Histogram>();
  a->record(10);
  b->record(20);
  b->record(30);
  a->merge(*b);
  EXPECT_EQ(a->count(), 3u);
  EXPECT_EQ(a->quantile(5000), 20u);
  EXPECT_EQ(a->min(), 10u);
  EXPECT_EQ(a->max(), 30u);
  EXPECT_DOUBLE_EQ(a->mean(), 20.0);
}

}  // namespace
}  // namespace storm
