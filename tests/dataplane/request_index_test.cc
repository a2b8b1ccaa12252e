// RequestIndex: what makes two requests the same (RFC 7296 §2.1), and what gives way when a set is
// full.
#include "dataplane/request_index.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace dp {
namespace {

constexpr std::uint64_t kSecret = 0x0123456789abcdef;

Path path4(std::uint8_t last, std::uint16_t port) {
  Path path;
  path.source = {192, 0, 2, last};
  path.source_port = port;
  return path;
}

TEST(RequestIndex, HashesSourceSpiAndNonce) {
  const RequestIndex index(64, kSecret);
  std::vector<std::uint8_t> nonce(32, 7);
  const ike::IkeSpi spi(5);
  const std::uint64_t hash = index.hash(path4(1, 500), spi, nonce);
  EXPECT_NE(hash, 0u);
  EXPECT_EQ(hash, index.hash(path4(1, 500), spi, nonce));

  std::set<std::uint64_t> others = {hash};
  EXPECT_TRUE(others.insert(index.hash(path4(2, 500), spi, nonce)).second);
  EXPECT_TRUE(others.insert(index.hash(path4(1, 501), spi, nonce)).second);
  EXPECT_TRUE(others.insert(index.hash(path4(1, 500), ike::IkeSpi(6), nonce)).second);
  Path six = path4(1, 500);
  six.is_ip6 = true;
  EXPECT_TRUE(others.insert(index.hash(six, spi, nonce)).second);
  for (std::size_t i = 0; i < nonce.size(); ++i) {
    nonce[i] ^= 0x80;
    EXPECT_TRUE(others.insert(index.hash(path4(1, 500), spi, nonce)).second) << "octet " << i;
    nonce[i] ^= 0x80;
  }
  EXPECT_TRUE(others.insert(RequestIndex(64, kSecret + 1).hash(path4(1, 500), spi, nonce)).second);
}

// Nonces have 16 to 256 octets (RFC 7296 §3.9); a zero octet more is another nonce.
TEST(RequestIndex, TellsNoncesOfEachLengthApart) {
  const RequestIndex index(64, kSecret);
  const std::vector<std::uint8_t> zeros(257);
  std::set<std::uint64_t> seen;
  for (std::size_t len = 16; len <= 257; ++len)
    EXPECT_TRUE(seen.insert(index.hash(path4(1, 500), ike::IkeSpi(5), {zeros.data(), len})).second)
        << len;
}

TEST(RequestIndex, IgnoresStaleOctetsBehindAnIp4Source) {
  const RequestIndex index(64, kSecret);
  const std::vector<std::uint8_t> nonce(16, 1);
  Path stale = path4(1, 500);
  stale.source[9] = 0xff;
  EXPECT_EQ(index.hash(stale, ike::IkeSpi(5), nonce),
            index.hash(path4(1, 500), ike::IkeSpi(5), nonce));
}

TEST(RequestIndex, FindsReplacesAndErases) {
  RequestIndex index(64, kSecret);
  EXPECT_EQ(index.find(77), kNoIndex);
  index.insert(77, 3);
  EXPECT_EQ(index.find(77), 3u);
  index.insert(77, 4);
  EXPECT_EQ(index.find(77), 4u);
  index.erase(77);
  EXPECT_EQ(index.find(77), kNoIndex);
  index.erase(77);
}

TEST(RequestIndex, DropsTheOldestOfAFullSet) {
  RequestIndex index(8, kSecret);  // one set
  for (std::uint32_t i = 0; i < 8; ++i) index.insert(100 + i, i);
  for (std::uint32_t i = 0; i < 8; ++i) EXPECT_EQ(index.find(100 + i), i);
  index.insert(100, 50);  // renewed: the oldest is 101
  index.insert(200, 60);
  EXPECT_EQ(index.find(101), kNoIndex);
  EXPECT_EQ(index.find(100), 50u);
  EXPECT_EQ(index.find(200), 60u);
}

TEST(RequestIndex, TakesAnErasedPlaceBeforeTheOldest) {
  RequestIndex index(8, kSecret);
  for (std::uint32_t i = 0; i < 8; ++i) index.insert(100 + i, i);
  index.erase(105);
  index.insert(200, 60);
  EXPECT_EQ(index.find(100), 0u);
  EXPECT_EQ(index.find(200), 60u);
}

// Spread over sets of 8, a table with room for twice the entries keeps nearly all of them.
TEST(RequestIndex, HoldsHalfItsSizeOfHashedRequests) {
  RequestIndex index(16384, kSecret);
  const std::vector<std::uint8_t> nonce(32, 9);
  std::vector<std::uint64_t> hashes;
  for (std::uint32_t i = 0; i < 8192; ++i)
    hashes.push_back(
        index.hash(path4(static_cast<std::uint8_t>(i), 500), ike::IkeSpi(i + 1), nonce));
  for (std::uint32_t i = 0; i < 8192; ++i) index.insert(hashes[i], i);
  std::uint32_t kept = 0;
  for (std::uint32_t i = 0; i < 8192; ++i) kept += index.find(hashes[i]) == i ? 1 : 0;
  EXPECT_GT(kept, 8192u * 98 / 100);
}

}  // namespace
}  // namespace dp
