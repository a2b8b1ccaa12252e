// Asking, asking again, giving up.
#include "controlplane/report_desk.h"

#include <algorithm>

namespace cp {

std::uint64_t ReportDesk::ask(unsigned worker, dp::OrderKind kind, const dp::Question& question,
                              Answered answered) {
  CHECK(worker < waiting_.size());
  std::deque<Asked>& queue = waiting_[worker];
  queue.push_back({kind, question, std::move(answered), now_ms_});
  queue.back().question.number = ++last_number_;
  if (queue.size() == 1) send_first(worker);
  return last_number_;
}

void ReportDesk::forget(std::uint64_t number) {
  for (unsigned worker = 0; worker < waiting_.size(); ++worker) {
    std::deque<Asked>& queue = waiting_[worker];
    const auto found =
        std::ranges::find(queue, number, [](const Asked& asked) { return asked.question.number; });
    if (found == queue.end()) continue;
    const bool was_first = found == queue.begin();
    queue.erase(found);
    if (was_first) send_first(worker);
    return;
  }
}

void ReportDesk::send_first(unsigned worker) {
  if (waiting_[worker].empty()) return;
  Asked& first = waiting_[worker].front();
  dp::Order* order = workers_.claim_order(worker);
  if (order == nullptr) return;  // serve() tries again
  order->kind = first.kind;
  order->question = first.question;
  order->message_len = 0;
  workers_.send_order(worker);
  first.sent_ms = now_ms_;
}

ReportDesk::Asked ReportDesk::take_first(unsigned worker) {
  Asked first = std::move(waiting_[worker].front());
  waiting_[worker].pop_front();
  send_first(worker);
  return first;
}

void ReportDesk::receive(unsigned worker) {
  const dp::Report* report = workers_.next_report(worker);
  if (report == nullptr) return;
  const std::deque<Asked>& queue = waiting_[worker];
  // Another number: the answer to a question that was given up, or asked twice.
  if (!queue.empty() && queue.front().question.number == report->number)
    take_first(worker).answered(report);
  workers_.report_done(worker);
}

void ReportDesk::serve(std::uint64_t now_ms) {
  now_ms_ = now_ms;
  for (unsigned worker = 0; worker < waiting_.size(); ++worker) {
    const std::deque<Asked>& queue = waiting_[worker];
    while (!queue.empty() && now_ms - queue.front().since_ms >= kReportMs)
      take_first(worker).answered(nullptr);
    if (!queue.empty() && now_ms - queue.front().sent_ms >= kReportAgainMs) send_first(worker);
  }
}

std::size_t ReportDesk::waiting() const {
  std::size_t count = 0;
  for (const std::deque<Asked>& queue : waiting_) count += queue.size();
  return count;
}

}  // namespace cp
