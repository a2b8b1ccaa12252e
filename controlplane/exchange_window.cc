// Which message is whose turn.
#include "controlplane/exchange_window.h"

namespace cp {

ExchangeWindow::Turn ExchangeWindow::sort_request(ike::MessageId id) const {
  if (id == next_request_) return answer_pending_ ? Turn::repeated : Turn::fresh;
  if (id.value() + 1 == next_request_.value()) return Turn::repeated;
  return Turn::stale;
}

void ExchangeWindow::answered(Datagrams answer) {
  answer_ = std::move(answer);
  answer_pending_ = false;
  next_request_ = ike::MessageId(next_request_.value() + 1);
}

void ExchangeWindow::asked(Datagrams request, std::uint64_t now_ms,
                           const RetransmitPolicy& policy) {
  request_ = std::move(request);
  asking_ = true;
  tries_ = 1;
  interval_ms_ = policy.first_ms;
  due_ms_ = now_ms + interval_ms_;
}

void ExchangeWindow::completed() {
  asking_ = false;
  request_.clear();
  next_own_ = ike::MessageId(next_own_.value() + 1);
}

bool ExchangeWindow::again(std::uint64_t now_ms, const RetransmitPolicy& policy) {
  if (tries_ >= policy.tries) return false;
  ++tries_;
  interval_ms_ = static_cast<std::uint64_t>(static_cast<double>(interval_ms_) * policy.factor);
  due_ms_ = now_ms + interval_ms_;
  return true;
}

}  // namespace cp
