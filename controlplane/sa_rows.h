// SaRows: IKE SAs as rows for resurgectl, whoever serves them, and which of them are meant.
// Control thread only.
#pragma once

#include "controlplane/ctl_verbs.h"
#include "controlplane/plane.h"
#include "controlplane/worker_scan.h"

namespace cp {

CtlSa sa_row(const IkeSa& sa, std::uint64_t now_ms);
// Of a resumed SA that this worker serves. Its connection is named as workers were started with.
CtlSa sa_row(unsigned worker, const dp::ReportedSa& sa, const Plane& plane);
CtlTraffic traffic_of(const dp::ChildTraffic& traffic, std::uint64_t now_ms);

bool fits(const CtlSa& row, const CtlSelection& selection);
// Workers that may serve what is meant.
WorkerRange workers_of(const CtlSelection& selection, const Plane& plane);

}  // namespace cp
