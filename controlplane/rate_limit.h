// RateLimit: so many events a second, with a burst of as many.
#pragma once

#include <algorithm>
#include <cstdint>

namespace cp {

class RateLimit {
 public:
  explicit RateLimit(std::uint32_t per_second) : per_second_(per_second), left_(per_second) {}

  // One event; false = over the limit.
  [[nodiscard]] bool take(std::uint64_t now_ms) {
    const std::uint64_t fresh = (now_ms - filled_ms_) * per_second_ / 1000;
    if (fresh != 0) {
      left_ = std::min<std::uint64_t>(per_second_, left_ + fresh);
      filled_ms_ = now_ms;
    }
    if (left_ == 0) return false;
    --left_;
    return true;
  }

 private:
  std::uint64_t per_second_;
  std::uint64_t left_;
  std::uint64_t filled_ms_ = 0;
};

}  // namespace cp
