// Random: a buffered CSPRNG, one per thread. A ChaCha20 or AES-CTR stream keyed from getrandom(2),
// re-keyed from its own output after each refill (fast key erasure), re-seeded from the kernel
// every kReseedBytes. `Random(seed)` is the reproducible form for tests and simulation.
#pragma once

#include <array>
#include <cstdint>

#include "crypto/base/bytes.h"

namespace crypto {

class Random {
 public:
  static constexpr std::size_t kBufferLen = 4096;
  static constexpr std::size_t kReseedBytes = std::size_t{1} << 26;

  Random();                             // from getrandom(2); aborts when the kernel gives nothing
  explicit Random(std::uint64_t seed);  // reproducible; for tests only
  ~Random();
  Random(const Random&) = delete;
  Random& operator=(const Random&) = delete;

  void fill(MutBytes out) {
    if (out.size() <= kBufferLen && position_ <= kBufferLen - out.size()) [[likely]] {
      copy_out(out);
    } else {
      fill_slow(out);
    }
  }
  std::uint64_t u64() {
    std::uint8_t b[8];
    fill(b);
    return load_be64(b);
  }
  std::uint32_t u32() { return static_cast<std::uint32_t>(u64()); }
  // Uniform in [0, bound); bound > 0. For jitter and choices, not for keys.
  std::uint64_t below(std::uint64_t bound);

 private:
  // Copies and erases, so that an octet handed out is not kept.
  void copy_out(MutBytes out) {
    if (out.empty()) return;  // memcpy takes no null, not even for no octets
    std::memcpy(out.data(), buffer_.data() + position_, out.size());
    std::memset(buffer_.data() + position_, 0, out.size());
    position_ += out.size();
  }
  void fill_slow(MutBytes out);
  void refill();

  std::array<std::uint8_t, kBufferLen> buffer_{};
  std::size_t position_ = kBufferLen;
  std::array<std::uint8_t, 32> key_{};
  std::size_t since_reseed_ = 0;
  bool reproducible_ = false;
};

}  // namespace crypto
