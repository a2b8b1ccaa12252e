// Clocks and periods.
#include "controlplane/control_time.h"

#include <chrono>

namespace cp {

Time time_now() {
  using std::chrono::duration_cast;
  const auto mono = std::chrono::steady_clock::now().time_since_epoch();
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  return {.ms = static_cast<std::uint64_t>(duration_cast<std::chrono::milliseconds>(mono).count()),
          .unix_s = static_cast<std::uint64_t>(duration_cast<std::chrono::seconds>(wall).count())};
}

bool Periodic::is_due(std::uint64_t now_ms) {
  if (period_ms_ == 0) return false;
  const bool due = due_ms_ != 0 && now_ms >= due_ms_;
  if (due || due_ms_ == 0) due_ms_ = now_ms + period_ms_;
  return due;
}

}  // namespace cp
