// SPI codec: packs owner, slot and a random tag into 64 bits and whitens them, so that finding a
// session is arithmetic and one compare while the SPI on the wire reveals nothing.
//
//   plain = owner(8) | slot(24) | tag(32)        SPI = E_secret(plain)
//
// E is the 64-bit block cipher Speck64/128 under a secret drawn at start. It is whitening, not
// protection: what protects a session is its keys and the ICV. An SPI is never 0 (the tag is
// redrawn).
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "crypto/random.h"
#include "ike/ids.h"

namespace dp {

inline constexpr unsigned kWorkersMax = 255;
inline constexpr std::uint32_t kSlotsMax = 1u << 24;
inline constexpr std::uint8_t kControlPlaneOwner = 255;

struct SpiParts {
  std::uint8_t owner = 0;
  std::uint32_t slot = 0;
  std::uint32_t tag = 0;
  bool operator==(const SpiParts&) const = default;
};

class SpiCodec {
 public:
  explicit SpiCodec(const std::array<std::uint8_t, 16>& secret);
  ike::IkeSpi encode(const SpiParts& parts) const;
  SpiParts decode(ike::IkeSpi spi) const;
  // All of `spis` at once, side by side in vector registers: a few nanoseconds each instead of 25
  // to 45, because one decoding is a chain of 108 dependent operations. `out` has at least
  // spis.size() places.
  void decode(std::span<const ike::IkeSpi> spis, std::span<SpiParts> out) const;

 private:
  std::array<std::uint32_t, 27> round_keys_;
};

// SPIs of the control thread's own SAs have its owner octet and a mark in the upper half of the
// slot; 44 bits are random. The mark keeps what was drawn under another secret (by a gateway before
// its restart, or by a stranger) from looking like one more often than once in a million times.
constexpr bool is_control_spi(const SpiParts& parts) {
  return parts.owner == kControlPlaneOwner && parts.slot >> 12 == 0xc0d;
}
ike::IkeSpi control_spi(const SpiCodec& codec, crypto::Random& random);

}  // namespace dp
