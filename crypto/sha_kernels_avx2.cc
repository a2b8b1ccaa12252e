// SHA-384 and SHA-512 compression with AVX2, four lanes, one in each 64-bit element.
#include <immintrin.h>

#include "crypto/sha512_lanes.h"
#include "crypto/sha_kernels_list.h"

#define AVX2_TARGET __attribute__((target("avx2")))
#define AVX2_INLINE __attribute__((target("avx2"), always_inline)) inline

namespace crypto {
namespace {

AVX2_INLINE __m256i load(const void* p) {
  __m256i v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
AVX2_INLINE void store(void* p, __m256i v) { std::memcpy(p, &v, sizeof v); }
AVX2_INLINE __m256i add(__m256i a, __m256i b) { return _mm256_add_epi64(a, b); }
AVX2_INLINE __m256i exor(__m256i a, __m256i b) { return _mm256_xor_si256(a, b); }
template <int kBits>
AVX2_INLINE __m256i rotate(__m256i v) {
  return exor(_mm256_srli_epi64(v, kBits), _mm256_slli_epi64(v, 64 - kBits));
}

// Four rows of four words become four columns.
AVX2_INLINE void transpose(__m256i (&r)[4]) {
  const __m256i a = _mm256_unpacklo_epi64(r[0], r[1]);
  const __m256i b = _mm256_unpackhi_epi64(r[0], r[1]);
  const __m256i c = _mm256_unpacklo_epi64(r[2], r[3]);
  const __m256i d = _mm256_unpackhi_epi64(r[2], r[3]);
  r[0] = _mm256_permute2x128_si256(a, c, 0x20);
  r[1] = _mm256_permute2x128_si256(b, d, 0x20);
  r[2] = _mm256_permute2x128_si256(a, c, 0x31);
  r[3] = _mm256_permute2x128_si256(b, d, 0x31);
}

AVX2_INLINE __m256i swap_words(__m256i v) {
  return _mm256_shuffle_epi8(v, _mm256_set_epi64x(0x08090a0b0c0d0e0f, 0x0001020304050607,
                                                  0x08090a0b0c0d0e0f, 0x0001020304050607));
}

AVX2_INLINE void load_words(const std::uint8_t* const* blocks, __m256i (&w)[16]) {
  for (int part = 0; part < 4; ++part) {
    __m256i r[4];
    for (int n = 0; n < 4; ++n) r[n] = swap_words(load(blocks[n] + 32 * part));
    transpose(r);
    for (int n = 0; n < 4; ++n) w[4 * part + n] = r[n];
  }
}

// Word t + 16 of the schedule, in the place of word t.
AVX2_INLINE void extend(__m256i (&w)[16], int i) {
  const __m256i rotate8 = _mm256_set_epi64x(0x080f0e0d0c0b0a09, 0x0007060504030201,
                                            0x080f0e0d0c0b0a09, 0x0007060504030201);
  const __m256i x = w[(i + 1) & 15];
  const __m256i y = w[(i + 14) & 15];
  const __m256i s0 = exor(exor(exor(_mm256_srli_epi64(x, 1), _mm256_slli_epi64(x, 63)),
                               _mm256_shuffle_epi8(x, rotate8)),
                          _mm256_srli_epi64(x, 7));
  const __m256i s1 = exor(exor(rotate<19>(y), rotate<61>(y)), _mm256_srli_epi64(y, 6));
  w[i] = add(add(w[i], w[(i + 9) & 15]), add(s0, s1));
}

// One round; the names of the eight words rotate through `s` instead of their contents.
AVX2_INLINE void round(__m256i (&s)[8], int i, __m256i wk, __m256i& b_xor_c) {
  const __m256i a = s[(0 - i) & 7];
  const __m256i b = s[(1 - i) & 7];
  __m256i& d = s[(3 - i) & 7];
  const __m256i e = s[(4 - i) & 7];
  const __m256i f = s[(5 - i) & 7];
  const __m256i g = s[(6 - i) & 7];
  __m256i& h = s[(7 - i) & 7];
  const __m256i sum1 = exor(exor(rotate<14>(e), rotate<18>(e)), rotate<41>(e));
  const __m256i choose = exor(_mm256_and_si256(exor(f, g), e), g);
  const __m256i t1 = add(add(h, wk), add(sum1, choose));
  const __m256i sum0 = exor(exor(rotate<28>(a), rotate<34>(a)), rotate<39>(a));
  const __m256i a_xor_b = exor(a, b);
  const __m256i majority = exor(_mm256_and_si256(a_xor_b, b_xor_c), b);
  b_xor_c = a_xor_b;
  d = add(d, t1);
  h = add(t1, add(sum0, majority));
}

// All rounds of one block in each lane. `w` is consumed.
AVX2_INLINE void rounds(__m256i (&s)[8], __m256i (&w)[16]) {
  __m256i before[8];
  std::copy_n(s, 8, before);
  __m256i b_xor_c = exor(s[1], s[2]);
  const std::uint64_t* k = kSha512Round.data();
  for (int t = 0; t < 80; t += 16, k += 16) {
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) {
      round(s, i, add(w[i], _mm256_set1_epi64x(static_cast<long long>(k[i]))), b_xor_c);
      if (t < 64) extend(w, i);
    }
  }
  for (int i = 0; i < 8; ++i) s[i] = add(s[i], before[i]);
}

// Eight words of each of four lanes, to columns and back.
AVX2_INLINE void load_columns(const std::uint8_t* const (&places)[4], __m256i (&s)[8]) {
  for (int half = 0; half < 2; ++half) {
    __m256i r[4];
    for (int n = 0; n < 4; ++n) r[n] = load(places[n] + 32 * half);
    transpose(r);
    for (int n = 0; n < 4; ++n) s[4 * half + n] = r[n];
  }
}
AVX2_INLINE void rows_of(const __m256i (&s)[8], __m256i (&low)[4], __m256i (&high)[4]) {
  std::copy_n(s, 4, low);
  std::copy_n(s + 4, 4, high);
  transpose(low);
  transpose(high);
}

struct Avx2 {
  static constexpr std::size_t kWidth = 4;

