// LaneSet: a set of packets of one burst, as bits of one machine word. Iterating visits the members
// in order; set algebra is the control flow of the stages.
#pragma once

#include <bit>
#include <cstdint>

namespace dp {

inline constexpr unsigned kBurstMax = 32;

class LaneSet {
 public:
  constexpr LaneSet() = default;
  constexpr explicit LaneSet(std::uint32_t bits) : bits_(bits) {}
  static constexpr LaneSet first(unsigned count) {
    return LaneSet(count >= 32 ? ~0u : (1u << count) - 1u);
  }

  constexpr void add(unsigned lane) { bits_ |= 1u << lane; }
  constexpr void remove(unsigned lane) { bits_ &= ~(1u << lane); }
  constexpr bool has(unsigned lane) const { return (bits_ >> lane & 1u) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr unsigned size() const { return static_cast<unsigned>(std::popcount(bits_)); }
  constexpr std::uint32_t bits() const { return bits_; }

  friend constexpr LaneSet operator|(LaneSet a, LaneSet b) { return LaneSet(a.bits_ | b.bits_); }
  friend constexpr LaneSet operator&(LaneSet a, LaneSet b) { return LaneSet(a.bits_ & b.bits_); }
  friend constexpr LaneSet operator-(LaneSet a, LaneSet b) { return LaneSet(a.bits_ & ~b.bits_); }
  constexpr LaneSet& operator|=(LaneSet o) { return *this = *this | o; }
  friend constexpr bool operator==(LaneSet, LaneSet) = default;

  class Iterator {
   public:
    constexpr explicit Iterator(std::uint32_t bits) : bits_(bits) {}
    constexpr unsigned operator*() const { return static_cast<unsigned>(std::countr_zero(bits_)); }
    constexpr Iterator& operator++() {
      bits_ &= bits_ - 1;
      return *this;
    }
    friend constexpr bool operator==(Iterator, Iterator) = default;

   private:
    std::uint32_t bits_;
  };
  constexpr Iterator begin() const { return Iterator(bits_); }
  constexpr Iterator end() const { return Iterator(0); }

 private:
  std::uint32_t bits_ = 0;
};

}  // namespace dp
