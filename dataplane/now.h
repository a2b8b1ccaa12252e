// Now: the time, stamped once per burst and passed down as a value. No stage reads a clock.
#pragma once

#include <cstdint>

namespace dp {

struct Now {
  std::uint64_t ms = 0;      // monotonic, starts anywhere
  std::uint64_t unix_s = 0;  // wall clock: ticket expiry only
};

}  // namespace dp
