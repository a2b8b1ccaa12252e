// NeighbourTable: next hops on the inside and their MAC addresses, as ARP and neighbour discovery
// told. One for all workers, because an answer arrives at any of them.
//
// Bounded: an address that nobody asked for is not learned, and a new one takes the place of one
// that never answered, else of the one that answered longest ago. Entries are read and written
// without locks: a reader that meets a writer finds nothing. Any worker thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "dataplane/api/config.h"

namespace dp {

// IPv4 addresses stand in the first 4 octets.
struct NextHop {
  bool is_ip6 = false;
  std::array<std::uint8_t, 16> address{};
};

class NeighbourTable {
 public:
  static constexpr std::uint32_t kSize = 1024;
  static constexpr std::uint64_t kAskEveryMs = 1000;
  static constexpr std::uint64_t kRefreshMs = 30'000;  // then it is asked for again
  static constexpr std::uint64_t kForgetMs = 600'000;  // then it is unknown

  struct Answer {
    bool known = false;
    bool ask = false;  // the caller sends a request now; nobody else does for a second
    Mac mac{};
  };
  Answer look_up(const NextHop& hop, std::uint64_t now_ms);
  // Nothing when nobody asked for it.
  void learn(const NextHop& hop, const std::uint8_t* mac, std::uint64_t now_ms);

 private:
  struct Entry {
    std::atomic<std::uint32_t> version{0};  // odd while being written
    std::atomic<std::uint64_t> high{0}, low{0};
    std::atomic<std::uint64_t> mac{0};
    std::atomic<std::uint64_t> asked_ms{0}, learned_ms{0};
  };
  struct Key {
    std::uint64_t high = 0, low = 0;
  };
  static Key key_of(const NextHop& hop);
  Entry* find(const Key& key);
  Entry* oldest(const Key& key);
  static bool lock(Entry& entry);
  static void unlock(Entry& entry);

  std::array<Entry, kSize> entries_;
};

}  // namespace dp
