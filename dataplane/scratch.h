// Scratch: memory for one burst, taken by bumping a pointer and wiped as a whole when the burst
// ends.
//
// Decrypted tickets, keys in the making and plaintexts live here, so that no stage can forget to
// wipe them: the worker wipes up to the high-water mark, once. Worker thread only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <new>

#include "crypto/base/error.h"
#include "crypto/base/secret.h"

namespace dp {

class Scratch {
 public:
  // What one lane can take at most: plaintext and joined fragments of a message (kMessageLenMax
  // each), the seeds of three derivations, four PrfKeys, an old and a new ticket, KEYMAT of a
  // Child SA. A lane makes one
  // trip a burst, so running out would be our mistake and not the peer's.
  static constexpr std::size_t kLaneLen = 2 * 3072 + 3 * 1024 + 4 * 256 + 4 * 1024 + 256;
  static constexpr std::size_t kLen = 32 * kLaneLen;

  // `len` octets, 64-aligned, not initialised.
  std::uint8_t* take(std::size_t len) {
    const std::size_t start = used_;
    used_ += (len + 63) & ~std::size_t{63};
    CHECK(used_ <= kLen);
    return octets_.data() + start;
  }
  // `count` objects whose construction does nothing and whose destructor only wipes (PrfKey,
  // bytes): this memory is wiped as a whole instead.
  template <class T>
  T* take_array(std::size_t count) {
    static_assert(alignof(T) <= 64);
    std::uint8_t* memory = take(sizeof(T) * count);
    for (std::size_t i = 0; i < count; ++i) new (memory + i * sizeof(T)) T;
    return std::launder(reinterpret_cast<T*>(memory));
  }
  void wipe() {
    crypto::secure_zero(octets_.data(), used_);
    used_ = 0;
  }

 private:
  std::size_t used_ = 0;
  alignas(64) std::array<std::uint8_t, kLen> octets_;
};

}  // namespace dp
