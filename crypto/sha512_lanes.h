// HMAC-SHA-384 and -512 over W lanes around one vector compression; AVX2 and AVX-512 share it.
//
// PrfKey: eight native words of the inner state, then eight of the outer state.
#pragma once

#include <algorithm>
#include <array>

#include "crypto/sha_lanes.h"

namespace crypto {

using Sha512State = std::array<std::uint64_t, 8>;

// The HMACs of W messages of one block count. Block b of lane n is blocks[b * W + n].
template <std::size_t W>
struct EqualMacs {
  std::array<const std::uint8_t*, W> keys;  // storage of PrfKey
  std::array<std::uint8_t*, W> outs;
  const std::uint8_t* const* blocks;
  std::size_t count;
};

// What a kernel file supplies; W = kWidth.
template <class K>
concept Sha512Vector = requires(Sha512State* states, const std::uint8_t* const* blocks,
                                std::size_t count, const EqualMacs<K::kWidth>& macs) {
  K::compress(states, blocks, count);  // `count` blocks into each of W states
  K::template mac_equal<6>(macs);      // an output of six words (SHA-384)
  K::template mac_equal<8>(macs);      // of eight
};

template <Sha512Vector K>
class Sha512Hmac {
 public:
  static constexpr std::size_t W = K::kWidth;

  template <Prf alg>
  static void prepare(std::span<const PrfKeyLane> lanes) {
    constexpr std::size_t kKeys = W / 2;
    alignas(64) std::uint8_t pads[W][kHashBlockMax];
    alignas(64) std::array<Sha512State, W> states;
    std::array<const std::uint8_t*, W> blocks;
    for (std::size_t n = 0; n < W; ++n) blocks[n] = pads[n];
    for (std::size_t at = 0; at < lanes.size(); at += kKeys) {
      const std::size_t count = std::min(kKeys, lanes.size() - at);
      for (std::size_t n = 0; n < kKeys; ++n)
        make_pads<alg>(lanes[at + std::min(n, count - 1)].key, pads[2 * n], pads[2 * n + 1]);
      states.fill(alg == Prf::hmac_sha384 ? kSha384Start : kSha512Start);
      K::compress(states.data(), blocks.data(), 1);
      for (std::size_t n = 0; n < count; ++n)
        std::memcpy(lanes[at + n].out->storage(), &states[2 * n], 2 * sizeof(Sha512State));
    }
    secure_zero(pads, sizeof pads);
    secure_zero(states.data(), sizeof states);
  }

  template <Prf alg>
  static void mac(std::span<const MacLane> lanes) {
    Group group;
    while (!lanes.empty()) {
      const std::size_t count = std::min(lanes.size(), kGroupLanes);
      group.load(lanes.first(count));
      for (std::size_t at = 0; at < count; at += W) {
        // Places that are left over repeat the last lane; their answers are thrown away.
        Places places;
        for (std::size_t n = 0; n < W; ++n) places[n] = &group.lane(std::min(at + n, count - 1));
        const std::size_t used = std::min(W, count - at);
        if (places[0]->count == places[W - 1]->count && places[0]->count <= kRunMax) [[likely]] {
          equal<alg>(places, used);
        } else {
          unequal<alg>(places, used);
        }
      }
      lanes = lanes.subspan(count);
    }
  }

 private:
  using Group = LaneGroup<kHashBlockMax>;
  using Lane = Group::Lane;
  using Places = std::array<const Lane*, W>;
  static constexpr std::size_t kRunMax = 8;  // blocks

  template <Prf alg>
  static void make_pads(Bytes key, std::uint8_t* inner_pad, std::uint8_t* outer_pad) {
    pad_key<alg>(key, inner_pad);
    for (std::size_t i = 0; i < kHashBlockMax; ++i) {
      outer_pad[i] = static_cast<std::uint8_t>(inner_pad[i] ^ kOpad);
      inner_pad[i] = static_cast<std::uint8_t>(inner_pad[i] ^ kIpad);
    }
  }

  template <Prf alg>
  static void equal(const Places& places, std::size_t used) {
    std::array<const std::uint8_t*, kRunMax * W> blocks;
    std::uint8_t thrown_away[kPrfLenMax];
    EqualMacs<W> macs;
    macs.blocks = blocks.data();
    macs.count = places[0]->count;
    for (std::size_t n = 0; n < W; ++n) {
      macs.keys[n] = places[n]->mac->key->storage();
      macs.outs[n] = n < used ? places[n]->mac->out : thrown_away;
      for (std::size_t b = 0; b < macs.count; ++b) blocks[b * W + n] = places[n]->block(b);
    }
    K::template mac_equal<prf_len(alg) / 8>(macs);
    secure_zero(thrown_away, sizeof thrown_away);
  }

  // Lanes are ordered by length. Those that have ended ride along with a block nobody asks for.
  template <Prf alg>
  static void unequal(const Places& places, std::size_t used) {
    alignas(64) std::array<Sha512State, W> states;
    alignas(64) std::array<Sha512State, W> digests;
    for (std::size_t n = 0; n < W; ++n)
      std::memcpy(&states[n], places[n]->mac->key->storage(), sizeof states[n]);
    std::array<const std::uint8_t*, kRunMax * W> blocks;
    std::size_t done = 0;
    for (std::size_t first = 0; first < W;) {
      const std::size_t count = std::min<std::size_t>(places[first]->count - done, kRunMax);
      for (std::size_t b = 0; b < count; ++b)
        for (std::size_t n = 0; n < W; ++n)
          blocks[b * W + n] = n < first ? places[n]->tail : places[n]->block(done + b);
      K::compress(states.data(), blocks.data(), count);
      done += count;
      for (; first < W && places[first]->count == done; ++first) digests[first] = states[first];
    }
    outer<alg>(places, digests, used);
    secure_zero(digests.data(), sizeof digests);
  }

  template <Prf alg>
  static void outer(const Places& places, const std::array<Sha512State, W>& digests,
                    std::size_t used) {
    constexpr std::size_t kWords = prf_len(alg) / 8;
    alignas(64) std::uint8_t texts[W][kHashBlockMax];
    alignas(64) std::array<Sha512State, W> states;
    std::array<const std::uint8_t*, W> blocks;
    for (std::size_t n = 0; n < W; ++n) {
      zero_chunks<kHashBlockMax>(texts[n]);
      for (std::size_t i = 0; i < kWords; ++i) store_be64(texts[n] + 8 * i, digests[n][i]);
      texts[n][prf_len(alg)] = 0x80;
      store_be64(texts[n] + kHashBlockMax - 8, (kHashBlockMax + prf_len(alg)) * 8);
      blocks[n] = texts[n];
      std::memcpy(&states[n], places[n]->mac->key->storage() + sizeof states[n], sizeof states[n]);
    }
    K::compress(states.data(), blocks.data(), 1);
    for (std::size_t n = 0; n < used; ++n)
      for (std::size_t i = 0; i < kWords; ++i)
        store_be64(places[n]->mac->out + 8 * i, states[n][i]);
  }
};

}  // namespace crypto
