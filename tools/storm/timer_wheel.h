// Timer wheel: one deadline for each place in flight, armed and disarmed in constant time.
//
// A wheel of kBuckets ticks of kTickNs; a deadline further away stays in its bucket for another
// turn. A deadline is reported at the first tick that is not before it, so up to kTickNs late and
// never early. One thread; nothing is allocated after set-up.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace storm {

class TimerWheel {
 public:
  static constexpr std::uint64_t kTickNs = 1'000'000;
  static constexpr std::size_t kBuckets = 4096;

  explicit TimerWheel(std::uint32_t places);

  // Sets or moves the deadline of a place.
  void arm(std::uint32_t place, std::uint64_t due_ns);
  void disarm(std::uint32_t place);
  // Disarms and returns places that are due, at most out.size() of them; call again for the rest.
  std::size_t expire(std::uint64_t now_ns, std::span<std::uint32_t> out);

 private:
  static constexpr std::uint32_t kNone = 0xffffffff;
  struct Link {
    std::uint32_t next = kNone;
    std::uint32_t previous = kNone;
    std::uint64_t due_tick = kIdle;
  };
  static constexpr std::uint64_t kIdle = ~std::uint64_t{0};

  std::vector<std::uint32_t> heads_;
  std::vector<Link> links_;
  std::uint64_t cursor_ = 0;  // the first tick whose bucket has not been emptied
  bool started_ = false;
};

}  // namespace storm
