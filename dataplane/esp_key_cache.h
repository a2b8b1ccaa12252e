// EspKeyCache: AES-GCM keys of Child SAs in the form that the engine wants, for the SAs that carry
// packets.
//
// An expanded key takes 1 KiB (1.25 KiB with IPsec-MB 2.0), a key 32 octets. Making one anew costs
// 90 ns; reading one that lies ready costs next to nothing, however many there are, because the
// engine fetches it while it is at the packets before (bench/esp_bench). So each direction of an SA
// gets an entry at its first packet and has it until it ends. Entries are bounded, and resident
// only when they were ever used. Worker thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "crypto/base/error.h"
#include "crypto/engine.h"
#include "dataplane/arena.h"
#include "dataplane/esp_sa.h"

namespace dp {

class EspKeyCache {
 public:
  static constexpr std::uint32_t kEntries = 1u << 18;  // 256 MiB when all are used

  static crypto::Result<std::unique_ptr<EspKeyCache>> make(std::uint32_t entries = kEntries);

  enum class Way : std::uint8_t { in, out };
  // The expanded key of this direction, made when it is not there. Null when all entries are taken:
  // the engine then expands the raw key for the lane alone.
  const crypto::ExpandedKey* get(crypto::Engine& engine, Way way, EspSa& sa);
  // Of an SA that ends.
  void forget(EspSa& sa);

  std::uint32_t used() const { return fresh_ - static_cast<std::uint32_t>(free_.size()); }

 private:
  crypto::ExpandedKey& key(std::uint32_t entry) const {
    return static_cast<crypto::ExpandedKey*>(arena_.data())[entry];
  }
  std::uint32_t take_entry();

  Arena arena_;
  std::uint32_t entries_ = 0;
  std::uint32_t fresh_ = 0;          // from here on never used
  std::vector<std::uint32_t> free_;  // used once, and free; never grows beyond what is reserved
};

}  // namespace dp
