// Two arrays of counters and the hash that chooses among them.
#include "dataplane/source_limits.h"

#include <algorithm>

#include "crypto/base/error.h"
#include "dataplane/mix.h"

namespace dp {
namespace {

constexpr std::size_t kPrefixBuckets = std::size_t{1} << 16;
constexpr std::size_t kAnswerBuckets = std::size_t{1} << 16;
constexpr unsigned kPeriodsPerS = 8;

std::uint64_t hash_source(std::uint64_t secret, const Path& path, std::size_t len) {
  Mixer mixer(secret);
  mixer.add(path.source_octets().first(len));
  return mixer.value();
}

}  // namespace

SourceLimits::SourceLimits(std::uint32_t half_open_per_prefix, std::uint32_t answers_per_s,
                           std::uint64_t secret)
    : secret_(secret),
      half_open_max_(half_open_per_prefix),
      answers_per_s_(answers_per_s),
      half_opens_(kPrefixBuckets),
      answers_(kAnswerBuckets) {}

std::uint32_t SourceLimits::prefix_bucket(const Path& path) const {
  // The lengths 3 and 7 keep the families apart.
  return static_cast<std::uint32_t>(hash_source(secret_, path, path.is_ip6 ? 7 : 3) %
                                    kPrefixBuckets);
}

bool SourceLimits::enter(std::uint32_t bucket) {
  std::uint32_t& count = half_opens_[bucket];
  if (half_open_max_ != 0 && count >= half_open_max_) return false;
  ++count;
  return true;
}

void SourceLimits::leave(std::uint32_t bucket) {
  CHECK(half_opens_[bucket] != 0);
  --half_opens_[bucket];
}

bool SourceLimits::may_answer(const Path& path, const Now& now) {
  const std::size_t len = path.source_octets().size();
  Tokens& bucket = answers_[hash_source(~secret_, path, len) % kAnswerBuckets];
  // `used` counts eighths of an answer: each period gives back answers_per_s of them, so that a
  // rate below 8 a second is exact too.
  const auto period = static_cast<std::uint32_t>(now.ms * kPeriodsPerS / 1000);
  const std::uint64_t given_back = std::uint64_t{period - bucket.period} * answers_per_s_;
  const std::uint64_t used = bucket.used - std::min<std::uint64_t>(bucket.used, given_back);
  const bool may = used + kPeriodsPerS <= std::uint64_t{answers_per_s_} * kPeriodsPerS;
  bucket.used = static_cast<std::uint32_t>(may ? used + kPeriodsPerS : used);
  bucket.period = period;
  return may;
}

}  // namespace dp
