// SPI codec: the published cipher vector, the layout and the round trip.
#include "dataplane/spi_codec.h"

#include <gtest/gtest.h>

#include <bit>
#include <set>
#include <vector>

#include "crypto/random.h"

namespace dp {
namespace {

constexpr std::array<std::uint8_t, 16> kVectorKey = {
    0x1b, 0x1a, 0x19, 0x18, 0x13, 0x12, 0x11, 0x10, 0x0b, 0x0a, 0x09, 0x08, 0x03, 0x02, 0x01, 0x00};

// Beaulieu et al., "The Simon and Speck Families of Lightweight Block Ciphers", appendix C:
// Speck64/128, plaintext 3b726574 7475432d, ciphertext 8c6fa548 454e028b.
TEST(SpiCodec, MatchesThePublishedSpeckVector) {
  const SpiCodec codec(kVectorKey);
  const SpiParts parts{0x3b, 0x726574, 0x7475432d};
  EXPECT_EQ(codec.encode(parts).value(), 0x8c6fa548454e028bu);
  EXPECT_EQ(codec.decode(ike::IkeSpi(0x8c6fa548454e028bu)), parts);
}

TEST(SpiCodec, DecodesWhatItEncoded) {
  crypto::Random random(1);
  std::array<std::uint8_t, 16> secret;
  random.fill(secret);
  const SpiCodec codec(secret);
  for (int i = 0; i < 1000; ++i) {
    const SpiParts parts{static_cast<std::uint8_t>(random.u32()), random.u32() & (kSlotsMax - 1),
                         random.u32()};
    EXPECT_EQ(codec.decode(codec.encode(parts)), parts);
  }
}

TEST(SpiCodec, DecodesABurstAsItDecodesOne) {
  crypto::Random random(2);
  const SpiCodec codec(kVectorKey);
  std::vector<ike::IkeSpi> spis;
  for (std::size_t count = 0; count <= 33; ++count) {
    std::vector<SpiParts> parts(count + 1, {9, 9, 9});
    codec.decode(spis, parts);
    for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(parts[i], codec.decode(spis[i])) << i;
    EXPECT_EQ(parts[count], (SpiParts{9, 9, 9})) << "nothing is written behind the last";
    spis.emplace_back(random.u64());
  }
}

TEST(SpiCodec, KeepsTheLimitsOfEachPartApart) {
  const SpiCodec codec(kVectorKey);
  for (const SpiParts& parts : {SpiParts{0, 0, 0}, SpiParts{255, kSlotsMax - 1, 0xffffffff},
                                SpiParts{254, 0, 0xffffffff}, SpiParts{0, kSlotsMax - 1, 0}})
    EXPECT_EQ(codec.decode(codec.encode(parts)), parts);
}

// What the SPI on the wire reveals: neighbours in the table look unrelated.
TEST(SpiCodec, HidesNeighbouringSlots) {
  const SpiCodec codec(kVectorKey);
  int flipped = 0;
  for (std::uint32_t slot = 0; slot < 64; ++slot)
    flipped +=
        std::popcount(codec.encode({0, slot, 7}).value() ^ codec.encode({0, slot ^ 1, 7}).value());
  EXPECT_GT(flipped, 64 * 24);
  EXPECT_LT(flipped, 64 * 40);
}

TEST(SpiCodec, DependsOnEveryOctetOfTheSecret) {
  std::set<std::uint64_t> seen = {SpiCodec(kVectorKey).encode({1, 2, 3}).value()};
  for (std::size_t i = 0; i < kVectorKey.size(); ++i) {
    std::array<std::uint8_t, 16> secret = kVectorKey;
    secret[i] ^= 1;
    EXPECT_TRUE(seen.insert(SpiCodec(secret).encode({1, 2, 3}).value()).second) << "octet " << i;
  }
}

TEST(SpiCodec, MarksAnSpiOfTheControlThread) {
  const SpiCodec codec(kVectorKey);
  crypto::Random random(1);
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 100; ++i) {
    const ike::IkeSpi spi = control_spi(codec, random);
    EXPECT_TRUE(is_control_spi(codec.decode(spi)));
    EXPECT_TRUE(seen.insert(spi.value()).second);
  }
  unsigned mistaken = 0;
  for (int i = 0; i < 100'000; ++i)
    mistaken += is_control_spi(codec.decode(ike::IkeSpi(random.u64()))) ? 1 : 0;
  EXPECT_LT(mistaken, 5u);
}

}  // namespace
}  // namespace dp
