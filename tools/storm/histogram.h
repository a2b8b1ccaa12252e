// Histogram: latencies in log-linear buckets, so that a percentile is known to better than 1 %
// whatever the range. Recording is an index and an increment; nothing is allocated after set-up.
//
// Values below kLinear are exact. Above, each power of two is cut into kLinear / 2 buckets of equal
// width. One writer; read it from the same thread, or after the writer has ended.
#pragma once

#include <array>
#include <cstdint>

namespace storm {

class Histogram {
 public:
  static constexpr unsigned kSubBits = 8;
  static constexpr std::uint64_t kLinear = std::uint64_t{1} << kSubBits;
  static constexpr std::uint64_t kValueMax = (std::uint64_t{1} << 44) - 1;  // 4.9 h of nanoseconds
  static constexpr std::size_t kBucketCount = kLinear + (44 - kSubBits) * (kLinear / 2);

  // A value above kValueMax counts as kValueMax; max() still knows it.
  void record(std::uint64_t value);
  void merge(const Histogram& other);

  std::uint64_t count() const { return count_; }
  std::uint64_t min() const { return count_ == 0 ? 0 : min_; }
  std::uint64_t max() const { return max_; }
  double mean() const;
  // The smallest value that at least `ten_thousandths` of 10,000 of the values do not exceed: the
  // upper end of its bucket, never above max(). 5000 is the median, 9990 is p99.9. 0 when empty.
  std::uint64_t quantile(unsigned ten_thousandths) const;

  // For drawing: how many values lie in buckets that end within [from, to). Neighbouring ranges
  // count every value once.
  std::uint64_t count_between(std::uint64_t from, std::uint64_t to) const;

 private:
  static std::size_t bucket_of(std::uint64_t value);
  static std::uint64_t upper_end(std::size_t bucket);

  std::array<std::uint64_t, kBucketCount> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t min_ = ~std::uint64_t{0};
  std::uint64_t max_ = 0;
  double sum_ = 0;
};

}  // namespace storm