  AVX2_TARGET static void compress(Sha512State* states, const std::uint8_t* const* blocks,
                                   std::size_t count) {
    auto* const octets = static_cast<std::uint8_t*>(static_cast<void*>(states));
    __m256i s[8];
    load_columns({octets, octets + 64, octets + 128, octets + 192}, s);
    for (std::size_t b = 0; b < count; ++b) {
      __m256i w[16];
      load_words(blocks + b * kWidth, w);
      rounds(s, w);
    }
    __m256i low[4];
    __m256i high[4];
    rows_of(s, low, high);
    for (int n = 0; n < 4; ++n) {
      store(octets + 64 * n, low[n]);
      store(octets + 64 * n + 32, high[n]);
    }
  }

  // From the key's states to the output; the inner digest is already in the columns that the outer
  // hash wants.
  template <int kWords>
  AVX2_TARGET static void mac_equal(const EqualMacs<kWidth>& macs) {
    const auto& keys = macs.keys;
    __m256i s[8];
    __m256i w[16];
    load_columns({keys[0], keys[1], keys[2], keys[3]}, s);
    for (std::size_t b = 0; b < macs.count; ++b) {
      load_words(macs.blocks + b * kWidth, w);
      rounds(s, w);
    }
    for (int i = 0; i < 15; ++i) w[i] = i < kWords ? s[i & 7] : _mm256_setzero_si256();
    w[kWords] = _mm256_set1_epi64x(static_cast<long long>(std::uint64_t{1} << 63));
    w[15] = _mm256_set1_epi64x((128 + 8 * kWords) * 8);
    load_columns({keys[0] + 64, keys[1] + 64, keys[2] + 64, keys[3] + 64}, s);
    rounds(s, w);
    __m256i low[4];
    __m256i high[4];
    rows_of(s, low, high);
    for (std::size_t n = 0; n < 4; ++n) {
      store(macs.outs[n], swap_words(low[n]));
      const __m256i rest = swap_words(high[n]);
      std::memcpy(macs.outs[n] + 32, &rest, 8 * kWords - 32);
    }
  }
};

using Kernel = Sha512Hmac<Avx2>;

}  // namespace

HmacKernel sha512_avx2_hmac(Prf alg) {
  if (alg == Prf::hmac_sha384)
    return {"avx2 x4", Kernel::prepare<Prf::hmac_sha384>, Kernel::mac<Prf::hmac_sha384>};
  return {"avx2 x4", Kernel::prepare<Prf::hmac_sha512>, Kernel::mac<Prf::hmac_sha512>};
}

}  // namespace crypto
