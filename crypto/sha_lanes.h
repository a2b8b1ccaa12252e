// What all HMAC kernels share: constants, key padding, message padding and the order of lanes.
#pragma once

#include <algorithm>
#include <array>

#include "crypto/base/secret.h"
#include "crypto/engine.h"

namespace crypto {

// FIPS 180-4: the fractional parts of the cube roots of the first primes.
alignas(64) extern const std::array<std::uint32_t, 64> kSha256Round;
alignas(64) extern const std::array<std::uint64_t, 80> kSha512Round;
inline constexpr std::array<std::uint32_t, 8> kSha256Start = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
inline constexpr std::array<std::uint64_t, 8> kSha384Start = {
    0xcbbb9d5dc1059ed8, 0x629a292a367cd507, 0x9159015a3070dd17, 0x152fecd8f70e5939,
    0x67332667ffc00b31, 0x8eb44a8768581511, 0xdb0c2e0d64f98fa7, 0x47b5481dbefa4fa4};
inline constexpr std::array<std::uint64_t, 8> kSha512Start = {
    0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
    0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};

constexpr std::size_t hash_block_len(Prf alg) { return alg == Prf::hmac_sha256 ? 64 : 128; }
inline constexpr std::size_t kHashBlockMax = 128;
inline constexpr std::uint8_t kIpad = 0x36;
inline constexpr std::uint8_t kOpad = 0x5c;

// SHA-256, SHA-384 or SHA-512 of one message, scalar. For HMAC keys that are longer than a block.
void hash_portable(Prf alg, Bytes message, std::uint8_t* out);

// memset and memcpy of a few blocks, spelled out: for these g++ writes rep stos and a loop of eight
// octets, which cost more than a compression's worth of time per HMAC (20 ns of 90, measured).
using Chunk = std::uint8_t __attribute__((vector_size(32)));
template <std::size_t kLen>
[[gnu::always_inline]] inline void zero_chunks(std::uint8_t* to) {
  const Chunk zero{};
#pragma GCC unroll 8
  for (std::size_t i = 0; i < kLen; i += sizeof zero) {
    std::memcpy(to + i, &zero, sizeof zero);
    asm volatile("" : : : "memory");  // or the loop becomes a memset again
  }
}
template <class T>
[[gnu::always_inline]] inline void copy_ends(std::uint8_t* to, const std::uint8_t* from,
                                             std::size_t len) {
  T first;
  T last;
  std::memcpy(&first, from, sizeof first);
  std::memcpy(&last, from + len - sizeof last, sizeof last);
  std::memcpy(to, &first, sizeof first);
  std::memcpy(to + len - sizeof last, &last, sizeof last);
}
// len < kHashBlockMax. Two overlapping pieces instead of a loop.
[[gnu::always_inline]] inline void copy_rest(std::uint8_t* to, const std::uint8_t* from,
                                             std::size_t len) {
  struct Half {
    Chunk a, b;
  };
  using Quarter = std::uint8_t __attribute__((vector_size(16)));
  if (len >= sizeof(Half)) return copy_ends<Half>(to, from, len);
  if (len >= sizeof(Chunk)) return copy_ends<Chunk>(to, from, len);
  if (len >= sizeof(Quarter)) return copy_ends<Quarter>(to, from, len);
  if (len >= 8) return copy_ends<std::uint64_t>(to, from, len);
  if (len >= 4) return copy_ends<std::uint32_t>(to, from, len);
  for (std::size_t i = 0; i < len; ++i) to[i] = from[i];
}

// The HMAC key of one block: `key` followed by zeroes, or its hash when it is longer.
template <Prf alg>
inline void pad_key(Bytes key, std::uint8_t* block) {
  zero_chunks<hash_block_len(alg)>(block);
  if (key.size() > hash_block_len(alg)) [[unlikely]] {
    hash_portable(alg, key, block);
  } else if (key.size() == hash_block_len(alg)) [[unlikely]] {
    std::memcpy(block, key.data(), hash_block_len(alg));
  } else {
    copy_rest(block, key.data(), key.size());
  }
}

// Lanes are padded in groups: the copies of a whole group are made before the first of them is
// hashed, so that no load waits for a store that has just been made.
inline constexpr std::size_t kGroupLanes = 24;

// A group of messages ready to be hashed. Whole blocks stay where they are; the rest, the 0x80 and
// the bit length (which counts the block of the key) lie in `tails`.
template <std::size_t kBlock>
class LaneGroup {
 public:
  struct Lane {
    const MacLane* mac;
    std::uint32_t whole;  // blocks in the message itself
    std::uint32_t count;  // blocks with the tail
    const std::uint8_t* tail;
    // Block b of the padded message.
    const std::uint8_t* block(std::size_t b) const {
      return b < whole ? mac->message.data() + b * kBlock : tail + (b - whole) * kBlock;
    }
  };

  ~LaneGroup() { secure_zero(tails_, used_ * sizeof tails_[0]); }

  // Takes up to kGroupLanes lanes and orders them by block count, so that neighbours end together.
  void load(std::span<const MacLane> macs) {
    used_ = std::max(used_, macs.size());
    bool ordered = true;
    std::uint32_t before = 0;
    for (std::size_t i = 0; i < macs.size(); ++i) {
      lanes_[i] = pad(macs[i], tails_[i]);
      ordered = ordered && before <= lanes_[i].count;
      before = lanes_[i].count;
    }
    if (ordered) [[likely]]
      return;
    for (std::size_t i = 1; i < macs.size(); ++i)
      for (std::size_t j = i; j > 0 && lanes_[j - 1].count > lanes_[j].count; --j)
        std::swap(lanes_[j - 1], lanes_[j]);
  }
  const Lane& lane(std::size_t i) const { return lanes_[i]; }

 private:
  static constexpr std::size_t kLengthField = kBlock / 8;

  [[gnu::always_inline]] static Lane pad(const MacLane& mac, std::uint8_t* tail) {
    const std::size_t len = mac.message.size();
    const std::size_t rest = len % kBlock;
    const std::size_t tail_blocks = rest + 1 + kLengthField > kBlock ? 2 : 1;
    zero_chunks<2 * kBlock>(tail);
    copy_rest(tail, mac.message.data() + (len - rest), rest);
    tail[rest] = 0x80;
    store_be64(tail + tail_blocks * kBlock - 8, (std::uint64_t{len} + kBlock) * 8);
    return {&mac, static_cast<std::uint32_t>(len / kBlock),
            static_cast<std::uint32_t>(len / kBlock + tail_blocks), tail};
  }

  std::size_t used_ = 0;
  std::array<Lane, kGroupLanes> lanes_;
  alignas(64) std::uint8_t tails_[kGroupLanes][2 * kBlock];
};

}  // namespace crypto
