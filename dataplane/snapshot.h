// Snapshot: read-mostly state published to workers without locks.
//
// The control thread stores a new immutable object; workers load the pointer once per burst and say
// between bursts that they hold none (`quiet`). An old object is destroyed when every worker has
// been quiet after the new one was published. Publishing is rare and never blocks a worker.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

namespace dp {

inline constexpr unsigned kReadersMax = 256;

// The quiet-state counters of all workers. One per process.
class Quiescence {
 public:
  explicit Quiescence(unsigned readers);  // at most kReadersMax
  // Worker `reader`, once per loop, while it holds no snapshot pointer.
  void quiet(unsigned reader) {
    auto& count = counts_[reader].value;
    // Sequentially consistent, not release: with release alone the next load of a pointer may
    // overtake this store, and a reader that says "quiet since the mark" would hold what the mark
    // retired.
    count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_seq_cst);
  }
  // A worker that stops (or has not started) never blocks reclamation.
  void online(unsigned reader, bool on) {
    counts_[reader].online.store(on, std::memory_order_seq_cst);
  }
  // Control thread: a mark, and whether every online worker has been quiet since.
  std::vector<std::uint64_t> mark() const;
  bool passed(const std::vector<std::uint64_t>& mark) const;

 private:
  struct alignas(64) Count {
    std::atomic<std::uint64_t> value{0};
    std::atomic<bool> online{false};
  };
  unsigned readers_;
  Count counts_[kReadersMax];
};

template <class T>
class Snapshot {
 public:
  explicit Snapshot(Quiescence& quiescence) : quiescence_(quiescence) {}
  ~Snapshot() { delete current_.load(std::memory_order_acquire); }
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

  // Worker: valid until the worker's next quiet(). Null before the first publish.
  const T* load() const { return current_.load(std::memory_order_seq_cst); }
  // Control thread.
  void publish(std::unique_ptr<const T> next) {
    const T* old = current_.exchange(next.release(), std::memory_order_seq_cst);
    if (old != nullptr) retired_.push_back({std::unique_ptr<const T>(old), quiescence_.mark()});
    reclaim();
  }
  // Control thread, now and then: destroys what no worker can hold. Returns how many still wait.
  std::size_t reclaim() {
    std::erase_if(retired_, [&](const Retired& r) { return quiescence_.passed(r.mark); });
    return retired_.size();
  }

 private:
  struct Retired {
    std::unique_ptr<const T> object;
    std::vector<std::uint64_t> mark;
  };
  Quiescence& quiescence_;
  std::atomic<const T*> current_{nullptr};
  std::vector<Retired> retired_;
};

}  // namespace dp
