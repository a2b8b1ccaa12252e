// Judging, holding and releasing frames.
#include "tools/storm/impairments.h"

#include <utility>

namespace storm {

bool Impairments::happens(double share) {
  if (share <= 0) return false;
  constexpr double kScale = 1.0 / 4294967296.0;
  return static_cast<double>(random_.u32()) * kScale < share;
}

void Impairments::hold(crypto::Bytes frame, std::uint64_t due_ns) {
  if (free_.empty()) {
    free_.push_back(stores_.size());
    stores_.emplace_back();
  }
  const std::size_t store = free_.back();
  free_.pop_back();
  stores_[store].assign(frame.begin(), frame.end());
  waiting_.push({due_ns, next_number_++, store});
}

void Impairments::push(crypto::Bytes frame, std::uint64_t now_ns) {
  if (happens(rates_.loss)) {
    ++lost_;
    return;
  }
  const unsigned copies = happens(rates_.duplicate) ? 2 : 1;
  duplicated_ += copies - 1;
  for (unsigned i = 0; i < copies; ++i) {
    std::uint64_t due_ns = now_ns + rates_.delay_ns;
    if (happens(rates_.reorder)) {
      ++reordered_;
      due_ns += random_.below(rates_.reorder_ns_max + 1);
    }
    hold(frame, due_ns);
  }
}

bool Impairments::pop(std::uint64_t now_ns, std::vector<std::uint8_t>& frame) {
  if (waiting_.empty() || waiting_.top().due_ns > now_ns) return false;
  const std::size_t store = waiting_.top().store;
  waiting_.pop();
  std::swap(frame, stores_[store]);
  free_.push_back(store);
  return true;
}

}  // namespace storm
