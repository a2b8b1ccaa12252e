// esp_crypto: the known answers of tests/vectors/esp-kat-dpdk.json, opened, and sealed again.
#include "dataplane/esp_crypto.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/vectors.h"

namespace dp {
namespace {

using support::hex_at;
using support::Octets;

// A vector as an SA; false for ciphers that we do not have (AES-192).
bool load(const nlohmann::json& v, EspSa& sa) {
  const Octets key = hex_at(v, "key");
  if (key.size() == 24) return false;
  const bool cbc = v.contains("auth_key");
  if (cbc)
    sa.cipher = key.size() == 16 ? EspCipher::aes128_cbc : EspCipher::aes256_cbc;
  else
    sa.cipher = key.size() == 16 ? EspCipher::aes128_gcm : EspCipher::aes256_gcm;
  for (EspDirection* way : {&sa.in, &sa.out}) {
    std::ranges::copy(key, way->key.begin());
    if (!cbc) std::ranges::copy(hex_at(v, "salt"), way->salt.begin());
  }
  if (!cbc) return true;
  const Octets integ = hex_at(v, "auth_key");
  sa.integ = integ.size() == 32   ? crypto::Prf::hmac_sha256
             : integ.size() == 48 ? crypto::Prf::hmac_sha384
                                  : crypto::Prf::hmac_sha512;
  std::ranges::copy(integ, sa.integ_in.begin());
  std::ranges::copy(integ, sa.integ_out.begin());
  return true;
}

TEST(EspCrypto, OpensKnownAnswersAndSealsThemAgain) {  // RFC 4303, RFC 4106, RFC 3602, RFC 4868
  const auto engine = crypto::make_mb_engine();
  auto keys = EspKeyCache::make(8).value();
  crypto::Random random(3);
  unsigned seen = 0;
  const nlohmann::json file = support::load_vectors("esp-kat-dpdk.json");
  for (const auto& v : file.at("vectors")) {
    SCOPED_TRACE(support::text_at(v, "name"));
    EspSa sa;
    if (!load(v, sa)) continue;
    ++seen;
    const Octets packet = hex_at(v, "outer_packet");
    const std::size_t outer = packet[0] >> 4 == 4 ? 20 : 40;
    Octets esp(packet.begin() + static_cast<std::ptrdiff_t>(outer), packet.end());
    EspTexts texts;
    texts[0] = {.packet = esp, .sa = &sa, .number = v.at("seq").get<std::uint64_t>()};
    ASSERT_FALSE(open_esp_texts(texts, LaneSet::first(1), *engine, *keys).empty());
    Octets plain = hex_at(v, "inner");
    std::ranges::copy(hex_at(v, "trailer"), std::back_inserter(plain));
    EXPECT_TRUE(std::ranges::equal(texts[0].text(), plain));

    seal_esp_texts(texts, LaneSet::first(1), *engine, *keys, random);
    EXPECT_FALSE(std::ranges::equal(texts[0].text(), plain));
    ASSERT_FALSE(open_esp_texts(texts, LaneSet::first(1), *engine, *keys).empty());
    EXPECT_TRUE(std::ranges::equal(texts[0].text(), plain));
    seal_esp_texts(texts, LaneSet::first(1), *engine, *keys, random);
    esp[9] ^= 1;
    EXPECT_TRUE(open_esp_texts(texts, LaneSet::first(1), *engine, *keys).empty()) << "IV altered";
  }
  EXPECT_GE(seen, 6u);
}

}  // namespace
}  // namespace dp
