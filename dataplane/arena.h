// Arena: one large piece of zeroed memory for a table, mapped at start and never grown.
//
// Anonymous memory with huge pages where the system gives them, left out of core dumps, wiped and unmapped
// at the end. Pages are bound to the NUMA node of the thread that touches them first: make arenas on the
// worker that will use them. Errors say how much memory was asked for and by whom.
#pragma once

#include <cstddef>

#include "crypto/base/error.h"

namespace dp {

class Arena {
 public:
  Arena() = default;
  static crypto::Result<Arena> map(std::size_t bytes, const char* what);
  ~Arena();
  Arena(Arena&& other) noexcept;
  Arena& operator=(Arena&& other) noexcept;

  void* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace dp
