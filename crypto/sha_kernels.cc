// The portable HMAC kernels, the round constants, and the choice of a kernel.
#include "crypto/sha_kernels.h"

#include <cpuid.h>

#include <bit>
#include <utility>

#include "crypto/sha_kernels_list.h"
#include "crypto/sha_lanes.h"

namespace crypto {

alignas(64) const std::array<std::uint32_t, 64> kSha256Round = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};
alignas(64) const std::array<std::uint64_t, 80> kSha512Round = {
    0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc,
    0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118,
    0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
    0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694,
    0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
    0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
    0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4,
    0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70,
    0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
    0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
    0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30,
    0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
    0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8,
    0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3,
    0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
    0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b,
    0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178,
    0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
    0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c,
    0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817};

namespace {

// FIPS 180-4 §4.1: what differs between the 32-bit and the 64-bit hash.
struct Hash32 {
  using Word = std::uint32_t;
  static constexpr int kRounds = 64;
  static constexpr int kSum1[] = {6, 11, 25}, kSum0[] = {2, 13, 22};
  static constexpr int kExtend0[] = {7, 18, 3}, kExtend1[] = {17, 19, 10};
  static const Word* rounds() { return kSha256Round.data(); }
  static Word load(const std::uint8_t* p) { return load_be32(p); }
  static void store(std::uint8_t* p, Word v) { store_be32(p, v); }
};
struct Hash64 {
  using Word = std::uint64_t;
  static constexpr int kRounds = 80;
  static constexpr int kSum1[] = {14, 18, 41}, kSum0[] = {28, 34, 39};
  static constexpr int kExtend0[] = {1, 8, 7}, kExtend1[] = {19, 61, 6};
  static const Word* rounds() { return kSha512Round.data(); }
  static Word load(const std::uint8_t* p) { return load_be64(p); }
  static void store(std::uint8_t* p, Word v) { store_be64(p, v); }
};

template <Prf alg>
struct Parameters : Hash64 {
  static constexpr const auto& kStart = alg == Prf::hmac_sha384 ? kSha384Start : kSha512Start;
};
template <>
struct Parameters<Prf::hmac_sha256> : Hash32 {
  static constexpr const auto& kStart = kSha256Start;
};

template <class H>
using State = std::array<typename H::Word, 8>;

template <class H>
void compress(State<H>& state, const std::uint8_t* block) {
  using Word = H::Word;
  Word w[H::kRounds];
  for (int i = 0; i < 16; ++i) w[i] = H::load(block + sizeof(Word) * static_cast<unsigned>(i));
  const auto rotate3 = [](Word v, const int(&by)[3]) {
    return std::rotr(v, by[0]) ^ std::rotr(v, by[1]) ^ std::rotr(v, by[2]);
  };
  const auto extend = [](Word v, const int(&by)[3]) {
    return std::rotr(v, by[0]) ^ std::rotr(v, by[1]) ^ (v >> by[2]);
  };
  for (int i = 16; i < H::kRounds; ++i)
    w[i] = w[i - 16] + extend(w[i - 15], H::kExtend0) + w[i - 7] + extend(w[i - 2], H::kExtend1);
  auto [a, b, c, d, e, f, g, h] = state;
  for (int i = 0; i < H::kRounds; ++i) {
    const Word t1 = h + rotate3(e, H::kSum1) + ((e & f) ^ (~e & g)) + H::rounds()[i] + w[i];
    const Word t2 = rotate3(a, H::kSum0) + ((a & b) ^ (a & c) ^ (b & c));
    h = g;
    g = f;
    f = e;
    e = d + t1;
    d = c;
    c = b;
    b = a;
    a = t1 + t2;
  }
  const State<H> after{a, b, c, d, e, f, g, h};
  for (std::size_t i = 0; i < 8; ++i) state[i] += after[i];
  secure_zero(w, sizeof w);
}

// The rest of a hash over `prefix_len` octets that are already in `state` and over `message`.
template <Prf alg>
void finish_hash(State<Parameters<alg>> state, std::size_t prefix_len, Bytes message,
                 std::uint8_t* out) {
  using H = Parameters<alg>;
  constexpr std::size_t kBlock = hash_block_len(alg);
  const std::uint64_t bits = (std::uint64_t{prefix_len} + message.size()) * 8;
  for (; message.size() >= kBlock; message = message.subspan(kBlock))
    compress<H>(state, message.data());
  std::uint8_t tail[2 * kBlock] = {};
  if (!message.empty()) std::memcpy(tail, message.data(), message.size());
  tail[message.size()] = 0x80;
  const std::size_t count = message.size() + 1 + kBlock / 8 > kBlock ? 2 : 1;
  store_be64(tail + count * kBlock - 8, bits);
  for (std::size_t i = 0; i < count; ++i) compress<H>(state, tail + i * kBlock);
  constexpr std::size_t kWordLen = sizeof(typename H::Word);
  for (std::size_t i = 0; i < prf_len(alg) / kWordLen; ++i) H::store(out + i * kWordLen, state[i]);
  secure_zero(tail, sizeof tail);
}

template <Prf alg>
void prepare(std::span<const PrfKeyLane> lanes) {
  using H = Parameters<alg>;
  constexpr std::size_t kBlock = hash_block_len(alg);
  std::uint8_t block[kBlock];
  for (const PrfKeyLane& lane : lanes) {
    pad_key<alg>(lane.key, block);
    State<H> states[2] = {H::kStart, H::kStart};
    for (std::uint8_t& octet : block) octet = static_cast<std::uint8_t>(octet ^ kIpad);
    compress<H>(states[0], block);
    for (std::uint8_t& octet : block) octet = static_cast<std::uint8_t>(octet ^ kIpad ^ kOpad);
    compress<H>(states[1], block);
    std::memcpy(lane.out->storage(), states, sizeof states);
    secure_zero(states, sizeof states);
  }
  secure_zero(block, sizeof block);
}

template <Prf alg>
void mac(std::span<const MacLane> lanes) {
  using H = Parameters<alg>;
  std::uint8_t digest[kPrfLenMax];
  for (const MacLane& lane : lanes) {
    State<H> states[2];
    std::memcpy(states, lane.key->storage(), sizeof states);
    finish_hash<alg>(states[0], hash_block_len(alg), lane.message, digest);
    finish_hash<alg>(states[1], hash_block_len(alg), {digest, prf_len(alg)}, lane.out);
  }
  secure_zero(digest, sizeof digest);
}

}  // namespace

