// NeighbourQueue: a worker's packets for next hops whose MAC address is being asked for. Few and
// for a short time, so that neither a host that is down nor a client that scans can take many
// buffers. Worker thread only.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/esp_trip.h"
#include "dataplane/neighbour_table.h"
#include "dataplane/packet_port.h"

namespace dp {

class NeighbourQueue {
 public:
  static constexpr unsigned kSize = 64;
  static constexpr unsigned kPerHop = 3;
  static constexpr std::uint64_t kWaitMs = 1000;

  struct Waiting {
    Frame frame;
    InnerPacket inner;
    NextHop hop;
    std::uint64_t since_ms = 0;
  };

  bool empty() const { return count_ == 0; }
  // False when there is no place (for this next hop): the frame stays the caller's.
  [[nodiscard]] bool add(const Frame& frame, const InnerPacket& inner, const NextHop& hop,
                         std::uint64_t now_ms) {
    unsigned same = 0;
    for (unsigned i = 0; i < count_; ++i)
      same += waiting_[i].hop.is_ip6 == hop.is_ip6 && waiting_[i].hop.address == hop.address;
    if (count_ == kSize || same >= kPerHop) return false;
    waiting_[count_++] = {frame, inner, hop, now_ms};
    return true;
  }
  // Calls f(Waiting&) for each, oldest first, once in a millisecond; those it returns true for are
  // forgotten.
  template <class F>
  void visit(std::uint64_t now_ms, F&& f) {
    if (now_ms == visited_ms_) return;
    visited_ms_ = now_ms;
    unsigned kept = 0;
    for (unsigned i = 0; i < count_; ++i)
      if (!f(waiting_[i])) waiting_[kept++] = waiting_[i];
    count_ = kept;
  }

 private:
  unsigned count_ = 0;
  std::uint64_t visited_ms_ = 0;
  std::array<Waiting, kSize> waiting_;
};

}  // namespace dp
