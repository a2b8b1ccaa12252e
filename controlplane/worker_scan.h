// WorkerScan: goes through the resumed SAs that workers serve, a piece at a time.
//
// Whoever has one says go_on() for each piece, so that what comes of it can be taken first. A
// worker that does not answer is left out and named. Control thread only.
#pragma once

#include <functional>
#include <vector>

#include "controlplane/report_desk.h"

namespace cp {

struct WorkerRange {
  unsigned first = 0, end = 0;  // `end` is behind the last
};

class WorkerScan {
 public:
  using OnSa = std::function<void(unsigned worker, const dp::ReportedSa& sa)>;
  // With an SPI that is not 0 only the SA of that. `on_piece` is called when a piece was told, or
  // its worker was silent; it may call go_on().
  WorkerScan(ReportDesk& desk, WorkerRange workers, ike::IkeSpi spi_r, OnSa on_sa,
             std::function<void()> on_piece);
  ~WorkerScan();
  WorkerScan(const WorkerScan&) = delete;
  WorkerScan& operator=(const WorkerScan&) = delete;

  // Asks for the next piece, unless one is waited for or it is over.
  void go_on();
  bool waits() const { return asked_ != 0; }
  bool is_over() const { return worker_ == end_; }
  const std::vector<unsigned>& silent() const { return silent_; }

 private:
  void take(const dp::Report* report);

  ReportDesk& desk_;
  unsigned worker_, end_;
  ike::IkeSpi spi_r_;
  OnSa on_sa_;
  std::function<void()> on_piece_;
  std::uint32_t from_ = 0;
  std::uint64_t asked_ = 0;  // number of the question that is out
  std::vector<unsigned> silent_;
};

}  // namespace cp