void hash_portable(Prf alg, Bytes message, std::uint8_t* out) {
  switch (alg) {
    case Prf::hmac_sha256:
      return finish_hash<Prf::hmac_sha256>(kSha256Start, 0, message, out);
    case Prf::hmac_sha384:
      return finish_hash<Prf::hmac_sha384>(kSha384Start, 0, message, out);
    case Prf::hmac_sha512:
      return finish_hash<Prf::hmac_sha512>(kSha512Start, 0, message, out);
  }
  std::unreachable();
}

HmacKernel portable_hmac(Prf alg) {
  switch (alg) {
    case Prf::hmac_sha256:
      return {"portable", prepare<Prf::hmac_sha256>, mac<Prf::hmac_sha256>};
    case Prf::hmac_sha384:
      return {"portable", prepare<Prf::hmac_sha384>, mac<Prf::hmac_sha384>};
    case Prf::hmac_sha512:
      return {"portable", prepare<Prf::hmac_sha512>, mac<Prf::hmac_sha512>};
  }
  std::unreachable();
}

// g++ 12 has no name for SHA-NI: CPUID leaf 7, EBX bit 29 (with SSSE3 and SSE4.1 of leaf 1).
bool has_sha_ni() {
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) == 0) return false;
  return (ebx & bit_SHA) != 0 && __builtin_cpu_supports("ssse3") &&
         __builtin_cpu_supports("sse4.1");
}

KernelList runnable_hmac_kernels(Prf alg) {
  KernelList list;
  const auto add = [&list](const HmacKernel& kernel) { list.kernels[list.count++] = kernel; };
  if (alg == Prf::hmac_sha256) {
    if (has_sha_ni()) add(sha_ni_hmac());
  } else {
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw"))
      add(sha512_avx512_hmac(alg));
    if (__builtin_cpu_supports("avx2")) add(sha512_avx2_hmac(alg));
  }
  add(portable_hmac(alg));
  return list;
}

bool kernel_agrees(const HmacKernel& kernel, Prf alg) {
  // Each length ends in another place of a block, and a group holds messages of unequal length.
  constexpr std::size_t kLanes = 21;
  constexpr std::size_t kStep = 17;
  std::uint8_t text[kLanes * kStep];
  for (std::size_t i = 0; i < sizeof text; ++i) text[i] = static_cast<std::uint8_t>(i * 41 + 7);
  const HmacKernel portable = portable_hmac(alg);
  PrfKey keys[2];
  std::uint8_t expected[kLanes][kPrfLenMax] = {};
  std::uint8_t actual[kLanes][kPrfLenMax] = {};
  for (const std::size_t key_len : {prf_len(alg), hash_block_len(alg), hash_block_len(alg) + 1}) {
    const Bytes key(text, key_len);
    const PrfKeyLane prepared[2] = {{key, &keys[0]}, {key, &keys[1]}};
    portable.prepare(std::span(prepared).first(1));
    kernel.prepare(std::span(prepared).last(1));
    MacLane lanes[2][kLanes];
    for (std::size_t i = 0; i < kLanes; ++i) {
      const Bytes message(text, (i * 5 % kLanes) * kStep);
      lanes[0][i] = {&keys[0], message, expected[i]};
      lanes[1][i] = {&keys[1], message, actual[i]};
    }
    portable.mac(std::span(lanes[0]));
    kernel.mac(std::span(lanes[1]));
    if (!ct_equal({expected[0], sizeof expected}, {actual[0], sizeof actual})) return false;
  }
  return true;
}

HmacKernel best_hmac_kernel(Prf alg) {
  const KernelList runnable = runnable_hmac_kernels(alg);
  for (const HmacKernel& kernel : runnable.all())
    if (kernel_agrees(kernel, alg)) return kernel;
  return portable_hmac(alg);
}

}  // namespace crypto
