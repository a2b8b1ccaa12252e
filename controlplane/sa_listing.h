// SaListing: one list of IKE SAs, as it is read: first those of the control thread, then what each
// worker serves, then those that the control thread took over meanwhile, so that none is missed for
// moving and none shown twice. Control thread only.
#pragma once

#include <set>
#include <vector>

#include "controlplane/ctl_verbs.h"
#include "controlplane/plane.h"
#include "controlplane/worker_scan.h"

namespace cp {

class SaListing final : public CtlListing {
 public:
  // `limit` 0 is none. The plane and the desk outlive it.
  SaListing(const Plane& plane, ReportDesk& desk, CtlSelection selection, std::uint64_t limit);
  ~SaListing() override;

  std::vector<CtlSa> next() override;
  bool is_over() const override { return phase_ == Phase::over && rows_.empty(); }
  bool waits() const override { return !questions_.empty() || scan_.waits(); }
  std::uint64_t more() const override { return more_; }
  std::vector<unsigned> silent() const override;

 private:
  enum class Phase : std::uint8_t { own, workers, moved, over };

  void read_on();
  void begin_moved();
  void read_own();
  void take(CtlSa row);
  bool is_full() const { return limit_ != 0 && taken_ >= limit_; }
  void stop_counting();
  void ask_for_counters();
  void take_counters(std::uint64_t number, unsigned worker, const dp::Report* report);

  const Plane& plane_;
  ReportDesk& desk_;
  CtlSelection selection_;
  std::uint64_t limit_;
  Phase phase_ = Phase::own;
  WorkerScan scan_;
  std::vector<std::uint64_t> own_;  // our SPIs of the control thread's SAs, sorted
  std::size_t at_ = 0;              // of own_, or of moved_
  std::vector<std::uint64_t> moved_;
  std::vector<std::uint64_t> told_;    // SPIs of the SAs that workers told of
  std::vector<CtlSa> rows_;            // the next ones
  std::set<std::uint64_t> questions_;  // about the counters of rows_
  std::set<unsigned> silent_;
  std::uint64_t taken_ = 0, more_ = 0;
};

}  // namespace cp
