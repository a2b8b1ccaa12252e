// Whose turn it is to be called back.
#include "controlplane/recalls.h"

namespace cp {

std::optional<Recall> Recalls::next(std::uint64_t now_ms, std::size_t closing) {
  for (; !due_.empty() && due_.front().at_ms <= now_ms; due_.pop_front()) {
    const auto found = called_.find(due_.front().spi_r);
    if (found == called_.end()) continue;
    if (found->second.tries == kRecallTries) {
      called_.erase(found);
      ++lost_;
      continue;
    }
    ++found->second.tries;
    const Recall again{found->second.worker, ike::IkeSpi(found->first)};
    due_.pop_front();
    due_.push_back({now_ms + kRecallAgainMs, again.spi_r.value()});
    return again;
  }
  while (!waiting_.empty() && called_.size() + closing < kRecallsMax) {
    const Recall recall = waiting_.front();
    waiting_.pop_front();
    // Twice when two commands meant it.
    if (!called_.emplace(recall.spi_r.value(), Called{recall.worker, 1}).second) continue;
    due_.push_back({now_ms + kRecallAgainMs, recall.spi_r.value()});
    return recall;
  }
  return std::nullopt;
}

}  // namespace cp
