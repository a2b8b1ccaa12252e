// Speck64/128 (Beaulieu et al., 2013): 27 rounds of add, rotate and exclusive-or on two 32-bit
// words.
#include "dataplane/spi_codec.h"

#include <bit>

#include "crypto/base/bytes.h"

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
  return {static_cast<std::uint8_t>(w.x >> 24), w.x & (kSlotsMax - 1), w.y};
}

}  // namespace dp
