// EspRoutes: leased address -> the Child SA that carries packets to it. One word per address of the
// pools, written by the worker that has the SA and read by all. Any worker thread; make at start.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "dataplane/api/config.h"

namespace dp {

class EspRoutes {
 public:
  EspRoutes(const AddressPool4& pool4, const AddressPool6& pool6)
      : routes4_(pool4.count), routes6_(pool6.count) {}

  static constexpr std::uint32_t kNone = 0xffffffff;
  enum class Family : std::uint8_t { ip4, ip6 };

  // EspSpiCodec::index of the SA, or kNone. `lease` is an index of LeaseTable.
  std::uint32_t find(Family family, std::uint32_t lease) const {
    const Routes& routes = of(family);
    if (lease >= routes.count) return kNone;
    return routes.words[lease].load(std::memory_order_acquire) - 1;
  }
  void prefetch(Family family, std::uint32_t lease) const {
    const Routes& routes = of(family);
    if (lease < routes.count) __builtin_prefetch(&routes.words[lease], 1);
  }
  void set(Family family, std::uint32_t lease, std::uint32_t index) {
    Routes& routes = of(family);
    if (lease < routes.count) routes.words[lease].store(index + 1, std::memory_order_release);
  }
  // Only when the route still names `from`: another worker may have a newer SA.
  bool replace(Family family, std::uint32_t lease, std::uint32_t from, std::uint32_t to) {
    Routes& routes = of(family);
    if (lease >= routes.count) return false;
    std::uint32_t seen = from + 1;
    return routes.words[lease].compare_exchange_strong(seen, to + 1);
  }

 private:
  struct Routes {
    explicit Routes(std::uint32_t n)
        : count(n), words(std::make_unique<std::atomic<std::uint32_t>[]>(n)) {}
    std::uint32_t count;
    std::unique_ptr<std::atomic<std::uint32_t>[]> words;  // index + 1; 0 = none
  };
  Routes& of(Family family) { return family == Family::ip4 ? routes4_ : routes6_; }
  const Routes& of(Family family) const { return family == Family::ip4 ? routes4_ : routes6_; }

  Routes routes4_, routes6_;
};

}  // namespace dp
