// The random stream: reproducible on demand, never repeating, erased behind the reader.
#include "crypto/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/support/vectors.h"

namespace crypto {
namespace {

using support::from_hex;
using support::Octets;

Octets draw(Random& random, std::size_t len) {
  Octets out(len);
  random.fill(out);
  return out;
}

// The octets of an object, to look at what it keeps.
Octets image_of(const Random& random) {
  Octets image(sizeof random);
  std::memcpy(image.data(), static_cast<const void*>(&random), sizeof random);
  return image;
}

TEST(Random, RepeatsItselfWithTheSameSeedOnly) {
  Random a(42);
  Random b(42);
  Random c(43);
  const Octets from_a = draw(a, 20000);
  EXPECT_EQ(from_a, draw(b, 20000));
  EXPECT_NE(from_a, draw(c, 20000));
}

TEST(Random, GivesTheSameStreamInPiecesAsAtOnce) {
  Random whole(5);
  Random pieces(5);
  Octets joined;
  for (std::size_t len = 0; joined.size() < 30000; len = (len + 13) % 5000) {
    const Octets piece = draw(pieces, len);
    joined.insert(joined.end(), piece.begin(), piece.end());
  }
  EXPECT_EQ(draw(whole, joined.size()), joined);
}

TEST(Random, DrawsFromTheKernelAndDoesNotRepeat) {
  Random a;
  Random b;
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 50000; ++i) {
    EXPECT_TRUE(seen.insert(a.u64()).second);
    EXPECT_TRUE(seen.insert(b.u64()).second);
  }
}

TEST(Random, HasEveryBitSetHalfOfTheTime) {
  Random random(1);
  constexpr int kDraws = 20000;
  std::array<int, 64> ones{};
  for (int i = 0; i < kDraws; ++i) {
    const std::uint64_t v = random.u64();
    for (std::size_t bit = 0; bit < 64; ++bit) ones[bit] += static_cast<int>(v >> bit & 1);
  }
  for (const int count : ones) EXPECT_NEAR(count, kDraws / 2, 500);  // seven sigma
}

TEST(Random, ErasesWhatItHasHandedOut) {
  Random random(9);
  for (const std::size_t len : {16u, 100u, 4000u, 4096u, 9000u}) {
    const Octets drawn = draw(random, len);
    const Octets image = image_of(random);
    const auto last = Octets(drawn.end() - 16, drawn.end());
    EXPECT_EQ(std::search(image.begin(), image.end(), last.begin(), last.end()), image.end());
  }
}

TEST(Random, ForgetsTheKeyThatMadeTheStream) {
  // The seed is the first key. After one refill it must be gone, or the past could be computed.
  Random random(0x0123456789abcdef);
  const Octets seed = from_hex("0123456789abcdef");
  const Octets before = image_of(random);
  EXPECT_NE(std::search(before.begin(), before.end(), seed.begin(), seed.end()), before.end());
  random.u64();
  const Octets after = image_of(random);
  EXPECT_EQ(std::search(after.begin(), after.end(), seed.begin(), seed.end()), after.end());
}

TEST(Random, ReseedsFromTheKernel) {
  // Two images of one state give one stream until the kernel adds to each.
  Random original;
  alignas(Random) std::uint8_t room[sizeof(Random)];
  original.u64();
  auto* copy = new (room) Random;
  std::memcpy(static_cast<void*>(copy), static_cast<const void*>(&original), sizeof original);
  Octets from_original(1 << 20);
  Octets from_copy(1 << 20);
  std::size_t drawn = 0;
  do {
    original.fill(from_original);
    copy->fill(from_copy);
    drawn += from_original.size();
  } while (from_original == from_copy && drawn < 2 * Random::kReseedBytes);
  EXPECT_NE(from_original, from_copy);
  EXPECT_GE(drawn, Random::kReseedBytes - (1 << 20));
  copy->~Random();
}

TEST(Random, StaysBelowTheBound) {
  Random random(3);
  for (const std::uint64_t bound : {std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{7},
                                    (std::uint64_t{1} << 63) + 1, ~std::uint64_t{0}}) {
    for (int i = 0; i < 200; ++i) EXPECT_LT(random.below(bound), bound);
  }
  std::array<int, 7> counts{};
  for (int i = 0; i < 70000; ++i) ++counts[random.below(7)];
  for (const int count : counts) EXPECT_NEAR(count, 10000, 700);
}

TEST(Random, WipesItselfWhenItDies) {
  alignas(Random) std::uint8_t room[sizeof(Random)];
  auto* random = new (room) Random(0x5151515151515151);
  random->u64();
  random->~Random();
  const Octets rest(room, room + Random::kBufferLen);
  EXPECT_EQ(rest, Octets(Random::kBufferLen, 0));
}

}  // namespace
}  // namespace crypto
