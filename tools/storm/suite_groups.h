// Lanes of any mixture of suites, one batch for each suite.
#pragma once

#include <algorithm>
#include <span>

#include "ike/suite.h"

namespace storm {

// Calls `run` for each suite among the lanes with all lanes of that suite; `suite_of(lane)` tells
// it. The lanes are reordered.
template <class Lane, class SuiteOf, class Run>
void by_suite(std::span<Lane> lanes, SuiteOf suite_of, Run run) {
  while (!lanes.empty()) {
    const ike::Suite suite = suite_of(lanes.front());
    const auto rest = std::partition(lanes.begin() + 1, lanes.end(),
                                     [&](const Lane& lane) { return suite_of(lane) == suite; });
    const auto count = static_cast<std::size_t>(rest - lanes.begin());
    run(lanes.first(count));
    lanes = lanes.subspan(count);
  }
}

}  // namespace storm
