// The random stream: ChaCha20 (RFC 8439 §2.3), eight blocks at a time, erased as it is handed out.
#include "crypto/random.h"

#include <sys/random.h>

#include <algorithm>
#include <bit>
#include <cerrno>

#include "crypto/base/error.h"
#include "crypto/base/secret.h"

namespace crypto {
namespace {

constexpr std::size_t kBlocksAtOnce = 8;
constexpr std::size_t kBlockLen = 64;

// Word i of eight blocks, one block in each element. The compiler picks the instructions.
using Words = std::uint32_t __attribute__((vector_size(4 * kBlocksAtOnce)));

Words rotate_left(Words v, int bits) { return (v << bits) | (v >> (32 - bits)); }

void quarter_round(Words& a, Words& b, Words& c, Words& d) {
  a += b;
  d = rotate_left(d ^ a, 16);
  c += d;
  b = rotate_left(b ^ c, 12);
  a += b;
  d = rotate_left(d ^ a, 8);
  c += d;
  b = rotate_left(b ^ c, 7);
}

// Eight blocks of key stream, from block number `counter` on, the nonce is zero. The octets of the
// eight blocks are interleaved by words, which is as random and saves the transposition.
void chacha20_blocks(const std::uint8_t* key, std::uint32_t counter, std::uint8_t* out) {
  static_assert(std::endian::native == std::endian::little);
  std::array<std::uint32_t, 16> start{0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
  std::memcpy(start.data() + 4, key, 32);
  start[12] = counter;
  Words first[16];
  Words state[16];
  for (std::size_t i = 0; i < 16; ++i) first[i] = Words{} + start[i];
  first[12] += Words{0, 1, 2, 3, 4, 5, 6, 7};
  std::copy_n(first, 16, state);
  for (int i = 0; i < 10; ++i) {
    for (std::size_t q = 0; q < 4; ++q)
      quarter_round(state[q], state[4 + q], state[8 + q], state[12 + q]);
    for (std::size_t q = 0; q < 4; ++q)
      quarter_round(state[q], state[4 + (q + 1) % 4], state[8 + (q + 2) % 4],
                    state[12 + (q + 3) % 4]);
  }
  for (std::size_t i = 0; i < 16; ++i) {
    state[i] += first[i];
    std::memcpy(out + i * sizeof(Words), &state[i], sizeof(Words));
  }
  secure_zero(start.data(), sizeof start);
}

void from_kernel(MutBytes out) {
  while (!out.empty()) {
    const ssize_t got = getrandom(out.data(), out.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    CHECK(got > 0);
    out = out.subspan(static_cast<std::size_t>(got));
  }
}

}  // namespace

Random::Random() { from_kernel(key_); }

Random::Random(std::uint64_t seed) : reproducible_(true) { store_be64(key_.data(), seed); }

Random::~Random() {
  secure_zero(key_);
  secure_zero(buffer_);
}

void Random::refill() {
  if (!reproducible_ && since_reseed_ >= kReseedBytes) {
    // Mixed in, not replaced: a weak answer of the kernel cannot make the stream weaker.
    std::array<std::uint8_t, 32> fresh;
    from_kernel(fresh);
    for (std::size_t i = 0; i < fresh.size(); ++i) key_[i] ^= fresh[i];
    secure_zero(fresh);
    since_reseed_ = 0;
  }
  constexpr std::size_t kStep = kBlocksAtOnce * kBlockLen;
  static_assert(kBufferLen % kStep == 0);
  for (std::size_t at = 0; at < kBufferLen; at += kStep)
    chacha20_blocks(key_.data(), static_cast<std::uint32_t>(at / kBlockLen), buffer_.data() + at);
  position_ = 0;
  copy_out(key_);  // Fast key erasure: what was handed out before cannot be computed again.
  since_reseed_ += kBufferLen;
}

void Random::fill_slow(MutBytes out) {
  while (!out.empty()) {
    if (position_ == kBufferLen) refill();
    const std::size_t len = std::min(out.size(), kBufferLen - position_);
    copy_out(out.first(len));
    out = out.subspan(len);
  }
}

std::uint64_t Random::below(std::uint64_t bound) {
  CHECK(bound > 0);
  // The values under `skip` are thrown away, so that the rest is a multiple of `bound`.
  const std::uint64_t skip = (0 - bound) % bound;
  std::uint64_t v = u64();
  while (v < skip) v = u64();
  return v % bound;
}

}  // namespace crypto
