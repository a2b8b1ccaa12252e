// Tests of the key schedule against published values.
#include "ike/key_schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
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

// The suite of ikev2-kdf-rekey.json under the PRF of a case.
Suite suite_of(const nlohmann::json& v) {
  Suite s;
  s.prf = static_cast<PrfId>(v.at("prf_transform_id").get<int>());
  return s;
}

// Runs `check` on each case of ikev2-kdf-rekey.json with each engine.
template <class Check>
void for_each_case(Check check) {
  const auto file = support::load_vectors("ikev2-kdf-rekey.json");
  ASSERT_EQ(file.at("vectors").size(), 6u);
  for (const auto& v : file.at("vectors"))
    for (const auto& engine : engines()) {
      SCOPED_TRACE(text_at(v, "id") + " " + engine->name());
      check(v, *engine);
    }
}

TEST(KeySchedule, DerivesTheInitialKeys) {  // CORE-101, RFC 7296 §2.14
  for_each_case([](const nlohmann::json& v, crypto::Engine& engine) {
    const Suite s = suite_of(v);
    Octets keymat(ike_keymat_len(s));
    derive_ike_keys(engine, s, hex_at(v, "g_ir"), hex_at(v, "ni"), hex_at(v, "nr"),
                    spi_at(v, "spi_i"), spi_at(v, "spi_r"), keymat);
    EXPECT_EQ(to_hex(keymat), text_at(v, "keymat"));
  });
  // The same against the published octets, as far as they go.
  const auto cavs = support::load_vectors("ikev2-kdf-cavs-sha2.json");
  for (const auto& v : cavs.at("vectors")) {
    const Suite s = suite_of(v);
    Octets keymat(ike_keymat_len(s));
    derive_ike_keys(*crypto::make_ossl_engine(), s, hex_at(v, "g_ir"), hex_at(v, "ni"),
                    hex_at(v, "nr"), spi_at(v, "spi_i"), spi_at(v, "spi_r"), keymat);
    const std::string dkm = text_at(v, "dkm");
    const std::size_t len = std::min(dkm.size(), 2 * keymat.size());
    EXPECT_EQ(to_hex(keymat).substr(0, len), dkm.substr(0, len)) << text_at(v, "id");
  }
}

TEST(KeySchedule, DerivesChildKeysWithAndWithoutKe) {  // CORE-73, RFC 7296 §2.17
  for_each_case([](const nlohmann::json& v, crypto::Engine& engine) {
    const Suite s = suite_of(v);
    const Octets keymat = hex_at(v, "keymat");
    const crypto::Bytes sk_d = split_ike_keymat(s, keymat).sk_d;
    Octets child(child_keymat_len(s));
    derive_child_keys(engine, s, sk_d, hex_at(v, "ni"), hex_at(v, "nr"), child);
    EXPECT_EQ(to_hex(child), text_at(v, "child_keymat"));
    derive_child_keys_with_ke(engine, s, sk_d, hex_at(v, "g_ir_new"), hex_at(v, "ni"),
                              hex_at(v, "nr"), child);
    EXPECT_EQ(to_hex(child), text_at(v, "child_keymat_with_ke"));
    derive_child_keys_with_ke(engine, s, sk_d, {}, hex_at(v, "ni"), hex_at(v, "nr"), child);
    EXPECT_EQ(to_hex(child), text_at(v, "child_keymat"));
  });
}

TEST(KeySchedule, DerivesRekeyedKeys) {  // CORE-74, RFC 7296 §2.18
  for_each_case([](const nlohmann::json& v, crypto::Engine& engine) {
    const Suite old_suite = suite_of(v);
    Octets keymat = hex_at(v, "keymat");
    const auto derive = [&](const Suite& s) {
      Octets out(ike_keymat_len(s));
      derive_rekeyed_keys(engine, old_suite, split_ike_keymat(old_suite, keymat).sk_d, s,
                          hex_at(v, "g_ir_new"), hex_at(v, "ni"), hex_at(v, "nr"),
                          spi_at(v, "spi_i"), spi_at(v, "spi_r"), out);
      return to_hex(out);
    };
    EXPECT_EQ(derive(old_suite), text_at(v, "rekeyed_keymat"));
    Suite sha512 = old_suite;
    sha512.prf = PrfId::hmac_sha2_512;
    EXPECT_EQ(derive(sha512), text_at(v, "rekeyed_keymat_to_sha512"));
    // RFC 9370 §2.2.2: the same formula, and SK_d may lie where the new keys go.
    derive_updated_keys(engine, old_suite, split_ike_keymat(old_suite, keymat).sk_d,
                        hex_at(v, "g_ir_new"), hex_at(v, "ni"), hex_at(v, "nr"), spi_at(v, "spi_i"),
                        spi_at(v, "spi_r"), keymat);
    EXPECT_EQ(to_hex(keymat), text_at(v, "rekeyed_keymat"));
  });
}

TEST(KeySchedule, TakesTheLongestSecretsAndNonces) {
  const auto engine = crypto::make_ossl_engine();
  const Suite s;
  const Octets secret = filled(kSharedSecretMax, 3), nonce = filled(kNonceLenMax, 4);
  Octets keymat(ike_keymat_len(s)), child(child_keymat_len(s));
  derive_ike_keys(*engine, s, secret, nonce, nonce, IkeSpi(1), IkeSpi(2), keymat);
  derive_child_keys_with_ke(*engine, s, split_ike_keymat(s, keymat).sk_d, secret, nonce, nonce,
                            child);
  EXPECT_NE(to_hex(child), to_hex(Octets(child.size())));
}

}  // namespace
}  // namespace ike
