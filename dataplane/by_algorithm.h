// Splits a set of lanes by algorithm, because one batch call serves one algorithm. In practice all
// lanes of a burst have the same suite and there is one piece.
#pragma once

#include <utility>

#include "crypto/engine.h"
#include "dataplane/lanes.h"
#include "ike/suite.h"

namespace dp {

// run(crypto::Prf, LaneSet) for each PRF that occurs; suite_of(lane) gives the lane's suite.
template <class SuiteOf, class Run>
void for_each_prf(LaneSet in, SuiteOf suite_of, Run run) {
  while (!in.empty()) {
    const crypto::Prf prf = ike::prf_of(suite_of(*in.begin()).prf);
    LaneSet same;
    for (unsigned lane : in)
      if (ike::prf_of(suite_of(lane).prf) == prf) same.add(lane);
    run(prf, same);
    in = in - same;
  }
}

// run(crypto::Aead, LaneSet) for each AEAD that occurs; returns the lanes whose suite is no AEAD.
template <class SuiteOf, class Run>
LaneSet for_each_aead(LaneSet in, SuiteOf suite_of, Run run) {
  LaneSet others;
  for (unsigned lane : in)
    if (!ike::is_aead(suite_of(lane).encr)) others.add(lane);
  in = in - others;
  while (!in.empty()) {
    const crypto::Aead aead = ike::aead_of(suite_of(*in.begin()));
    LaneSet same;
    for (unsigned lane : in)
      if (ike::aead_of(suite_of(lane)) == aead) same.add(lane);
    run(aead, same);
    in = in - same;
  }
  return others;
}

}  // namespace dp
