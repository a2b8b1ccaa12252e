// ReplayWindow: which ESP sequence numbers were authentic already (RFC 4303 §3.4.3, appendix A).
//
// A ring of one bit for each of the last kSize numbers. A number is looked at before any
// cryptography (may_come) and taken after the ICV was right (take), which looks again: two copies
// of a packet may stand in one burst. Numbers are 64 bits; without ESN they stay below 2^32.
#pragma once

#include <array>
#include <cstdint>

namespace dp {

class ReplayWindow {
 public:
  static constexpr std::uint64_t kSize = 1024;

  std::uint64_t top() const { return top_; }

  // The full number of a packet whose low half came on the wire (RFC 4303 appendix A2.2). A wrong
  // guess shows as a wrong ICV.
  std::uint64_t full(std::uint32_t low, bool esn) const {
    if (!esn) return low;
    const auto top_low = static_cast<std::uint32_t>(top_);
    const std::uint64_t high = top_ >> 32;
    const std::uint32_t left = top_low - static_cast<std::uint32_t>(kSize - 1);
    if (top_low >= kSize - 1) return (low >= left ? high : high + 1) << 32 | low;
    // The window spans a multiple of 2^32; before the first there is nothing.
    if (low >= left) return high == 0 ? 0 : (high - 1) << 32 | low;
    return high << 32 | low;
  }

  // Neither left of the window nor seen. 0 is no packet's number (RFC 4303 §2.2).
  bool may_come(std::uint64_t number) const {
    if (number == 0) return false;
    if (number > top_) return true;
    return top_ - number < kSize && !bit(number);
  }

  // Of an authentic packet. False when another lane took it first.
  bool take(std::uint64_t number) {
    if (!may_come(number)) return false;
    if (number > top_) {
      clear_between(top_, number);
      top_ = number;
    }
    words_[number / 64 % kWords] |= std::uint64_t{1} << (number % 64);
    return true;
  }

  void reset(std::uint64_t top = 0) {
    words_ = {};
    top_ = top;
  }

 private:
  static constexpr std::size_t kWords = kSize / 64;
  bool bit(std::uint64_t number) const {
    return (words_[number / 64 % kWords] >> (number % 64) & 1) != 0;
  }
  // The ring's bits of the numbers between held older numbers. In order there are none.
  void clear_between(std::uint64_t after, std::uint64_t before) {
    if (before - after >= kSize) {
      words_ = {};
      return;
    }
    for (std::uint64_t n = after + 1; n < before;) {
      const std::uint64_t count = n % 64 == 0 && before - n >= 64 ? 64 : 1;
      if (count == 64)
        words_[n / 64 % kWords] = 0;
      else
        words_[n / 64 % kWords] &= ~(std::uint64_t{1} << (n % 64));
      n += count;
    }
  }

  std::uint64_t top_ = 0;
  std::array<std::uint64_t, kWords> words_{};
};

}  // namespace dp
