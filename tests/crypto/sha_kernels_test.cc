// Every HMAC kernel that this processor can run, against the portable one.
#include "crypto/sha_kernels.h"

#include <gtest/gtest.h>

#include "crypto/random.h"
#include "tests/support/vectors.h"

namespace crypto {
namespace {

using support::Octets;
using support::to_hex;

constexpr Prf kPrfs[] = {Prf::hmac_sha256, Prf::hmac_sha384, Prf::hmac_sha512};

TEST(ShaKernels, AllAgreeWithThePortableOne) {
  for (const Prf alg : kPrfs) {
    const KernelList runnable = runnable_hmac_kernels(alg);
    for (const HmacKernel& kernel : runnable.all())
      EXPECT_TRUE(kernel_agrees(kernel, alg)) << kernel.name;
  }
}

// Lanes of one group end after different numbers of blocks, in any order.
TEST(ShaKernels, KeepLanesOfUnequalLengthApart) {
  constexpr std::size_t kLanes = 40;
  Random random(7);
  Octets text(2000);
  random.fill(text);
  for (const Prf alg : kPrfs) {
    const KernelList runnable = runnable_hmac_kernels(alg);
    for (const HmacKernel& kernel : runnable.all()) {
      const HmacKernel portable = portable_hmac(alg);
      for (std::size_t count = 1; count <= kLanes; ++count) {
        std::array<PrfKey, kLanes> keys[2];
        std::array<std::array<std::uint8_t, kPrfLenMax>, kLanes> macs[2] = {};
        std::vector<PrfKeyLane> prepare[2];
        std::vector<MacLane> lanes[2];
        for (std::size_t i = 0; i < count; ++i) {
          const Bytes key = Bytes(text).subspan(random.below(500), random.below(200));
          const Bytes message = Bytes(text).subspan(random.below(500), random.below(1500));
          for (std::size_t side = 0; side < 2; ++side) {
            prepare[side].push_back({key, &keys[side][i]});
            lanes[side].push_back({&keys[side][i], message, macs[side][i].data()});
          }
        }
        kernel.prepare(prepare[0]);
        portable.prepare(prepare[1]);
        kernel.mac(lanes[0]);
        portable.mac(lanes[1]);
        ASSERT_EQ(macs[0], macs[1]) << kernel.name << ", " << count << " lanes";
      }
    }
  }
}

// All lengths around the edges of a block, through a whole group at once.
TEST(ShaKernels, PadEveryLength) {
  constexpr std::size_t kLengths = 300;
  const Octets text(kLengths, 0x61);
  const Octets key(32, 0x0b);
  for (const Prf alg : kPrfs) {
    const HmacKernel portable = portable_hmac(alg);
    const KernelList runnable = runnable_hmac_kernels(alg);
    for (const HmacKernel& kernel : runnable.all()) {
      PrfKey keys[2];
      const PrfKeyLane prepare[2] = {{key, &keys[0]}, {key, &keys[1]}};
      kernel.prepare({&prepare[0], 1});
      portable.prepare({&prepare[1], 1});
      std::vector<Octets> macs[2];
      std::vector<MacLane> lanes[2];
      for (std::size_t side = 0; side < 2; ++side) {
        macs[side].assign(kLengths, Octets(prf_len(alg)));
        for (std::size_t len = 0; len < kLengths; ++len)
          lanes[side].push_back({&keys[side], Bytes(text).first(len), macs[side][len].data()});
      }
      kernel.mac(lanes[0]);
      portable.mac(lanes[1]);
      for (std::size_t len = 0; len < kLengths; ++len)
        ASSERT_EQ(to_hex(macs[0][len]), to_hex(macs[1][len])) << kernel.name << ", " << len;
    }
  }
}

TEST(ShaKernels, RefuseAKernelThatIsWrong) {
  HmacKernel wrong = portable_hmac(Prf::hmac_sha256);
  wrong.mac = [](std::span<const MacLane> lanes) {
    portable_hmac(Prf::hmac_sha256).mac(lanes);
    lanes.back().out[31] ^= 1;
  };
  EXPECT_FALSE(kernel_agrees(wrong, Prf::hmac_sha256));
}

}  // namespace
}  // namespace crypto
