// Tests of suites: what is accepted and which lengths follow.
#include "ike/suite.h"

#include <gtest/gtest.h>

#include <utility>

namespace ike {
namespace {

Suite suite(EncrId encr, std::uint16_t bits, PrfId prf, IntegId integ) {
  return {encr, bits, prf, integ, KeId::curve25519, false};
}

TEST(Suite, IsPostQuantumWithMlKemAnywhere) {
  constexpr auto with = [](KeId ke, KeId third) {
    Suite made{.ke = ke};
    made.additional.set(2, third);
    return made;
  };
  static_assert(!is_post_quantum(with(KeId::curve25519, KeId::ecp_384)));
  static_assert(is_post_quantum(with(KeId::ml_kem_768, KeId::none)));
  static_assert(is_post_quantum(with(KeId::curve25519, KeId::ml_kem_768)));
}

TEST(Suite, AcceptsAeadWithoutIntegrityAndCbcWithIt) {
  using enum IntegId;
  constexpr PrfId kPrf = PrfId::hmac_sha2_256;
  EXPECT_TRUE(is_supported(suite(EncrId::aes_gcm_16, 128, kPrf, none)));
  EXPECT_TRUE(is_supported(suite(EncrId::aes_gcm_16, 256, kPrf, none)));
  EXPECT_TRUE(is_supported(suite(EncrId::chacha20_poly1305, 0, kPrf, none)));
  EXPECT_TRUE(is_supported(suite(EncrId::aes_cbc, 256, kPrf, hmac_sha2_384_192)));
  EXPECT_FALSE(is_supported(suite(EncrId::aes_gcm_16, 256, kPrf, hmac_sha2_256_128)));
  EXPECT_FALSE(is_supported(suite(EncrId::aes_cbc, 256, kPrf, none)));
}

TEST(Suite, RefusesNumbersItDoesNotKnow) {
  constexpr PrfId kPrf = PrfId::hmac_sha2_256;
  EXPECT_FALSE(is_supported(suite(EncrId::aes_gcm_16, 192, kPrf, IntegId::none)));
  EXPECT_FALSE(is_supported(suite(EncrId::aes_gcm_16, 0, kPrf, IntegId::none)));
  EXPECT_FALSE(is_supported(suite(EncrId::chacha20_poly1305, 256, kPrf, IntegId::none)));
  EXPECT_FALSE(is_supported(suite(static_cast<EncrId>(3), 0, kPrf, IntegId::none)));
  EXPECT_FALSE(is_supported(suite(EncrId::aes_gcm_16, 256, static_cast<PrfId>(2), IntegId::none)));
  EXPECT_FALSE(is_supported(suite(EncrId::aes_cbc, 256, kPrf, static_cast<IntegId>(2))));
  Suite s;
  EXPECT_TRUE(is_supported(s));
  s.ke = static_cast<KeId>(2);
  EXPECT_FALSE(is_supported(s));
}

TEST(Suite, WantsDifferentKeyExchanges) {  // RFC 9370 §2.2.1
  Suite s = suite(EncrId::aes_gcm_16, 256, PrfId::hmac_sha2_256, IntegId::none);
  s.additional.set(0, KeId::ml_kem_768);
  s.additional.set(6, KeId::ecp_256);
  EXPECT_TRUE(is_supported(s));
  EXPECT_EQ(s.additional.next(0), 0u);
  EXPECT_EQ(s.additional.next(1), 6u);
  EXPECT_EQ(s.additional.next(7), AdditionalKes::kMax);
  for (const KeId bad : {KeId::curve25519, KeId::ecp_256, static_cast<KeId>(2)}) {
    Suite other = s;
    other.additional.set(3, bad);
    EXPECT_FALSE(is_supported(other)) << std::to_underlying(bad);
  }
  EXPECT_TRUE(without_ke(s).additional.empty());
  EXPECT_EQ(without_ke(s).ke, KeId::none);
  EXPECT_NE(s, suite(s.encr, 256, s.prf, IntegId::none));
}

TEST(Suite, KnowsTheLengthsOfKeysAndTags) {
  const Suite gcm = suite(EncrId::aes_gcm_16, 256, PrfId::hmac_sha2_256, IntegId::none);
  EXPECT_EQ(encr_key_len(gcm), 36u);
  EXPECT_EQ(integ_key_len(gcm), 0u);
  EXPECT_EQ(iv_len(gcm), 8u);
  EXPECT_EQ(icv_len(gcm), 16u);
  EXPECT_EQ(ike_keymat_len(gcm), 168u);
  EXPECT_EQ(child_keymat_len(gcm), 72u);
  const Suite cbc = suite(EncrId::aes_cbc, 256, PrfId::hmac_sha2_512, IntegId::hmac_sha2_512_256);
  EXPECT_EQ(encr_key_len(cbc), 32u);
  EXPECT_EQ(integ_key_len(cbc), 64u);
  EXPECT_EQ(iv_len(cbc), 16u);
  EXPECT_EQ(icv_len(cbc), 32u);
  EXPECT_EQ(ike_keymat_len(cbc), 3 * 64u + 2 * 64u + 2 * 32u);
  EXPECT_LE(ike_keymat_len(cbc), kIkeKeymatMax);
}

}  // namespace
}  // namespace ike
