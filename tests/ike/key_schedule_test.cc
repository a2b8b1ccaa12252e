// Tests of the key schedule against published values.
#include "ike/key_schedule.h"

#include <gtest/gtest.h>

#include <utility>

#include "crypto/prf_plus.h"
#include "tests/ike/messages.h"
#include "tests/support/vectors.h"

namespace ike {
namespace {

using support::hex_at;
using support::text_at;

IkeSpi spi_at(const nlohmann::json& object, const char* key) {
  return IkeSpi(crypto::load_be64(hex_at(object, key).data()));
}

TEST(KeySchedule, GivesTheSkeyseedOfRacoon2) {  // RFC 5723 §5.1, R5723-31
  const auto pin = support::load_vectors("resume-transcripts.json").at("third_party_skeyseed_pin");
  const Octets ni = hex_at(pin, "ni");
  const Octets nr = hex_at(pin, "nr");
  Octets seed(kResumeSeedMax);
  seed.resize(write_resume_seed(ni, nr, seed.data()));
  for (const auto& engine : engines()) {
    Octets skeyseed(32);
    crypto::prf_once(*engine, crypto::Prf::hmac_sha256, hex_at(pin, "sk_d_old"), seed,
                     skeyseed.data());
    EXPECT_EQ(to_hex(skeyseed), "f1ca21ed6c1cc20e9677ceff6e0cd6e3d73503c3663ae4a33902d5720b13f386")
        << engine->name();
    EXPECT_EQ(to_hex(skeyseed), text_at(pin, "skeyseed"));
  }
}

TEST(KeySchedule, LabelHasTenOctetsAndNoNul) {  // R5723-133
  Octets seed(kResumeSeedMax);
  seed.resize(write_resume_seed(filled(16, 0xaa), filled(16, 0xbb), seed.data()));
  EXPECT_EQ(to_hex(crypto::Bytes(seed).first(12)), "526573756d7074696f6eaaaa");
  EXPECT_EQ(seed.size(), 42u);
  EXPECT_EQ(seed.back(), 0xbb);
}

TEST(KeySchedule, GivesTheDkmOfNistCavs) {  // CORE-101, RFC 7296 §2.14
  const auto file = support::load_vectors("ikev2-kdf-cavs-sha2.json");
  ASSERT_EQ(file.at("vectors").size(), 6u);
  for (const auto& v : file.at("vectors")) {
    const auto prf = prf_of(static_cast<PrfId>(v.at("prf_transform_id").get<int>()));
    const Octets ni = hex_at(v, "ni");
    const Octets nr = hex_at(v, "nr");
    Octets nonces(ni.size() + nr.size());
    ASSERT_EQ(write_child_seed(ni, nr, nonces.data()), nonces.size());
    Octets seed(crypto::kPrfPlusSeedMax);
    seed.resize(write_keymat_seed(ni, nr, spi_at(v, "spi_i"), spi_at(v, "spi_r"), seed.data()));
    for (const auto& engine : engines()) {
      Octets skeyseed(crypto::prf_len(prf));
      crypto::prf_once(*engine, prf, nonces, hex_at(v, "g_ir"), skeyseed.data());
      EXPECT_EQ(to_hex(skeyseed), text_at(v, "skeyseed")) << text_at(v, "id");
      Octets dkm(v.at("dkm_len_bytes").get<std::size_t>());
      crypto::prf_plus_once(*engine, prf, skeyseed, seed, dkm);
      EXPECT_EQ(to_hex(dkm), text_at(v, "dkm")) << text_at(v, "id") << " " << engine->name();
    }
  }
}

Octets counting(std::size_t len) {
  Octets out(len);
  for (std::size_t i = 0; i < len; ++i) out[i] = static_cast<std::uint8_t>(i);
  return out;
}

TEST(KeySchedule, CutsTheIkeKeymatWithoutAGap) {  // RFC 7296 §2.14
  Suite s;
  s.encr = EncrId::aes_cbc;
  s.prf = PrfId::hmac_sha2_384;
  s.integ = IntegId::hmac_sha2_256_128;
  const Octets keymat = counting(ike_keymat_len(s));
  const IkeKeys k = split_ike_keymat(s, keymat);
  const std::vector<crypto::Bytes> parts = {k.sk_d,  k.sk_ai, k.sk_ar, k.sk_ei,
                                            k.sk_er, k.sk_pi, k.sk_pr};
  const std::vector<std::size_t> lengths = {48, 32, 32, 32, 32, 48, 48};
  std::size_t at = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    EXPECT_EQ(parts[i].size(), lengths[i]) << i;
    EXPECT_EQ(parts[i].data(), keymat.data() + at) << i;
    at += parts[i].size();
  }
  EXPECT_EQ(at, keymat.size());
}

TEST(KeySchedule, CutsTheChildKeymatInitiatorFirst) {  // RFC 7296 §2.17
  Suite s;
  s.encr = EncrId::aes_cbc;
  s.integ = IntegId::hmac_sha2_256_128;
  const Octets keymat = counting(child_keymat_len(s));
  const ChildKeys k = split_child_keymat(s, keymat);
  EXPECT_EQ(k.encr_i.data(), keymat.data());
  EXPECT_EQ(k.integ_i.data(), keymat.data() + 32);
  EXPECT_EQ(k.encr_r.data(), keymat.data() + 64);
  EXPECT_EQ(k.integ_r.data(), keymat.data() + 96);
  EXPECT_EQ(k.integ_r.size(), 32u);
}

TEST(KeySchedule, EveryInputChangesTheKeys) {  // R5723-133
  const auto engine = crypto::make_ossl_engine();
  const Suite s;
  const Octets sk_d = filled(32, 1);
  const Octets ni = filled(32, 2);
  const Octets nr = filled(32, 3);
  const auto derive = [&](const Octets& d, const Octets& i, const Octets& r, IkeSpi a, IkeSpi b) {
    Octets out(ike_keymat_len(s));
    derive_resumed_keys(*engine, s, d, i, r, a, b, out);
    return to_hex(out);
  };
  const IkeSpi a(5);
  const IkeSpi b(6);
  const std::string base = derive(sk_d, ni, nr, a, b);
  EXPECT_EQ(derive(sk_d, ni, nr, a, b), base);
  EXPECT_NE(derive(filled(32, 9), ni, nr, a, b), base);
  EXPECT_NE(derive(sk_d, nr, ni, a, b), base);
  EXPECT_NE(derive(sk_d, ni, nr, b, a), base);
  EXPECT_NE(derive(sk_d, filled(33, 2), nr, a, b), base);
}

}  // namespace
}  // namespace ike
