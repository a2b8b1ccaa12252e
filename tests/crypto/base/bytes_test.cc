// The one reader and the one writer that check bounds.
#include "crypto/base/bytes.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "crypto/base/error.h"
#include "crypto/base/strong.h"
#include "tests/support/vectors.h"

namespace crypto {
namespace {

using support::from_hex;
using support::Octets;
using support::to_hex;

TEST(ByteReader, ReadsBigEndianNumbers) {
  const Octets octets = from_hex("0102030405060708090a0b0c0d0e0f");
  ByteReader reader(octets);
  std::uint8_t a = 0;
  std::uint16_t b = 0;
  std::uint32_t c = 0;
  std::uint64_t d = 0;
  EXPECT_TRUE(reader.u8(a) && reader.be16(b) && reader.be32(c) && reader.be64(d));
  EXPECT_EQ(a, 0x01);
  EXPECT_EQ(b, 0x0203);
  EXPECT_EQ(c, 0x04050607u);
  EXPECT_EQ(d, 0x08090a0b0c0d0e0fu);
  EXPECT_TRUE(reader.at_end());
}

TEST(ByteReader, ConsumesNothingWhenOctetsDoNotSuffice) {
  const Octets octets(3, 9);
  ByteReader reader(octets);
  std::uint32_t number = 5;
  Bytes part;
  EXPECT_FALSE(reader.be32(number));
  EXPECT_FALSE(reader.take(4, part));
  EXPECT_FALSE(reader.skip(SIZE_MAX));
  EXPECT_EQ(number, 5u);
  EXPECT_EQ(reader.remaining(), 3u);
  EXPECT_TRUE(reader.take(3, part));
  EXPECT_EQ(part.size(), 3u);
  EXPECT_FALSE(reader.skip(1));
  EXPECT_TRUE(reader.skip(0));
}

TEST(ByteWriter, WritesBigEndianNumbersAndParts) {
  Octets octets(22, 0xee);
  ByteWriter writer(octets);
  writer.u8(1);
  writer.be16(0x0203);
  writer.be32(0x04050607);
  writer.be64(0x08090a0b0c0d0e0f);
  writer.bytes(from_hex("aabb"));
  writer.zeros(2);
  EXPECT_TRUE(writer.ok());
  EXPECT_EQ(writer.room(), 3u);
  EXPECT_EQ(to_hex(writer.written()), "0102030405060708090a0b0c0d0e0faabb0000");
}

TEST(ByteWriter, FailsForGoodWhenSomethingDoesNotFit) {
  Octets octets(4, 0xee);
  ByteWriter writer(octets);
  writer.be16(1);
  writer.be32(2);
  writer.u8(3);
  EXPECT_FALSE(writer.ok());
  EXPECT_EQ(writer.reserve(1), nullptr);
  EXPECT_EQ(to_hex(octets), "0001eeee");
}

TEST(Strong, KeepsKindsApart) {
  using A = Strong<struct TagA, std::uint32_t>;
  using B = Strong<struct TagB, std::uint32_t>;
  static_assert(!std::equality_comparable_with<A, B>);
  static_assert(!std::convertible_to<std::uint32_t, A>);
  EXPECT_LT(A(1), A(2));
  EXPECT_EQ(A(7).value(), 7u);
}

TEST(CheckDeathTest, NamesTheBrokenInvariant) {
  EXPECT_DEATH(CHECK(1 + 1 == 3), "invariant broken: 1 \\+ 1 == 3");
}

}  // namespace
}  // namespace crypto
