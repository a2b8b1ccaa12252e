// Nanoseconds of a run, from the TSC.
#pragma once

#include <cstdint>

#include "dataplane/eal.h"

namespace storm {

// Since it was made, beginning with 1, for the price of one rdtsc. After EAL.
class NsClock {
 public:
  NsClock() : start_(dp::tsc()), ns_per_cycle_((Wide{1'000'000'000} << 64) / dp::tsc_hz()) {}
  std::uint64_t now() const {
    return 1 + static_cast<std::uint64_t>(Wide{dp::tsc() - start_} * ns_per_cycle_ >> 64);
  }

 private:
  __extension__ using Wide = unsigned __int128;
  std::uint64_t start_;
  Wide ns_per_cycle_;  // times 2^64
};

}  // namespace storm
