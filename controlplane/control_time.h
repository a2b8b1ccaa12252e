// Time of the control thread, as a value: what is due is decided by whoever holds it.
#pragma once

#include <cstdint>

namespace cp {

struct Time {
  std::uint64_t ms = 0;      // monotonic
  std::uint64_t unix_s = 0;  // wall clock
};
Time time_now();

// True once in each period; the first time a whole period after the first question.
class Periodic {
 public:
  explicit Periodic(std::uint64_t period_ms) : period_ms_(period_ms) {}  // 0 = never
  bool is_due(std::uint64_t now_ms);

 private:
  std::uint64_t period_ms_;
  std::uint64_t due_ms_ = 0;  // 0 = not asked yet
};

}  // namespace cp
