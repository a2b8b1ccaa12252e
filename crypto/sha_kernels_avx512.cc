// SHA-384 and SHA-512 compression with AVX-512, eight lanes, one in each 64-bit element.
#ifndef __clang__
// g++ 12 warns about its own header: _mm512_undefined_epi32() is uninitialised on purpose.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>

#include "crypto/sha512_lanes.h"
#include "crypto/sha_kernels_list.h"

#define AVX512_TARGET __attribute__((target("avx512f,avx512bw")))
#define AVX512_INLINE __attribute__((target("avx512f,avx512bw"), always_inline)) inline

namespace crypto {
namespace {

constexpr int kXor3 = 0x96;
constexpr int kChoose = 0xca;
constexpr int kMajority = 0xe8;

AVX512_INLINE __m512i add(__m512i a, __m512i b) { return _mm512_add_epi64(a, b); }
AVX512_INLINE __m512i exor(__m512i a, __m512i b, __m512i c) {
  return _mm512_ternarylogic_epi64(a, b, c, kXor3);
}

// Eight rows of eight words become eight columns.
AVX512_INLINE void transpose(__m512i* r) {
  __m512i t[8];
  __m512i u[8];
  for (int i = 0; i < 8; i += 2) {
    t[i] = _mm512_unpacklo_epi64(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi64(r[i], r[i + 1]);
  }
  for (int i = 0; i < 8; i += 4) {
    u[i] = _mm512_shuffle_i64x2(t[i], t[i + 2], 0x88);
    u[i + 1] = _mm512_shuffle_i64x2(t[i + 1], t[i + 3], 0x88);
    u[i + 2] = _mm512_shuffle_i64x2(t[i], t[i + 2], 0xdd);
    u[i + 3] = _mm512_shuffle_i64x2(t[i + 1], t[i + 3], 0xdd);
  }
  for (int i = 0; i < 4; ++i) {
    r[i] = _mm512_shuffle_i64x2(u[i], u[i + 4], 0x88);
    r[i + 4] = _mm512_shuffle_i64x2(u[i], u[i + 4], 0xdd);
  }
}

AVX512_INLINE __m512i swap_words(__m512i v) {
  return _mm512_shuffle_epi8(v, _mm512_set4_epi32(0x08090a0b, 0x0c0d0e0f, 0x00010203, 0x04050607));
}

AVX512_INLINE void load_words(const std::uint8_t* const* blocks, __m512i (&w)[16]) {
  for (int half = 0; half < 2; ++half) {
    for (int n = 0; n < 8; ++n)
      w[8 * half + n] = swap_words(_mm512_loadu_si512(blocks[n] + 64 * half));
    transpose(w + 8 * half);
  }
}

// Word t + 16 of the schedule, in the place of word t.
AVX512_INLINE void extend(__m512i (&w)[16], int i) {
  const __m512i x = w[(i + 1) & 15];
  const __m512i y = w[(i + 14) & 15];
  const __m512i s0 = exor(_mm512_ror_epi64(x, 1), _mm512_ror_epi64(x, 8), _mm512_srli_epi64(x, 7));
  const __m512i s1 =
      exor(_mm512_ror_epi64(y, 19), _mm512_ror_epi64(y, 61), _mm512_srli_epi64(y, 6));
  w[i] = add(add(w[i], w[(i + 9) & 15]), add(s0, s1));
}

// One round; the names of the eight words rotate through `s` instead of their contents.
AVX512_INLINE void round(__m512i (&s)[8], int i, __m512i wk) {
  const __m512i a = s[(0 - i) & 7];
  const __m512i b = s[(1 - i) & 7];
  const __m512i c = s[(2 - i) & 7];
  __m512i& d = s[(3 - i) & 7];
  const __m512i e = s[(4 - i) & 7];
  const __m512i f = s[(5 - i) & 7];
  const __m512i g = s[(6 - i) & 7];
  __m512i& h = s[(7 - i) & 7];
  const __m512i sum1 =
      exor(_mm512_ror_epi64(e, 14), _mm512_ror_epi64(e, 18), _mm512_ror_epi64(e, 41));
  const __m512i t1 = add(add(h, wk), add(sum1, _mm512_ternarylogic_epi64(e, f, g, kChoose)));
  const __m512i sum0 =
      exor(_mm512_ror_epi64(a, 28), _mm512_ror_epi64(a, 34), _mm512_ror_epi64(a, 39));
  d = add(d, t1);
  h = add(t1, add(sum0, _mm512_ternarylogic_epi64(a, b, c, kMajority)));
}

// All rounds of one block in each lane. `w` is consumed.
AVX512_INLINE void rounds(__m512i (&s)[8], __m512i (&w)[16]) {
  __m512i before[8];
  std::copy_n(s, 8, before);
  const std::uint64_t* k = kSha512Round.data();
  for (int t = 0; t < 80; t += 16, k += 16) {
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) {
      round(s, i, add(w[i], _mm512_set1_epi64(static_cast<long long>(k[i]))));
      if (t < 64) extend(w, i);
    }
  }
  for (int i = 0; i < 8; ++i) s[i] = add(s[i], before[i]);
}

struct Avx512 {
  static constexpr std::size_t kWidth = 8;

  AVX512_TARGET static void compress(Sha512State* states, const std::uint8_t* const* blocks,
                                     std::size_t count) {
    __m512i s[8];
    for (int n = 0; n < 8; ++n) s[n] = _mm512_loadu_si512(states[n].data());
    transpose(s);
    for (std::size_t b = 0; b < count; ++b) {
      __m512i w[16];
      load_words(blocks + b * kWidth, w);
      rounds(s, w);
    }
    transpose(s);
    for (int n = 0; n < 8; ++n) _mm512_storeu_si512(states[n].data(), s[n]);
  }

  // From the key's states to the output; the inner digest is already in the columns that the outer
  // hash wants.
  template <int kWords>
  AVX512_TARGET static void mac_equal(const EqualMacs<kWidth>& macs) {
    __m512i s[8];
    __m512i w[16];
    for (std::size_t n = 0; n < 8; ++n) s[n] = _mm512_loadu_si512(macs.keys[n]);
    transpose(s);
    for (std::size_t b = 0; b < macs.count; ++b) {
      load_words(macs.blocks + b * kWidth, w);
      rounds(s, w);
    }
    for (int i = 0; i < 15; ++i) w[i] = i < kWords ? s[i & 7] : _mm512_setzero_si512();
    w[kWords] = _mm512_set1_epi64(static_cast<long long>(std::uint64_t{1} << 63));
    w[15] = _mm512_set1_epi64((128 + 8 * kWords) * 8);
    for (std::size_t n = 0; n < 8; ++n) s[n] = _mm512_loadu_si512(macs.keys[n] + 64);
    transpose(s);
    rounds(s, w);
    transpose(s);
    for (std::size_t n = 0; n < 8; ++n) {
      const __m512i words = swap_words(s[n]);
      std::memcpy(macs.outs[n], &words, 8 * kWords);
    }
  }
};

using Kernel = Sha512Hmac<Avx512>;

}  // namespace

HmacKernel sha512_avx512_hmac(Prf alg) {
  if (alg == Prf::hmac_sha384)
    return {"avx512 x8", Kernel::prepare<Prf::hmac_sha384>, Kernel::mac<Prf::hmac_sha384>};
  return {"avx512 x8", Kernel::prepare<Prf::hmac_sha512>, Kernel::mac<Prf::hmac_sha512>};
}

}  // namespace crypto
