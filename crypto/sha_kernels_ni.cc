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

#define SHA_NI_TARGET __attribute__((target("sha,sse4.1,ssse3"), noinline))
#define SHA_NI_INLINE __attribute__((target("sha,sse4.1,ssse3"), always_inline)) inline

namespace crypto {
namespace {

using Group = LaneGroup<64>;

struct State {
  __m128i abef;
  __m128i cdgh;
};

SHA_NI_INLINE __m128i load(const void* p) {
  __m128i v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
SHA_NI_INLINE void store(std::uint8_t* p, __m128i v) { std::memcpy(p, &v, sizeof v); }

SHA_NI_INLINE __m128i swap_words(__m128i v) {
  return _mm_shuffle_epi8(v, _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203));
}

SHA_NI_INLINE void load_words(const std::uint8_t* block, __m128i (&w)[4]) {
  for (int i = 0; i < 4; ++i) w[i] = swap_words(load(block + 16 * i));
}

// One block into each of N streams. `w` is consumed.
//
// The order of the steps is measured: word group i + 1 is finished between the two halves of round
// group i, and group i + 3 is begun after them. With the whole schedule of a group in front of its
// rounds, as the instruction set manual has it, three streams take 64 cycles a block instead of 58.
template <int N>
SHA_NI_INLINE void compress(State (&s)[N], __m128i (&w)[N][4]) {
  // Behind the barrier the compiler does not know the constants' address: otherwise it copies all
  // of them to the stack in front of every loop over blocks (10 ns of 72 per HMAC).
  const std::uint32_t* round = kSha256Round.data();
  asm("" : "+r"(round));
  State before[N];
#pragma GCC unroll 4
  for (int n = 0; n < N; ++n) before[n] = s[n];
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) {
    const __m128i k = load(round + 4 * i);
#pragma GCC unroll 4
    for (int n = 0; n < N; ++n) {
      const __m128i now = w[n][i & 3];
      __m128i& next = w[n][(i + 1) & 3];
      __m128i& last = w[n][(i + 3) & 3];
      const __m128i wk = _mm_add_epi32(now, k);
      s[n].cdgh = _mm_sha256rnds2_epu32(s[n].cdgh, s[n].abef, wk);
      if (i >= 3 && i < 15)
        next = _mm_sha256msg2_epu32(_mm_add_epi32(next, _mm_alignr_epi8(now, last, 4)), now);
      s[n].abef = _mm_sha256rnds2_epu32(s[n].abef, s[n].cdgh, _mm_shuffle_epi32(wk, 0x0e));
      if (i >= 1 && i < 13) last = _mm_sha256msg1_epu32(last, now);
    }
  }
#pragma GCC unroll 4
  for (int n = 0; n < N; ++n) {
    s[n].abef = _mm_add_epi32(s[n].abef, before[n].abef);
    s[n].cdgh = _mm_add_epi32(s[n].cdgh, before[n].cdgh);
  }
}

// The eight words in their natural order.
SHA_NI_INLINE void words_of(const State& s, __m128i& abcd, __m128i& efgh) {
  const __m128i t = _mm_shuffle_epi32(s.abef, 0x1b);
  const __m128i u = _mm_shuffle_epi32(s.cdgh, 0xb1);
  abcd = _mm_blend_epi16(t, u, 0xf0);
  efgh = _mm_alignr_epi8(u, t, 8);
}

SHA_NI_INLINE State start_state() {
  const auto& h = kSha256Start;
  const auto at = [](std::uint32_t v) { return static_cast<int>(v); };
  return {_mm_set_epi32(at(h[0]), at(h[1]), at(h[4]), at(h[5])),
          _mm_set_epi32(at(h[2]), at(h[3]), at(h[6]), at(h[7]))};
}

SHA_NI_INLINE State state_at(const std::uint8_t* p) { return {load(p), load(p + 16)}; }

// The words of one padded key.
SHA_NI_INLINE void key_words(Bytes key, __m128i (&w)[4]) {
  if (key.size() == 32) [[likely]] {  // SK_d, SKEYSEED, SK_p*: no copy
    w[0] = swap_words(load(key.data()));
    w[1] = swap_words(load(key.data() + 16));
    w[2] = w[3] = _mm_setzero_si128();
  } else {
    alignas(16) std::uint8_t padded[64];
    pad_key<Prf::hmac_sha256>(key, padded);
    load_words(padded, w);
    secure_zero(padded, sizeof padded);
  }
}

// One pad of N keys, to the octets of PrfKey from `offset` on.
template <int N>
SHA_NI_INLINE void prepare_pad(const PrfKeyLane* lanes, const __m128i (&key)[N][4],
                               std::uint8_t octet, std::size_t offset) {
  const __m128i pad = _mm_set1_epi8(static_cast<char>(octet));
  __m128i w[N][4];
  State s[N];
#pragma GCC unroll 4
  for (int n = 0; n < N; ++n) {
    for (int i = 0; i < 4; ++i) w[n][i] = _mm_xor_si128(key[n][i], pad);
    s[n] = start_state();
  }
  compress<N>(s, w);
#pragma GCC unroll 4
  for (int n = 0; n < N; ++n) {
    store(lanes[n].out->storage() + offset, s[n].abef);
    store(lanes[n].out->storage() + offset + 16, s[n].cdgh);
  }
}

// One key alone: its two pads are the two streams.
SHA_NI_TARGET void prepare_key(const PrfKeyLane& lane) {
  __m128i w[2][4];
  key_words(lane.key, w[0]);
  for (int i = 0; i < 4; ++i) {
    w[1][i] = _mm_xor_si128(w[0][i], _mm_set1_epi8(kOpad));
    w[0][i] = _mm_xor_si128(w[0][i], _mm_set1_epi8(kIpad));
  }
  State s[2] = {start_state(), start_state()};
  compress<2>(s, w);
  for (int n = 0; n < 2; ++n) {
    store(lane.out->storage() + 32 * n, s[n].abef);
    store(lane.out->storage() + 32 * n + 16, s[n].cdgh);
  }
}

template <int N>
SHA_NI_TARGET void prepare_keys(const PrfKeyLane* lanes) {
  __m128i key[N][4];
#pragma GCC unroll 4
  for (int n = 0; n < N; ++n) key_words(lanes[n].key, key[n]);
  prepare_pad<N>(lanes, key, kIpad, 0);
  prepare_pad<N>(lanes, key, kOpad, 32);
}

// How many of `left` lanes go next: threes, without leaving a single lane behind.
constexpr std::size_t take(std::size_t left) {
  return left == 4 ? 2 : std::min<std::size_t>(left, 3);
}

SHA_NI_TARGET void prepare(std::span<const PrfKeyLane> lanes) {
  while (!lanes.empty()) {
    const std::size_t count = take(lanes.size());
    if (count == 3) {
      prepare_keys<3>(lanes.data());
    } else if (count == 2) {
      prepare_keys<2>(lanes.data());
    } else {
      prepare_key(lanes[0]);
    }
    lanes = lanes.subspan(count);
  }
}

// The outer hash over the inner digests, and the result.
template <int N>
SHA_NI_INLINE void finish(const State (&inner)[N], const Group::Lane* const (&lanes)[N]) {
  __m128i w[N][4];
  State s[N];
#pragma GCC unroll 4
  for (int n = 0; n < N; ++n) {
    words_of(inner[n], w[n][0], w[n][1]);
    w[n][2] = _mm_set_epi32(0, 0, 0, static_cast<int>(0x80000000));
    w[n][3] = _mm_set_epi32((64 + 32) * 8, 0, 0, 0);
    s[n] = state_at(lanes[n]->mac->key->storage() + 32);
  }
  compress<N>(s, w);
#pragma GCC unroll 4
  for (int n = 0; n < N; ++n) {
    __m128i abcd;
    __m128i efgh;
    words_of(s[n], abcd, efgh);
    store(lanes[n]->mac->out, swap_words(abcd));
    store(lanes[n]->mac->out + 16, swap_words(efgh));
  }
}

// Lanes of one block count.
template <int N>
SHA_NI_TARGET void mac_equal(const Group::Lane* const (&lanes)[N]) {
  State s[N];
  __m128i w[N][4];
#pragma GCC unroll 4
  for (int n = 0; n < N; ++n) s[n] = state_at(lanes[n]->mac->key->storage());
  for (std::size_t i = 0; i < lanes[0]->count; ++i) {
#pragma GCC unroll 4
    for (int n = 0; n < N; ++n) load_words(lanes[n]->block(i), w[n]);
    compress<N>(s, w);
  }
  finish<N>(s, lanes);
}

// Any two lanes, the shorter one first; while the longer one goes on alone both streams work for
// it. A lane paired with itself is right: it is then computed twice.
SHA_NI_TARGET void mac_pair(const Group::Lane* const (&lanes)[2]) {
  const auto [a, b] = lanes;
  State s[2] = {state_at(a->mac->key->storage()), state_at(b->mac->key->storage())};
  __m128i w[2][4];
  State done = s[0];
  for (std::size_t i = 0; i < b->count; ++i) {
    load_words((i < a->count ? a : b)->block(i), w[0]);
    load_words(b->block(i), w[1]);
    compress<2>(s, w);
    if (i + 1 == a->count) done = s[0];
  }
  s[0] = done;
  finish<2>(s, lanes);
}

SHA_NI_TARGET void mac(std::span<const MacLane> lanes) {
  Group group;
  while (!lanes.empty()) {
    const std::size_t count = std::min(lanes.size(), kGroupLanes);
    group.load(lanes.first(count));
    const auto at = [&](std::size_t i) { return &group.lane(std::min(i, count - 1)); };
    for (std::size_t i = 0; i < count;) {
      if (take(count - i) == 3 && at(i)->count == at(i + 2)->count) [[likely]] {
        mac_equal<3>({at(i), at(i + 1), at(i + 2)});
        i += 3;
      } else {
        mac_pair({at(i), at(i + 1)});
        i += 2;
      }
    }
    lanes = lanes.subspan(count);
  }
}

}  // namespace

HmacKernel sha_ni_hmac() { return {"sha-ni x3", prepare, mac}; }

}  // namespace crypto
