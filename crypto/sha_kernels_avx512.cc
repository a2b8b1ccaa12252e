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

constexpr std::size_t kWidth = 8;
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

AVX512_INLINE void load_words(const std::uint8_t* const* blocks, __m512i (&w)[16]) {
  const __m512i swap = _mm512_set4_epi32(0x08090a0b, 0x0c0d0e0f, 0x00010203, 0x04050607);
  for (int half = 0; half < 2; ++half) {
    for (int n = 0; n < 8; ++n)
      w[8 * half + n] = _mm512_shuffle_epi8(_mm512_loadu_si512(blocks[n] + 64 * half), swap);
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

AVX512_TARGET void compress(Sha512State* states, const std::uint8_t* const* blocks,
                            std::size_t count) {
  __m512i s[8];
  for (int n = 0; n < 8; ++n) s[n] = _mm512_loadu_si512(states[n].data());
  transpose(s);
  for (std::size_t block = 0; block < count; ++block) {
    __m512i w[16];
    load_words(blocks + block * kWidth, w);
    __m512i before[8];
    std::copy_n(s, 8, before);
    for (int t = 0; t < 80; t += 16) {
      const auto* k = kSha512Round.data() + t;
#pragma GCC unroll 16
      for (int i = 0; i < 16; ++i) {
        round(s, i, add(w[i], _mm512_set1_epi64(static_cast<long long>(k[i]))));
        if (t < 64) extend(w, i);
      }
    }
    for (int i = 0; i < 8; ++i) s[i] = add(s[i], before[i]);
  }
  transpose(s);
  for (int n = 0; n < 8; ++n) _mm512_storeu_si512(states[n].data(), s[n]);
}

using Kernel = Sha512Hmac<kWidth, compress>;

}  // namespace

HmacKernel sha512_avx512_hmac(Prf alg) {
  if (alg == Prf::hmac_sha384)
    return {"avx512 x8", Kernel::prepare<Prf::hmac_sha384>, Kernel::mac<Prf::hmac_sha384>};
  return {"avx512 x8", Kernel::prepare<Prf::hmac_sha512>, Kernel::mac<Prf::hmac_sha512>};
}

}  // namespace crypto
