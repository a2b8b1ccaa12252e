// Stage spread_resumes: where the device cannot spread packets over workers, the polling worker
// does.
#include "dataplane/spread.h"
#include "dataplane/stages.h"

namespace dp {

LaneSet spread_resumes(Burst& burst, LaneSet in, WorkerParts& w) {
  if (!w.port.spreads_in_software()) return in;
  LaneSet ours;
  for (unsigned lane : in) {
    const unsigned worker = message1_worker(burst.path[lane], burst.header[lane], w.spread_secret,
                                            w.config.worker_count);
    if (worker == w.index)
      ours.add(lane);
    else
      hand_over(burst, lane, worker, w);
  }
  return ours;
}

void hand_over(Burst& burst, unsigned lane, unsigned worker, WorkerParts& w) {
  if (burst.outside_frame.has(lane)) {
    burst.drop(lane, Drop::ip_fragment_limit);
  } else if (w.port.hand_over(worker, burst.frame[lane])) {
    burst.verdict[lane] = Verdict::handed_over;
    w.counters.handed_over.add();
  } else {
    burst.drop(lane, Drop::owner_ring_full);
  }
}

}  // namespace dp
