// Finds, then closes.
#include "controlplane/sa_ending.h"

#include "controlplane/sa_rows.h"

namespace cp {

SaEnding::SaEnding(Plane& plane, Machine& machine, ReportDesk& desk, CtlSelection selection)
    : plane_(plane),
      machine_(machine),
      selection_(std::move(selection)),
      scan_(
          desk, workers_of(selection_, plane), selection_.spi_r.value_or(ike::IkeSpi(0)),
          [this](unsigned worker, const dp::ReportedSa& sa) {
            if (fits(sa_row(worker, sa, plane_), selection_)) found_.push_back({worker, sa.spi_r});
          },
          [this] {
            scan_.go_on();
            if (scan_.is_over()) finish();
          }) {
  if (selection_.spi_r && plane_.sas.find(*selection_.spi_r) != nullptr)
    finish();
  else
    scan_.go_on();
}

// Those of the control thread last: a worker may have handed one over meanwhile.
void SaEnding::finish() {
  for (const Recall& recall : found_)
    if (plane_.sas.find(recall.spi_r) == nullptr) {
      machine_.terminate_resumed(recall);
      ++ending_->closing;
    }
  ending_->closing += close_own();
  ending_->silent = scan_.silent();
  ending_->is_over = true;
  if (found_.size() > 1)
    plane_.log.info("closing {} IKE SAs, {} of them with workers", ending_->closing, found_.size());
  found_ = {};
}

// Established ones by their timers, at their pace: thousands must not hold the loop up.
std::uint64_t SaEnding::close_own() {
  std::vector<IkeSa*> meant;
  plane_.sas.for_each([&](IkeSa& sa) {
    if (fits(sa_row(sa, plane_.now.ms), selection_)) meant.push_back(&sa);
  });
  for (IkeSa* sa : meant) {
    if (sa->state != SaState::established) {
      machine_.terminate(*sa);
      continue;
    }
    sa->ends_at_ms = plane_.now.ms;
    plane_.sas.schedule(*sa, plane_.now.ms);
  }
  return meant.size();
}

}  // namespace cp
