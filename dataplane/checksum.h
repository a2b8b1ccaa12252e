// Ones' complement sums of RFC 1071: IPv4 headers, and what stands behind a pseudo-header.
//
// A sum is kept in the machine's order, started with 0. What each packet needs is inline. Any
// thread.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "crypto/base/bytes.h"

namespace dp {

// A word in the machine's order.
template <class Word>
std::uint64_t load_word(const std::uint8_t* p) {
  Word word;
  std::memcpy(&word, p, sizeof word);
  return word;
}
// A word as the sum of its 32-bit parts: those need no carry in 64 bits for 2^32 of them.
inline std::uint64_t halves(std::uint64_t word) { return (word & 0xffffffffu) + (word >> 32); }

// Only the last piece added may have an odd length. A sum over octets that hold their own correct
// checksum folds to 0.
std::uint64_t checksum_add(std::uint64_t sum, crypto::Bytes octets);

// The 16-bit checksum, to be stored with store_be16.
inline std::uint16_t checksum_fold(std::uint64_t sum) {
  static_assert(std::endian::native == std::endian::little, "the sum has swapped octets");
  sum = halves(sum);
  sum = halves(sum);
  sum = (sum & 0xffffu) + (sum >> 16);
  sum = (sum & 0xffffu) + (sum >> 16);
  return __builtin_bswap16(static_cast<std::uint16_t>(~sum));
}

// Of the 20 octets of an IPv4 header without options, the checksum field taken as it stands.
inline std::uint16_t ip4_header_checksum(const std::uint8_t* header) {
  return checksum_fold(halves(load_word<std::uint64_t>(header)) +
                       halves(load_word<std::uint64_t>(header + 8)) +
                       load_word<std::uint32_t>(header + 16));
}

}  // namespace dp
