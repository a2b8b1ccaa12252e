// SourceLimits: how many half-opens a source prefix has, and how many refusals a source address
// got. Counting tables indexed by a keyed hash: fixed size, no keys stored, a collision only makes
// two sources share a budget. Worker thread only.
#pragma once

#include <cstdint>
#include <vector>

#include "dataplane/burst.h"
#include "dataplane/now.h"

namespace dp {

class SourceLimits {
 public:
  SourceLimits(std::uint32_t half_open_per_prefix, std::uint32_t answers_per_s,
               std::uint64_t secret);

  // The bucket of the source's prefix: IPv4 /24, IPv6 /56.
  std::uint32_t prefix_bucket(const Path& path) const;
  // Counts a half-open in; false when the prefix is at its limit (0 = no limit). Each success needs
  // one leave().
  [[nodiscard]] bool enter(std::uint32_t bucket);
  void leave(std::uint32_t bucket);
  // One refusal to this source address: false when its token bucket (rate and burst of
  // answers_per_s) is empty.
  [[nodiscard]] bool may_answer(const Path& path, const Now& now);

 private:
  struct Tokens {
    std::uint32_t used = 0;    // eighths of an answer
    std::uint32_t period = 0;  // 1/8 s
  };
  std::uint64_t secret_;
  std::uint32_t half_open_max_;
  std::uint32_t answers_per_s_;
  std::vector<std::uint32_t> half_opens_;
  std::vector<Tokens> answers_;
};

}  // namespace dp
