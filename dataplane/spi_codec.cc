// Speck64/128 (Beaulieu et al., 2013): 27 rounds of add, rotate and exclusive-or on two 32-bit
// words.
#include "dataplane/spi_codec.h"

#include <algorithm>
#include <bit>

#include "crypto/base/bytes.h"
#include "crypto/base/error.h"

namespace dp {
namespace {

struct Words {
  std::uint32_t x, y;
};

inline Words round(Words w, std::uint32_t key) {
  w.x = (std::rotr(w.x, 8) + w.y) ^ key;
  w.y = std::rotl(w.y, 3) ^ w.x;
  return w;
}

inline Words round_back(Words w, std::uint32_t key) {
  w.y = std::rotr(w.y ^ w.x, 3);
  w.x = std::rotl((w.x ^ key) - w.y, 8);
  return w;
}

// The same on eight blocks a vector; two vectors hide each other's latency.
using Vector [[gnu::vector_size(32)]] = std::uint32_t;
constexpr std::size_t kLanes = 8;
constexpr std::size_t kVectors = 2;
constexpr std::size_t kWide = kLanes * kVectors;

inline void round_back(Vector& x, Vector& y, std::uint32_t key) {
  y ^= x;
  y = y >> 3 | y << 29;
  x = (x ^ key) - y;
  x = x << 8 | x >> 24;
}

inline SpiParts parts_of(Words w) {
  return {static_cast<std::uint8_t>(w.x >> 24), w.x & (kSlotsMax - 1), w.y};
}

}  // namespace

// Key words are big-endian in the secret, the highest first, as the paper prints its test vector.
SpiCodec::SpiCodec(const std::array<std::uint8_t, 16>& secret) {
  std::uint32_t k = crypto::load_be32(secret.data() + 12);
  std::uint32_t l[3] = {crypto::load_be32(secret.data() + 8), crypto::load_be32(secret.data() + 4),
                        crypto::load_be32(secret.data())};
  for (std::uint32_t i = 0; i < round_keys_.size(); ++i) {
    round_keys_[i] = k;
    const Words next = round({l[i % 3], k}, i);
    l[i % 3] = next.x;
    k = next.y;
  }
}

ike::IkeSpi SpiCodec::encode(const SpiParts& parts) const {
  Words w{std::uint32_t{parts.owner} << 24 | (parts.slot & (kSlotsMax - 1)), parts.tag};
  for (const std::uint32_t key : round_keys_) w = round(w, key);
  return ike::IkeSpi(std::uint64_t{w.x} << 32 | w.y);
}

SpiParts SpiCodec::decode(ike::IkeSpi spi) const {
  Words w{static_cast<std::uint32_t>(spi.value() >> 32), static_cast<std::uint32_t>(spi.value())};
  for (std::size_t i = round_keys_.size(); i-- > 0;) w = round_back(w, round_keys_[i]);
  return parts_of(w);
}

ike::IkeSpi control_spi(const SpiCodec& codec, crypto::Random& random) {
  ike::IkeSpi spi;
  while (spi.value() == 0) {
    const std::uint32_t slot = 0xc0du << 12 | (random.u32() & 0xfff);
    spi = codec.encode({kControlPlaneOwner, slot, random.u32()});
  }
  return spi;
}

void SpiCodec::decode(std::span<const ike::IkeSpi> spis, std::span<SpiParts> out) const {
  CHECK(out.size() >= spis.size());
  for (std::size_t begin = 0; begin < spis.size(); begin += kWide) {
    const std::size_t count = std::min(spis.size() - begin, kWide);
    Vector x[kVectors] = {};
    Vector y[kVectors] = {};
    for (std::size_t i = 0; i < count; ++i) {
      x[i / kLanes][i % kLanes] = static_cast<std::uint32_t>(spis[begin + i].value() >> 32);
      y[i / kLanes][i % kLanes] = static_cast<std::uint32_t>(spis[begin + i].value());
    }
    for (std::size_t r = round_keys_.size(); r-- > 0;)
      for (std::size_t v = 0; v < kVectors; ++v) round_back(x[v], y[v], round_keys_[r]);
    for (std::size_t i = 0; i < count; ++i)
      out[begin + i] = parts_of({x[i / kLanes][i % kLanes], y[i / kLanes][i % kLanes]});
  }
}

}  // namespace dp
