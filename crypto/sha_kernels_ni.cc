// HMAC-SHA-256 with SHA-NI, two streams interleaved.
//
// One stream waits: sha256rnds2 takes four cycles and the next one needs its result, while the unit
// can start one every two. Two streams fill it (about 65 cycles a block on Zen 3 and Zen 4; 16
// lanes of AVX-512 are slower). From key state to digest a pair stays in registers.
//
// PrfKey: inner ABEF, inner CDGH, outer ABEF, outer CDGH, the order that sha256rnds2 wants.
#include <immintrin.h>

#include "crypto/sha_kernels_list.h"
#include "crypto/sha_lanes.h"

#define SHA_NI_TARGET __attribute__((target("sha,sse4.1,ssse3")))

namespace crypto {
namespace {

using Group = LaneGroup<64>;

struct State {
  __m128i abef;
  __m128i cdgh;
};

SHA_NI_TARGET inline __m128i load(const std::uint8_t* p) {
  __m128i v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
SHA_NI_TARGET inline void store(std::uint8_t* p, __m128i v) { std::memcpy(p, &v, sizeof v); }

SHA_NI_TARGET inline __m128i swap_words(__m128i v) {
  return _mm_shuffle_epi8(v, _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203));
}

SHA_NI_TARGET inline void load_words(const std::uint8_t* block, __m128i (&w)[4]) {
  for (int i = 0; i < 4; ++i) w[i] = swap_words(load(block + 16 * i));
}

// One block into each of two streams. `w` is consumed.
SHA_NI_TARGET __attribute__((always_inline)) inline void compress(State (&s)[2],
                                                                  __m128i (&w)[2][4]) {
  const State before[2] = {s[0], s[1]};
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) {
    const __m128i k =
        _mm_load_si128(static_cast<const __m128i*>(static_cast<const void*>(&kSha256Round[0])) + i);
#pragma GCC unroll 2
    for (int n = 0; n < 2; ++n) {
      __m128i& now = w[n][i & 3];
      if (i >= 4) {
        const __m128i last = w[n][(i + 3) & 3];
        __m128i x = _mm_sha256msg1_epu32(now, w[n][(i + 1) & 3]);
        x = _mm_add_epi32(x, _mm_alignr_epi8(last, w[n][(i + 2) & 3], 4));
        now = _mm_sha256msg2_epu32(x, last);
      }
      const __m128i wk = _mm_add_epi32(now, k);
      s[n].cdgh = _mm_sha256rnds2_epu32(s[n].cdgh, s[n].abef, wk);
      s[n].abef = _mm_sha256rnds2_epu32(s[n].abef, s[n].cdgh, _mm_shuffle_epi32(wk, 0x0e));
    }
  }
  for (int n = 0; n < 2; ++n) {
    s[n].abef = _mm_add_epi32(s[n].abef, before[n].abef);
    s[n].cdgh = _mm_add_epi32(s[n].cdgh, before[n].cdgh);
  }
}

// The eight words in their natural order.
SHA_NI_TARGET inline void words_of(const State& s, __m128i& abcd, __m128i& efgh) {
  const __m128i t = _mm_shuffle_epi32(s.abef, 0x1b);
  const __m128i u = _mm_shuffle_epi32(s.cdgh, 0xb1);
  abcd = _mm_blend_epi16(t, u, 0xf0);
  efgh = _mm_alignr_epi8(u, t, 8);
}

SHA_NI_TARGET inline State start_state() {
  const auto& h = kSha256Start;
  const auto at = [](std::uint32_t v) { return static_cast<int>(v); };
  return {_mm_set_epi32(at(h[0]), at(h[1]), at(h[4]), at(h[5])),
          _mm_set_epi32(at(h[2]), at(h[3]), at(h[6]), at(h[7]))};
}

SHA_NI_TARGET inline State state_at(const std::uint8_t* p) { return {load(p), load(p + 16)}; }

// Both states of one key: the two streams are the inner and the outer pad.
SHA_NI_TARGET void prepare(std::span<const PrfKeyLane> lanes) {
  const __m128i ipad = _mm_set1_epi8(kIpad);
  const __m128i opad = _mm_set1_epi8(kOpad);
  alignas(16) std::uint8_t padded[64];
  for (const PrfKeyLane& lane : lanes) {
    __m128i w[2][4];
    const bool short_key = lane.key.size() == 32;  // SK_d, SKEYSEED, SK_p*: no copy
    if (!short_key) pad_key(Prf::hmac_sha256, lane.key, padded);
    const std::uint8_t* key = short_key ? lane.key.data() : padded;
    for (int i = 0; i < 4; ++i) {
      const __m128i k = i < 2 || !short_key ? swap_words(load(key + 16 * i)) : _mm_setzero_si128();
      w[0][i] = _mm_xor_si128(k, ipad);
      w[1][i] = _mm_xor_si128(k, opad);
    }
    State s[2] = {start_state(), start_state()};
    compress(s, w);
    std::uint8_t* out = lane.out->storage();
    store(out, s[0].abef);
    store(out + 16, s[0].cdgh);
    store(out + 32, s[1].abef);
    store(out + 48, s[1].cdgh);
  }
  secure_zero(padded, sizeof padded);
}

// The outer hash of both streams over the inner digests, and the result.
SHA_NI_TARGET __attribute__((always_inline)) inline void finish(const State (&inner)[2],
                                                                const Group::Lane& a,
                                                                const Group::Lane& b) {
  __m128i w[2][4];
  for (int n = 0; n < 2; ++n) {
    words_of(inner[n], w[n][0], w[n][1]);
    w[n][2] = _mm_set_epi32(0, 0, 0, static_cast<int>(0x80000000));
    w[n][3] = _mm_set_epi32((64 + 32) * 8, 0, 0, 0);
  }
  State s[2] = {state_at(a.mac->key->storage() + 32), state_at(b.mac->key->storage() + 32)};
  compress(s, w);
  const Group::Lane* const lanes[2] = {&a, &b};
  for (int n = 0; n < 2; ++n) {
    __m128i abcd;
    __m128i efgh;
    words_of(s[n], abcd, efgh);
    store(lanes[n]->mac->out, swap_words(abcd));
    store(lanes[n]->mac->out + 16, swap_words(efgh));
  }
}

// Needs a.count <= b.count. A lane paired with itself is right: it is then computed twice.
SHA_NI_TARGET void mac_pair(const Group::Lane& a, const Group::Lane& b) {
  State s[2] = {state_at(a.mac->key->storage()), state_at(b.mac->key->storage())};
  __m128i w[2][4];
  for (std::size_t i = 0; i < a.count; ++i) {
    load_words(Group::block(a, i), w[0]);
    load_words(Group::block(b, i), w[1]);
    compress(s, w);
  }
  if (a.count != b.count) [[unlikely]] {
    const State done = s[0];
    for (std::size_t i = a.count; i < b.count; ++i) {
      load_words(Group::block(b, i), w[0]);
      load_words(Group::block(b, i), w[1]);
      compress(s, w);
    }
    s[0] = done;
  }
  finish(s, a, b);
}

SHA_NI_TARGET void mac(std::span<const MacLane> lanes) {
  Group group;
  while (!lanes.empty()) {
    const std::size_t count = std::min(lanes.size(), kGroupLanes);
    group.load(lanes.first(count));
    std::size_t i = 0;
    for (; i + 2 <= count; i += 2) mac_pair(group.lanes[i], group.lanes[i + 1]);
    if (i < count) mac_pair(group.lanes[i], group.lanes[i]);
    lanes = lanes.subspan(count);
  }
  secure_zero(group.tails, sizeof group.tails);
}

}  // namespace

HmacKernel sha_ni_hmac() { return {"sha-ni x2", prepare, mac}; }

}  // namespace crypto
