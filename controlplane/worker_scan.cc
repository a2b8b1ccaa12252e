// Piece by piece, worker by worker.
#include "controlplane/worker_scan.h"

#include <span>
#include <utility>

namespace cp {

WorkerScan::WorkerScan(ReportDesk& desk, WorkerRange workers, ike::IkeSpi spi_r, OnSa on_sa,
                       std::function<void()> on_piece)
    : desk_(desk),
      worker_(workers.first),
      end_(workers.end),
      spi_r_(spi_r),
      on_sa_(std::move(on_sa)),
      on_piece_(std::move(on_piece)) {}

WorkerScan::~WorkerScan() {
  if (asked_ != 0) desk_.forget(asked_);
}

void WorkerScan::go_on() {
  if (waits() || is_over()) return;
  asked_ = desk_.ask(worker_, dp::OrderKind::report_sas, {.from = from_, .spi_r = spi_r_},
                     [this](const dp::Report* report) { take(report); });
}

void WorkerScan::take(const dp::Report* report) {
  asked_ = 0;
  if (report == nullptr) {
    silent_.push_back(worker_);
  } else {
    for (const dp::ReportedSa& sa : std::span(report->sas).first(report->sas_count))
      on_sa_(worker_, sa);
  }
  from_ = report == nullptr ? dp::kReportEnd : report->next;
  if (from_ == dp::kReportEnd) {
    ++worker_;
    from_ = 0;
  }
  on_piece_();
}

}  // namespace cp
