// prf+ of RFC 7296 §2.13 over lanes: T1 = prf(K, S | 1), Tn = prf(K, Tn-1 | S | n).
//
// Every round of all lanes is one batch of HMACs. The caller owns the work memory, so nothing is
// allocated. Any thread; uses the caller's engine.
#pragma once

#include "crypto/engine.h"

namespace crypto {

inline constexpr std::size_t kPrfPlusSeedMax = 256 + 256 + 16;  // Ni | Nr | SPIi | SPIr
inline constexpr std::size_t kPrfPlusRoundsMax = 255;
inline constexpr std::size_t kPrfPlusLanesMax = 64;

// `work` layout: kPrfLenMax octets of head-room, then the seed S (written by the caller), then one
// octet of room for the counter. Use seed_of() to find the place of S.
struct PrfPlusLane {
  const PrfKey* key = nullptr;
  std::uint8_t* work = nullptr;
  std::size_t seed_len = 0;
  MutBytes out;  // any length up to 255 * prf_len; receives exactly that many octets
};
inline constexpr std::size_t kPrfPlusWorkLen = kPrfLenMax + kPrfPlusSeedMax + 1;
inline std::uint8_t* seed_of(std::uint8_t* work) { return work + kPrfLenMax; }

// At most kPrfPlusLanesMax lanes. Lanes may have different output lengths.
void prf_plus(Engine& engine, Prf alg, std::span<const PrfPlusLane> lanes);

// The scalar convenience for cold code and tests: prf(key, message) and prf+(key, seed). The seed
// may hold the secrets of several key exchanges beside the nonces and has at most
// kPrfPlusOnceSeedMax octets.
inline constexpr std::size_t kPrfPlusOnceSeedMax = 5120;
void prf_once(Engine& engine, Prf alg, Bytes key, Bytes message, std::uint8_t* out);
void prf_plus_once(Engine& engine, Prf alg, Bytes key, Bytes seed, MutBytes out);

}  // namespace crypto
