// Reads SAs from here and there.
#include "controlplane/sa_listing.h"

#include <algorithm>
#include <map>
#include <span>
#include <utility>

#include "controlplane/sa_rows.h"

namespace cp {
namespace {

// SAs of ours that one call looks at: other duties wait no longer.
constexpr std::size_t kLooksPerCall = 2048;

}  // namespace

SaListing::SaListing(const Plane& plane, ReportDesk& desk, CtlSelection selection,
                     std::uint64_t limit)
    : plane_(plane),
      desk_(desk),
      selection_(std::move(selection)),
      limit_(limit),
      scan_(
          desk, workers_of(selection_, plane), selection_.spi_r.value_or(ike::IkeSpi(0)),
          [this](unsigned worker, const dp::ReportedSa& sa) {
            told_.push_back(sa.spi_r.value());
            take(sa_row(worker, sa, plane_));
          },
          [] {}) {
  plane_.sas.for_each([&](IkeSa& sa) { own_.push_back(sa.our_spi().value()); });
  std::ranges::sort(own_);
}

SaListing::~SaListing() {
  for (const std::uint64_t number : questions_) desk_.forget(number);
}

std::vector<unsigned> SaListing::silent() const {
  std::set<unsigned> all = silent_;
  all.insert(scan_.silent().begin(), scan_.silent().end());
  return {all.begin(), all.end()};
}

std::vector<CtlSa> SaListing::next() {
  if (waits()) return {};
  if (rows_.empty()) read_on();
  if (waits()) return {};
  return std::exchange(rows_, {});
}

void SaListing::read_on() {
  if (phase_ == Phase::over) return;
  // Nothing but a count would come of the rest.
  if (is_full() && selection_.says_nothing()) return stop_counting();
  if (phase_ != Phase::workers) return read_own();
  if (scan_.is_over())
    begin_moved();
  else
    scan_.go_on();
}

// What has come to the control thread since the list began, and was not told of by its worker.
void SaListing::begin_moved() {
  std::ranges::sort(told_);
  plane_.sas.for_each([&](IkeSa& sa) {
    const std::uint64_t spi = sa.our_spi().value();
    if (sa.adopted && !std::ranges::binary_search(own_, spi) &&
        !std::ranges::binary_search(told_, spi))
      moved_.push_back(spi);
  });
  phase_ = Phase::moved;
  at_ = 0;
}

void SaListing::read_own() {
  const std::vector<std::uint64_t>& spis = phase_ == Phase::own ? own_ : moved_;
  for (std::size_t looks = 0;
       at_ < spis.size() && looks < kLooksPerCall && rows_.size() < kCtlPageRows; ++looks) {
    const IkeSa* sa = plane_.sas.find(ike::IkeSpi(spis[at_++]));
    if (sa != nullptr) take(sa_row(*sa, plane_.now.ms));
  }
  if (at_ == spis.size()) phase_ = phase_ == Phase::own ? Phase::workers : Phase::over;
  ask_for_counters();
}

void SaListing::take(CtlSa row) {
  if (!fits(row, selection_)) return;
  if (is_full()) {
    ++more_;
    return;
  }
  ++taken_;
  rows_.push_back(std::move(row));
}

// How many there are is known without reading them.
void SaListing::stop_counting() {
  std::uint64_t all = plane_.sas.size();
  for (unsigned worker = 0; worker < plane_.workers.worker_count(); ++worker)
    all += plane_.workers.counters(worker).sessions.get();
  more_ = all - std::min(all, taken_);
  phase_ = Phase::over;
}

void SaListing::ask_for_counters() {
  std::map<unsigned, std::vector<ike::EspSpi>> wanted;
  for (const CtlSa& row : rows_)
    for (const CtlChild& child : row.children) wanted[child.worker].push_back(child.spi_in);
  for (const auto& [worker, spis] : wanted) {
    for (std::size_t at = 0; at < spis.size(); at += dp::kReportChildren) {
      const std::size_t count = std::min(spis.size() - at, dp::kReportChildren);
      dp::Question question{.children_count = static_cast<std::uint32_t>(count)};
      std::ranges::copy(std::span(spis).subspan(at, count), question.children.begin());
      const auto number = std::make_shared<std::uint64_t>(0);
      *number = desk_.ask(worker, dp::OrderKind::report_children, question,
                          [this, number, who = worker](const dp::Report* report) {
                            take_counters(*number, who, report);
                          });
      questions_.insert(*number);
    }
  }
}

void SaListing::take_counters(std::uint64_t number, unsigned worker, const dp::Report* report) {
  questions_.erase(number);
  if (report == nullptr) {
    silent_.insert(worker);
    return;
  }
  for (const dp::ChildTraffic& told : std::span(report->children).first(report->children_count))
    for (CtlSa& row : rows_)
      for (CtlChild& child : row.children)
        if (child.worker == worker && child.spi_in == told.spi_in)
          child.traffic = traffic_of(told, plane_.now.ms);
}

}  // namespace cp
