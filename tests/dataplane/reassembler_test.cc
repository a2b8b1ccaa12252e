// Reassembler: any order of pieces makes the datagram, overlaps and lies end it, nothing grows.
#include "dataplane/reassembler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace dp {
namespace {

using Octets = std::vector<std::uint8_t>;
using Added = Reassembler::Added;

struct Bench {
  std::unique_ptr<Reassembler> reassembler = std::move(*Reassembler::make(7));
  Octets ethernet = Octets(14, 0xee);
  Octets datagram = numbered(3000);
  std::uint64_t now_ms = 1000;
  crypto::Bytes whole;

  static Octets numbered(std::size_t len) {
    Octets octets(len);
    for (std::size_t i = 0; i < len; ++i) octets[i] = static_cast<std::uint8_t>(i * 5 + i / 256);
    return octets;
  }
  IpFragment piece(std::size_t begin, std::size_t end, std::uint32_t id = 1) const {
    IpFragment f;
    f.more = end != datagram.size();
    f.protocol = 17;
    f.identification = id;
    f.offset = begin;
    f.source = {192, 0, 2, 9};
    f.destination = {192, 0, 2, 1};
    f.octets = crypto::Bytes(datagram).subspan(begin, end - begin);
    return f;
  }
  Added add(const IpFragment& f) { return reassembler->add(f, ethernet, now_ms, whole); }
  Added add(std::size_t begin, std::size_t end, std::uint32_t id = 1) {
    return add(piece(begin, end, id));
  }
};

TEST(Reassembler, TakesPiecesInAnyOrder) {
  const std::vector<std::pair<std::size_t, std::size_t>> pieces = {
      {0, 800}, {800, 808}, {808, 2400}, {2400, 3000}};
  std::vector<std::size_t> order = {0, 1, 2, 3};
  Bench b;
  do {
    for (std::size_t i = 0; i < order.size(); ++i) {
      const auto [begin, end] = pieces[order[i]];
      ASSERT_EQ(b.add(begin, end), i + 1 < order.size() ? Added::waiting : Added::complete);
    }
    ASSERT_EQ(b.whole.size(), 14 + 20 + 3000u);
    EXPECT_TRUE(std::ranges::equal(b.whole.subspan(34), b.datagram));
    EXPECT_TRUE(std::ranges::equal(b.whole.first(14), b.ethernet));
    EXPECT_EQ(ip4_header_checksum(b.whole.data() + 14), 0);
    EXPECT_EQ(b.whole[14 + 9], 17);
    b.reassembler->begin_burst();
  } while (std::ranges::next_permutation(order).found);
  EXPECT_EQ(b.reassembler->expire(~0ull), 0u);  // nothing is left
}

TEST(Reassembler, WritesAPlainIp6Header) {
  Bench b;
  IpFragment first = b.piece(0, 1496), last = b.piece(1496, 3000);
  first.is_ip6 = last.is_ip6 = true;
  EXPECT_EQ(b.add(last), Added::waiting);
  EXPECT_EQ(b.add(first), Added::complete);
  ASSERT_EQ(b.whole.size(), 14 + 40 + 3000u);
  EXPECT_EQ(b.whole[14], 0x60);
  EXPECT_EQ(crypto::load_be16(b.whole.data() + 18), 3000);
  EXPECT_EQ(b.whole[20], 17);
  EXPECT_TRUE(std::ranges::equal(b.whole.subspan(54), b.datagram));
}

TEST(Reassembler, KeepsDatagramsApart) {
  Bench b;
  IpFragment other_source = b.piece(0, 1496);
  other_source.source[3] = 10;
  IpFragment other_family = b.piece(0, 1496);
  other_family.is_ip6 = true;
  IpFragment other_protocol = b.piece(0, 1496);
  other_protocol.protocol = 50;
  EXPECT_EQ(b.add(0, 1496, 2), Added::waiting);
  EXPECT_EQ(b.add(other_source), Added::waiting);
  EXPECT_EQ(b.add(other_family), Added::waiting);
  EXPECT_EQ(b.add(other_protocol), Added::waiting);
  EXPECT_EQ(b.add(1496, 3000, 1), Added::waiting);
  EXPECT_EQ(b.add(1496, 3000, 2), Added::complete);
}

// A copy is nothing new; everything else that overlaps ends the datagram (RFC 5722 §4).
TEST(Reassembler, CopiesAreWelcomeOverlapsAreNot) {
  Bench b;
  EXPECT_EQ(b.add(0, 1496), Added::waiting);
  EXPECT_EQ(b.add(0, 1496), Added::waiting);
  EXPECT_EQ(b.add(8, 16), Added::waiting);  // the same octets
  EXPECT_EQ(b.add(1496, 3000), Added::complete);
  b.reassembler->begin_burst();

  EXPECT_EQ(b.add(0, 1496), Added::waiting);
  EXPECT_EQ(b.add(1488, 3000), Added::bad);
  EXPECT_EQ(b.add(1496, 3000), Added::waiting) << "the first pieces are gone";

  b.datagram[10] ^= 1;  // other octets in the same place
  Bench other;
  EXPECT_EQ(other.add(0, 1496), Added::waiting);
  EXPECT_EQ(other.add(b.piece(0, 1496)), Added::bad);
}

TEST(Reassembler, ThereIsOneEnd) {
  const auto last = [](Bench& b, std::size_t begin, std::size_t end) {
    IpFragment f = b.piece(begin, end);
    f.more = false;
    return f;
  };
  Bench b;
  EXPECT_EQ(b.add(2000, 3000), Added::waiting);
  EXPECT_EQ(b.add(last(b, 1000, 1600)), Added::bad);  // a second end
  EXPECT_EQ(b.add(last(b, 1000, 1600)), Added::waiting);
  IpFragment beyond = b.piece(1600, 2000);
  EXPECT_EQ(b.add(beyond), Added::bad);  // behind the end
  EXPECT_EQ(b.add(2000, 2400), Added::waiting);
  EXPECT_EQ(b.add(last(b, 1000, 1600)), Added::bad);  // an end before what is there
  EXPECT_EQ(b.add(last(b, 800, 1600)), Added::waiting);
  IpFragment more = b.piece(1592, 1600);
  EXPECT_EQ(b.add(more), Added::bad);  // up to the end, and more to come
}

TEST(Reassembler, RefusesImpossiblePieces) {
  Bench b;
  EXPECT_EQ(b.add(0, 9), Added::bad);    // not a multiple of 8, and more to come
  EXPECT_EQ(b.add(80, 80), Added::bad);  // empty
  b.datagram.resize(kDatagramMax + 8);
  EXPECT_EQ(b.add(kDatagramMax - 4, kDatagramMax + 4), Added::limit);
  IpFragment far = b.piece(0, 8);
  far.offset = 65528;
  EXPECT_EQ(b.add(far), Added::limit);
  // As long as can be is whole.
  b.datagram.resize(kDatagramMax);
  EXPECT_EQ(b.add(0, 8000), Added::waiting);
  EXPECT_EQ(b.add(8000, kDatagramMax), Added::complete);
}

TEST(Reassembler, LimitsASource) {
  Bench b;
  for (std::uint32_t id = 1; id <= kReassembliesPerSource; ++id)
    EXPECT_EQ(b.add(0, 1496, id), Added::waiting);
  EXPECT_EQ(b.add(0, 1496, 99), Added::limit);
  EXPECT_EQ(b.add(1496, 3000, 1), Added::complete);
  EXPECT_EQ(b.add(0, 1496, 99), Added::waiting);
}

TEST(Reassembler, TheOldestMakesRoom) {
  Bench b;
  const auto of_source = [&](std::uint32_t source, std::size_t begin, std::size_t end) {
    IpFragment f = b.piece(begin, end);
    crypto::store_be32(f.source.data(), source);
    return b.add(f);
  };
  for (std::uint32_t s = 1; s <= kReassemblies; ++s) {
    ++b.now_ms;
    ASSERT_EQ(of_source(s, 0, 1496), Added::waiting);
  }
  EXPECT_EQ(of_source(1, 1496, 3000), Added::complete);  // not free before the burst ends
  const Octets complete(b.whole.begin(), b.whole.end());
  EXPECT_EQ(of_source(1000, 0, 1496), Added::waiting);  // pushes 2 out
  EXPECT_TRUE(std::ranges::equal(b.whole, complete));
  b.reassembler->begin_burst();
  EXPECT_EQ(of_source(2, 1496, 3000), Added::waiting);  // a new beginning, in the place of 1
  EXPECT_EQ(of_source(3, 1496, 3000), Added::complete);
  EXPECT_EQ(b.reassembler->expire(b.now_ms), 1u);
}

TEST(Reassembler, ForgetsWhatIsTooOld) {
  Bench b;
  EXPECT_EQ(b.add(0, 1496), Added::waiting);
  EXPECT_EQ(b.reassembler->expire(b.now_ms + kReassemblyMs - 1), 0u);
  EXPECT_EQ(b.reassembler->expire(b.now_ms + kReassemblyMs), 1u);
  EXPECT_EQ(b.reassembler->expire(b.now_ms + kReassemblyMs), 0u);
  EXPECT_EQ(b.add(1496, 3000), Added::waiting);
}

}  // namespace
}  // namespace dp
