// EspTable: places by SPI, keys by direction, wiping.
#include "dataplane/esp_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

namespace dp {
namespace {

WorkerConfig config(unsigned workers = 2) {
  WorkerConfig c;
  c.worker_count = workers;
  c.sessions_max = 100;
  c.children_max = 28;
  return c;
}

constexpr ike::SelectorList kNone{};

EspInstall child(ike::EspSpi spi, const std::vector<std::uint8_t>& keymat,
                 const ike::Suite& suite) {
  return {.spi_in = spi,
          .spi_out = ike::EspSpi(0xabcd),
          .suite = suite,
          .ts_local = &kNone,
          .ts_remote = &kNone,
          .keymat = keymat};
}
std::vector<std::uint8_t> counting(std::size_t len) {
  std::vector<std::uint8_t> octets(len);
  std::iota(octets.begin(), octets.end(), std::uint8_t{1});
  return octets;
}

TEST(EspTable, DecodesTheSpisOfAllWorkers) {
  const EspSpiCodec spis(config(3));
  for (unsigned w = 0; w < 3; ++w)
    for (std::uint32_t place : {0u, 1u, 99u, 100u, 127u}) {
      const ike::EspSpi spi = spis.encode(w, place, 0xfe);
      EXPECT_GE(spi.value(), 256u);  // RFC 4303 §2.1
      EXPECT_EQ(spis.decode(spi).worker, w);
      EXPECT_EQ(spis.decode(spi).place, place);
    }
  EXPECT_GE(spis.decode(ike::EspSpi(255)).worker, 3u);
  EXPECT_GE(spis.decode(ike::EspSpi(0xffffffff)).worker, 3u);
}

TEST(EspTable, RefusesMorePlacesThanSpis) {
  WorkerConfig c = config(200);
  c.sessions_max = 1u << 17;
  EXPECT_FALSE(EspTable::make(c, 0, 1).has_value());
}

TEST(EspTable, FindsByTheWholeSpi) {
  auto table = EspTable::make(config(), 1, 1).value();
  const ike::Suite suite;
  const auto keymat = counting(ike::child_keymat_len(suite));
  const ike::EspSpi spi = table->spis().encode(1, 5, 7);
  EXPECT_EQ(table->find(spi, 5), nullptr);
  ASSERT_TRUE(table->put(5, child(spi, keymat, suite), {}, 10));
  EXPECT_EQ(table->find(spi, 5), &table->at(5));
  EXPECT_EQ(table->find(table->spis().encode(1, 5, 8), 5), nullptr) << "another generation";
  table->clear(5);
  EXPECT_EQ(table->find(spi, 5), nullptr);
  EXPECT_EQ(table->live_count(), 0u);
}

// RFC 7296 §2.17: the initiator's direction first.
TEST(EspTable, DividesKeymatByRole) {
  auto table = EspTable::make(config(), 0, 1).value();
  const ike::Suite gcm;
  const auto keymat = counting(ike::child_keymat_len(gcm));
  ASSERT_TRUE(table->put(0, child(ike::EspSpi(256), keymat, gcm), {}, 1));
  EXPECT_EQ(table->at(0).in.key[0], 1);
  EXPECT_EQ(table->at(0).in.salt[0], 33);
  EXPECT_EQ(table->at(0).out.key[0], 37);
  EspInstall ours = child(ike::EspSpi(512), keymat, gcm);
  ours.we_initiated = true;
  ASSERT_TRUE(table->put(1, ours, {}, 1));
  EXPECT_EQ(table->at(1).out.key[0], 1);
  EXPECT_EQ(table->at(1).in.key[0], 37);
  ike::Suite cbc{
      .encr = ike::EncrId::aes_cbc, .key_bits = 128, .integ = ike::IntegId::hmac_sha2_256_128};
  const auto more = counting(ike::child_keymat_len(cbc));
  ASSERT_TRUE(table->put(2, child(ike::EspSpi(768), more, cbc), {}, 1));
  EXPECT_EQ(table->at(2).in.key[0], 1);
  EXPECT_EQ(table->at(2).integ_in[0], 17);
  EXPECT_EQ(table->at(2).out.key[0], 49);
  EXPECT_EQ(table->at(2).integ_out[0], 65);
  EXPECT_EQ(suite_of(table->at(2)), cbc);
  EXPECT_EQ(suite_of(table->at(0)), gcm);
}

TEST(EspTable, WipesWhatItClears) {
  auto table = EspTable::make(config(), 0, 1).value();
  const ike::Suite suite;
  const auto keymat = counting(ike::child_keymat_len(suite));
  ASSERT_TRUE(table->put(3, child(ike::EspSpi(256), keymat, suite), {}, 1));
  table->clear(3);
  const auto* octets = static_cast<const std::uint8_t*>(static_cast<const void*>(&table->at(3)));
  EXPECT_TRUE(std::all_of(octets, octets + sizeof(EspSa), [](std::uint8_t o) { return o == 0; }));
}

}  // namespace
}  // namespace dp
