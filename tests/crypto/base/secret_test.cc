// Secrets wipe themselves and can be compared in constant time only.
#include "crypto/base/secret.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <concepts>

#include "tests/support/vectors.h"

namespace crypto {
namespace {

using support::Octets;
using support::to_hex;

static_assert(!std::copy_constructible<Secret<16>>);
static_assert(!std::equality_comparable<Secret<16>>);
static_assert(!std::copy_constructible<SecretBytes>);
static_assert(!std::equality_comparable<SecretBytes>);

TEST(Secret, WipesItselfWhenItDies) {
  alignas(Secret<32>) std::uint8_t room[sizeof(Secret<32>)];
  auto* secret = new (room) Secret<32>;
  std::ranges::fill(secret->fill(), std::uint8_t{0xa5});
  secret->~Secret();
  EXPECT_EQ(Octets(room, room + sizeof room), Octets(32, 0));
}

TEST(Secret, LeavesZeroesBehindWhenItMoves) {
  Secret<4> from;
  std::ranges::fill(from.fill(), std::uint8_t{7});
  Secret<4> to(std::move(from));
  EXPECT_EQ(to_hex(to.reveal()), "07070707");
  EXPECT_EQ(to_hex(from.reveal()), "00000000");
  from = std::move(to);
  EXPECT_EQ(to_hex(from.reveal()), "07070707");
  EXPECT_EQ(to_hex(to.reveal()), "00000000");
}

TEST(Secret, SurvivesAMoveToItself) {
  Secret<4> secret;
  std::ranges::fill(secret.fill(), std::uint8_t{7});
  Secret<4>& same = secret;
  secret = std::move(same);
  EXPECT_EQ(to_hex(secret.reveal()), "07070707");
}

TEST(SecretBytes, KeepsItsOctetsWhenItMoves) {
  SecretBytes from(Octets{1, 2, 3});
  const std::uint8_t* place = from.reveal().data();
  SecretBytes to(std::move(from));
  EXPECT_EQ(to.reveal().data(), place);
  EXPECT_TRUE(from.empty());
  from = std::move(to);
  EXPECT_EQ(to_hex(from.reveal()), "010203");
  EXPECT_EQ(to.size(), 0u);
  SecretBytes& same = from;
  from = std::move(same);
  EXPECT_EQ(to_hex(from.reveal()), "010203");
}

TEST(SecretBytes, WipesWhatItGivesUp) {
  SecretBytes secret(Octets{1, 2, 3, 4});
  const Bytes place = secret.reveal();
  secret.shrink(3);
  EXPECT_EQ(to_hex(place), "01020300");
  EXPECT_EQ(secret.size(), 3u);
  secret.wipe();
  EXPECT_EQ(to_hex(place), "00000000");
  EXPECT_EQ(SecretBytes(2).reveal().size(), 2u);
  SecretBytes().wipe();
}

TEST(Secret, ComparesLengthAndEveryOctet) {
  Octets a(20, 1);
  Octets b = a;
  EXPECT_TRUE(ct_equal(a, b));
  EXPECT_TRUE(ct_equal({}, {}));
  EXPECT_FALSE(ct_equal(a, Bytes(b).first(19)));
  for (std::size_t i = 0; i < b.size(); ++i) {
    b[i] ^= 0x80;
    EXPECT_FALSE(ct_equal(a, b));
    b[i] ^= 0x80;
  }
}

}  // namespace
}  // namespace crypto
