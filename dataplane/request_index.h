// RequestIndex: finds the session that a repeated message 1 belongs to (RFC 7296 §2.1: source, SPIi
// and Ni, not SPIi alone). The only hash table of the packet path: set-associative, fixed size, the
// oldest entry of a full set gives way. It holds hashes and slots; the caller compares with the
// session record. Worker thread only.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "crypto/base/bytes.h"
#include "dataplane/burst.h"
#include "dataplane/session.h"

namespace dp {

class RequestIndex {
 public:
  // `entries` is rounded up to a power of two sets of 8. `secret` keys the hash against flooding.
  RequestIndex(std::uint32_t entries, std::uint64_t secret);

  // Keyed 64-bit hash of source address and port, SPIi and Ni. Never 0.
  std::uint64_t hash(const Path& path, ike::IkeSpi spi_i, crypto::Bytes nonce_i) const;

  void prefetch(std::uint64_t hash) const;
  // Slot of the entry with exactly this hash, or kNoIndex.
  std::uint32_t find(std::uint64_t hash) const;
  void insert(std::uint64_t hash, std::uint32_t slot);
  void erase(std::uint64_t hash);

 private:
  static constexpr std::size_t kWays = 8;
  struct Entry {
    std::uint64_t hash = 0;  // 0 = empty
    std::uint32_t slot = kNoIndex;
    std::uint32_t age = 0;  // insertion count: the smallest in a set is the oldest
  };
  struct alignas(64) Set {
    std::array<Entry, kWays> entry;
  };
  const Set& set_of(std::uint64_t hash) const { return sets_[hash & (sets_.size() - 1)]; }
  Set& set_of(std::uint64_t hash) { return sets_[hash & (sets_.size() - 1)]; }

  std::vector<Set> sets_;  // a power of two of them
  std::uint64_t secret_;
  std::uint32_t inserted_ = 0;
};

}  // namespace dp
