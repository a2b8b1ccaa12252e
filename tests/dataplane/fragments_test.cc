// Fragments: kept in any order, joined once, bounded in number, octets and records (RFC 7383 §2.6).
#include "dataplane/fragments.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace dp {
namespace {

using Octets = std::vector<std::uint8_t>;
using Added = Fragments::Added;

struct Fixture {
  explicit Fixture(std::uint32_t records = 2) : fragments(std::move(*Fragments::make(records))) {}
  Added add(std::uint16_t number, std::uint16_t total, const Octets& inner) {
    return add(half, number, total, inner);
  }
  Added add(HalfOpen& to, std::uint16_t number, std::uint16_t total, const Octets& inner) {
    ike::SkView sk;
    sk.fragment = true;
    sk.fragment_number = number;
    sk.fragment_total = total;
    sk.first_inner = number == 1 ? ike::PayloadType::id_i : ike::PayloadType::none;
    return fragments->add(to, sk, inner);
  }
  Octets join() {
    Octets out(fragments->total_len(half));
    ike::PayloadType first = ike::PayloadType::none;
    const crypto::Bytes joined = fragments->join(half, out.data(), first);
    EXPECT_EQ(first, ike::PayloadType::id_i);
    EXPECT_EQ(joined.size(), out.size());
    return out;
  }

  std::unique_ptr<Fragments> fragments;
  HalfOpen half, other, third;
};

TEST(Fragments, JoinInOrderWhateverOrderTheyCameIn) {
  std::vector<std::uint16_t> order = {1, 2, 3, 4};
  Fixture f;
  do {
    for (std::size_t i = 0; i < order.size(); ++i) {
      const std::uint16_t n = order[i];
      EXPECT_EQ(f.add(n, 4, Octets(n, static_cast<std::uint8_t>(n))),
                i + 1 < order.size() ? Added::waiting : Added::complete);
    }
    EXPECT_EQ(f.join(), (Octets{1, 2, 2, 3, 3, 3, 4, 4, 4, 4}));
    EXPECT_EQ(f.half.fragment_record, kNoIndex);
  } while (std::ranges::next_permutation(order).found);
}

TEST(Fragments, OneOfOneIsComplete) {
  Fixture f;
  EXPECT_EQ(f.add(1, 1, {7}), Added::complete);
  EXPECT_EQ(f.join(), Octets{7});
}

TEST(Fragments, ADuplicateChangesNothing) {
  Fixture f;
  EXPECT_EQ(f.add(2, 2, {2}), Added::waiting);
  EXPECT_EQ(f.add(2, 2, {9}), Added::waiting);
  EXPECT_EQ(f.add(1, 2, {1}), Added::complete);
  EXPECT_EQ(f.join(), (Octets{1, 2}));
}

TEST(Fragments, ALargerTotalStartsAnewASmallerOneIsRefused) {
  Fixture f;
  EXPECT_EQ(f.add(1, 2, {1}), Added::waiting);
  EXPECT_EQ(f.add(1, 3, {11}), Added::waiting);
  EXPECT_EQ(f.add(2, 2, {2}), Added::refused);
  EXPECT_EQ(f.add(2, 3, {12}), Added::waiting);
  EXPECT_EQ(f.add(3, 3, {13}), Added::complete);
  EXPECT_EQ(f.join(), (Octets{11, 12, 13}));
}

TEST(Fragments, SixteenAreTheMost) {
  Fixture f;
  EXPECT_EQ(f.add(1, 17, {1}), Added::refused);
  EXPECT_EQ(f.half.fragment_record, kNoIndex);
  for (std::uint16_t n = 1; n < 16; ++n) EXPECT_EQ(f.add(n, 16, {1}), Added::waiting);
  EXPECT_EQ(f.add(16, 16, {1}), Added::complete);
  EXPECT_EQ(f.join(), Octets(16, 1));
}

TEST(Fragments, OctetsAreBounded) {
  Fixture f;
  EXPECT_EQ(f.add(1, 3, Octets(kFragmentsLen - 1, 1)), Added::waiting);
  EXPECT_EQ(f.add(2, 3, Octets(2, 2)), Added::refused);
  EXPECT_EQ(f.add(2, 3, Octets(1, 2)), Added::waiting);
  EXPECT_EQ(f.add(3, 3, Octets(1, 3)), Added::refused);
  EXPECT_EQ(f.add(3, 3, {}), Added::complete);
  EXPECT_EQ(f.join().size(), kFragmentsLen);
}

// CORE-94: records are few; a session without one waits until another ends.
TEST(Fragments, RecordsAreBoundedAndComeBack) {
  Fixture f(2);
  EXPECT_EQ(f.add(f.half, 1, 2, {1}), Added::waiting);
  EXPECT_EQ(f.add(f.other, 1, 2, {1}), Added::waiting);
  EXPECT_EQ(f.add(f.third, 1, 2, {1}), Added::refused);
  f.fragments->forget(f.other);
  f.fragments->forget(f.other);
  EXPECT_EQ(f.add(f.third, 1, 2, {3}), Added::waiting);
  EXPECT_EQ(f.add(f.third, 2, 2, {4}), Added::complete);
  // What a record held before is not seen by the next.
  EXPECT_EQ(f.add(f.half, 2, 2, {2}), Added::complete);
  EXPECT_EQ(f.join(), (Octets{1, 2}));
}

}  // namespace
}  // namespace dp
