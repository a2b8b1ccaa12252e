// Buckets and quantiles of the latency histogram.
#include "tools/storm/histogram.h"

#include <algorithm>
#include <bit>

namespace storm {

std::size_t Histogram::bucket_of(std::uint64_t value) {
  value = std::min(value, kValueMax);
  if (value < kLinear) return value;
  // The top kSubBits bits of the value: the first of them is always set.
  const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - kSubBits;
  const std::uint64_t within = (value >> shift) - kLinear / 2;
  return kLinear + (shift - 1) * (kLinear / 2) + within;
}

std::uint64_t Histogram::upper_end(std::size_t bucket) {
  if (bucket < kLinear) return bucket;
  const std::size_t above = bucket - kLinear;
  const unsigned shift = static_cast<unsigned>(above / (kLinear / 2)) + 1;
  const std::uint64_t within = above % (kLinear / 2) + kLinear / 2;
  return ((within + 1) << shift) - 1;
}

void Histogram::record(std::uint64_t value) {
  ++buckets_[bucket_of(value)];
  ++count_;
  min_ = std::min(min_, value);
  max_ = std::max(max_, value);
  sum_ += static_cast<double>(value);
}

void Histogram::merge(const Histogram& other) {
  for (std::size_t i = 0; i < kBucketCount; ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
  sum_ += other.sum_;
}

double Histogram::mean() const { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }

std::uint64_t Histogram::quantile(unsigned ten_thousandths) const {
  if (count_ == 0) return 0;
  const std::uint64_t rank = std::max<std::uint64_t>(1, (count_ * ten_thousandths + 9999) / 10000);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBucketCount; ++i) {
    seen += buckets_[i];
    if (seen >= rank) return std::min(upper_end(i), max_);
  }
  return max_;
}

std::uint64_t Histogram::count_between(std::uint64_t from, std::uint64_t to) const {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < kBucketCount; ++i)
    if (const std::uint64_t end = upper_end(i); end >= from && end < to) sum += buckets_[i];
  return sum;
}

}  // namespace storm
