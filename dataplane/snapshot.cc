// The control thread's view of the workers' quiet states.
#include "dataplane/snapshot.h"

#include <limits>

#include "crypto/base/error.h"

namespace dp {
namespace {

// In a mark: the reader was offline and holds nothing older than the mark. Equal to no count.
constexpr std::uint64_t kOffline = std::numeric_limits<std::uint64_t>::max();

}  // namespace

Quiescence::Quiescence(unsigned readers) : readers_(readers) { CHECK(readers <= kReadersMax); }

std::vector<std::uint64_t> Quiescence::mark() const {
  std::vector<std::uint64_t> mark(readers_, kOffline);
  for (unsigned reader = 0; reader < readers_; ++reader) {
    const Count& count = counts_[reader];
    if (count.online.load(std::memory_order_seq_cst))
      mark[reader] = count.value.load(std::memory_order_seq_cst);
  }
  return mark;
}

bool Quiescence::passed(const std::vector<std::uint64_t>& mark) const {
  for (unsigned reader = 0; reader < readers_; ++reader) {
    const Count& count = counts_[reader];
    // A reader that went offline and came back has said so after the mark, but that cannot be seen
    // here: its next quiet() will do.
    if (!count.online.load(std::memory_order_seq_cst)) continue;
    if (count.value.load(std::memory_order_seq_cst) == mark[reader]) return false;
  }
  return true;
}

}  // namespace dp
