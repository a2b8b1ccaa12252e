// Strong numbers: an integer that knows what it counts. There is no arithmetic and no implicit
// conversion, so an SPI cannot be added to a length or compared with another kind of SPI.
#pragma once

#include <compare>
#include <concepts>

namespace crypto {

template <class Tag, std::unsigned_integral T>
class Strong {
 public:
  using Value = T;
  constexpr Strong() = default;
  constexpr explicit Strong(T v) : value_(v) {}
  constexpr T value() const { return value_; }
  friend constexpr auto operator<=>(Strong, Strong) = default;

 private:
  T value_ = 0;
};

}  // namespace crypto
