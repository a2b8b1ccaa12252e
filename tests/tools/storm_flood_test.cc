// Requests from invented sources: their rate, their sources, and that a gateway could read them.
#include <gtest/gtest.h>

#include <set>

#include "ike/sa_init.h"
#include "tools/storm/flood.h"

namespace storm {
namespace {

constexpr std::uint64_t kMs = 1'000'000;

ClientPaths paths_of(std::uint32_t sources) {
  PathConfig config;
  config.source = *parse_prefix("100.64.0.0/10");
  config.gateway = *parse_address("192.0.2.1");
  return *ClientPaths::make(config, sources);
}
const ike::Suite kSuite{
    .encr = ike::EncrId::aes_gcm_16, .key_bits = 256, .ke = ike::KeId::curve25519};

TEST(Flood, SendsAtItsRateFromAllSources) {
  const ClientPaths paths = paths_of(300);
  crypto::Random random(1);
  auto flood = Flood::make({.rate = 100'000, .sources = 300, .suite = kSuite}, paths, random);
  ASSERT_TRUE(flood.has_value()) << flood.error().text;
  std::array<Outgoing, kBatchMax> out;
  std::set<std::uint32_t> sources;
  std::set<std::uint64_t> spis;
  std::size_t sent = 0;
  for (std::uint64_t now = 50 * kMs; now <= 60 * kMs; now += kMs / 10)
    while (const std::size_t count = flood->poll(now, out)) {
      sent += count;
      for (const Outgoing& o : std::span(out).first(count)) {
        sources.insert(o.client);
        ike::SaInitRequest request;
        ike::PayloadType offending{};
        ASSERT_EQ(ike::parse_sa_init_request(o.message, request, offending), ike::ParseError::none);
        EXPECT_EQ(request.ke, ike::KeId::curve25519);
        EXPECT_EQ(request.ke_data.size(), 32u);
        spis.insert(request.spi_i.value());
      }
    }
  EXPECT_EQ(sent, 1000u);
  EXPECT_EQ(flood->sent(), 1000u);
  EXPECT_EQ(spis.size(), 1000u);
  EXPECT_EQ(sources.size(), 300u);
}

TEST(Flood, MakesUpForNoMoreThanASecond) {
  const ClientPaths paths = paths_of(10);
  crypto::Random random(1);
  auto flood = Flood::make({.rate = 200, .sources = 10, .suite = kSuite}, paths, random);
  std::array<Outgoing, kBatchMax> out;
  EXPECT_EQ(flood->poll(kMs, out), 0u);
  std::size_t sent = 0;
  while (const std::size_t count = flood->poll(60'001 * kMs, out)) sent += count;
  EXPECT_EQ(sent, 200u);
}

TEST(Flood, SaysWhyItCannotBeMade) {
  const ClientPaths paths = paths_of(10);
  crypto::Random random(1);
  EXPECT_FALSE(Flood::make({.rate = 0, .sources = 10, .suite = kSuite}, paths, random));
  EXPECT_FALSE(Flood::make({.rate = 1, .sources = 0, .suite = kSuite}, paths, random));
  ike::Suite curve = kSuite;
  curve.ke = ike::KeId::ecp_256;
  EXPECT_FALSE(Flood::make({.rate = 1, .sources = 1, .suite = curve}, paths, random));
}

}  // namespace
}  // namespace storm
