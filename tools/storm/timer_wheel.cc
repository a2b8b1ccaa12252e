// Linking, unlinking and turning the timer wheel.
#include "tools/storm/timer_wheel.h"

#include <algorithm>

namespace storm {

TimerWheel::TimerWheel(std::uint32_t places) : heads_(kBuckets, kNone), links_(places) {}

void TimerWheel::arm(std::uint32_t place, std::uint64_t due_ns) {
  disarm(place);
  Link& link = links_[place];
  link.due_tick = std::max((due_ns + kTickNs - 1) / kTickNs, cursor_);
  std::uint32_t& head = heads_[link.due_tick % kBuckets];
  link.previous = kNone;
  link.next = head;
  if (head != kNone) links_[head].previous = place;
  head = place;
}

void TimerWheel::disarm(std::uint32_t place) {
  Link& link = links_[place];
  if (link.due_tick == kIdle) return;
  if (link.next != kNone) links_[link.next].previous = link.previous;
  if (link.previous != kNone) {
    links_[link.previous].next = link.next;
  } else {
    heads_[link.due_tick % kBuckets] = link.next;
  }
  link.due_tick = kIdle;
}

std::size_t TimerWheel::expire(std::uint64_t now_ns, std::span<std::uint32_t> out) {
  const std::uint64_t now_tick = now_ns / kTickNs;
  // The clock may start anywhere, and may jump: no bucket needs to be seen twice.
  if (!started_ || now_tick >= cursor_ + kBuckets)
    cursor_ = std::max(cursor_, now_tick >= kBuckets ? now_tick - kBuckets + 1 : 0);
  started_ = true;
  std::size_t count = 0;
  for (; cursor_ <= now_tick; ++cursor_) {
    std::uint32_t place = heads_[cursor_ % kBuckets];
    while (place != kNone) {
      const std::uint32_t next = links_[place].next;
      if (links_[place].due_tick <= now_tick) {
        if (count == out.size()) return count;
        disarm(place);
        out[count++] = place;
      }
      place = next;
    }
  }
  return count;
}

}  // namespace storm
