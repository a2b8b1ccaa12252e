// SaEnding: finds the IKE SAs that an operator wants closed, with the workers and here, and has
// them closed. It goes on by itself until it is over. Control thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "controlplane/ctl_verbs.h"
#include "controlplane/machine.h"
#include "controlplane/worker_scan.h"

namespace cp {

class SaEnding {
 public:
  // All outlive it.
  SaEnding(Plane& plane, Machine& machine, ReportDesk& desk, CtlSelection selection);

  std::shared_ptr<const CtlEnding> ending() const { return ending_; }

 private:
  void finish();
  std::uint64_t close_own();

  Plane& plane_;
  Machine& machine_;
  CtlSelection selection_;
  std::vector<Recall> found_;  // with workers
  std::shared_ptr<CtlEnding> ending_ = std::make_shared<CtlEnding>();
  WorkerScan scan_;
};

}  // namespace cp
