// HMAC kernels over lanes: SHA-256 with SHA-NI, SHA-384/512 with AVX2 or AVX-512, portable scalar.
//
// A kernel fills PrfKey with the two hash states after the padded key (RFC 2104 §2) in its own
// order of words, so a PrfKey serves only the kernel that prepared it. Every kernel takes messages
// of any and unequal length in one call, and `out` of a lane may overlap the message of that lane.
//
// The choice is made at run time from what the processor has, and a kernel is chosen only after its
// answers agree with the portable one. Any thread; kernels keep no state.
#pragma once

#include <array>

#include "crypto/engine.h"

namespace crypto {

struct HmacKernel {
  const char* name = nullptr;  // e.g. "sha-ni x2"
  void (*prepare)(std::span<const PrfKeyLane> lanes) = nullptr;
  void (*mac)(std::span<const MacLane> lanes) = nullptr;
};

// Plain C++, right everywhere. Its PrfKey holds native words: inner state, then outer state.
HmacKernel portable_hmac(Prf alg);

bool has_sha_ni();

// What this processor can run, the best first, portable last. At most kKernelsMax.
inline constexpr std::size_t kKernelsMax = 3;
struct KernelList {
  std::array<HmacKernel, kKernelsMax> kernels;
  std::size_t count = 0;
  // Of a list that stays: a range-based loop of g++ 12 ends temporaries before its first round.
  std::span<const HmacKernel> all() const& { return std::span(kernels).first(count); }
  std::span<const HmacKernel> all() const&& = delete;
};
KernelList runnable_hmac_kernels(Prf alg);

// True when `kernel` gives the answers of the portable one for lengths around every block edge.
bool kernel_agrees(const HmacKernel& kernel, Prf alg);

// The first runnable kernel that agrees.
HmacKernel best_hmac_kernel(Prf alg);

}  // namespace crypto
