// EspKeyCache: AES-GCM keys of Child SAs in the form that the engine wants, for the SAs in use.
//
// An expanded key takes 1 KiB, a key 32 octets: half a million SAs expanded would be a gigabyte,
// and making one anew costs about 120 ns, no more than reading its 16 lines from memory. So a
// worker keeps a bounded number, each SA and direction having one possible place. Worker thread
// only.
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
  static constexpr std::uint32_t kEntries = 4096;

  static crypto::Result<std::unique_ptr<EspKeyCache>> make(std::uint32_t entries = kEntries);

  enum class Way : std::uint8_t { in, out };
  // Entries that get() names stay as they are until the next call of this.
  void begin_batch() { ++batch_; }
  // The expanded key of this direction, made when it is not there. Null when another SA of this
  // batch has the entry: the engine then expands the raw key for the lane alone.
  const crypto::ExpandedKey* get(crypto::Engine& engine, std::uint32_t place, Way way,
                                 const EspSa& sa);
  void prefetch(std::uint32_t place, Way way) const;
  // Of an SA that ends.
  void forget(std::uint32_t place);

 private:
  struct Tag {
    std::uint64_t owner = 0;  // 0 = none
    std::uint64_t batch = 0;  // that used it last
  };
  static std::uint64_t owner_of(std::uint32_t place, Way way) {
    return (std::uint64_t{place} << 1 | static_cast<std::uint64_t>(way)) + 1;
  }
  std::uint32_t entry_of(std::uint64_t owner) const {
    return static_cast<std::uint32_t>(owner) & mask_;
  }
  crypto::ExpandedKey& key(std::uint32_t entry) const {
    return static_cast<crypto::ExpandedKey*>(arena_.data())[entry];
  }

  Arena arena_;
  std::vector<Tag> tags_;
  std::uint32_t mask_ = 0;
  std::uint64_t batch_ = 0;
};

}  // namespace dp
