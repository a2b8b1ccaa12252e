// Arena: one large zeroed piece of memory for a table, mapped once; resident before it is used, or
// as it is used.
#pragma once

#include <cstddef>
#include <cstdint>

#include "crypto/base/error.h"

namespace dp {

inline constexpr std::size_t kCacheLine = 64;

// Anonymous pages, huge ones where the kernel gives them, kept out of core dumps, wiped when
// unmapped. All pages are touched by map(), so they lie on the NUMA node of the calling thread: a
// worker's tables are mapped by a thread that runs where the worker will. Any thread; the object is
// not shared.
class Arena {
 public:
  // `what` names the table in error texts. Errors: no memory, with what to do about it.
  static crypto::Result<Arena> map(std::size_t bytes, const char* what);
  // The same for a table of which little may ever be used: a page comes when it is touched first,
  // on the node of whoever touches it, and costs that one the time to clear it. A machine that has
  // no memory left then ends the process.
  static crypto::Result<Arena> reserve(std::size_t bytes, const char* what);

  Arena() = default;
  ~Arena();
  Arena(Arena&& other) noexcept;
  Arena& operator=(Arena&& other) noexcept;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // Aligned to 2 MiB when that large, else to a page; nullptr before map().
  void* data() const { return data_; }
  std::size_t size() const { return size_; }  // as asked for
  // False when the pages may be swapped out: the limit on locked memory (ulimit -l) is too low.
  bool locked() const { return locked_; }

 private:
  static crypto::Result<Arena> make(std::size_t bytes, const char* what, bool resident);
  void wipe();
  void unmap();

  void* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t mapped_len_ = 0;
  bool locked_ = false;
};

// All lines of a record that will be written soon.
template <class Record>
void prefetch_for_writing(const Record* record) {
  const auto* octets = static_cast<const std::uint8_t*>(static_cast<const void*>(record));
  for (std::size_t at = 0; at < sizeof(Record); at += kCacheLine)
    __builtin_prefetch(octets + at, 1);
}

}  // namespace dp
