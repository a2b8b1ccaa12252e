// The contract of Engine, against published vectors, through every engine.
#include "crypto/engine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "crypto/prf_plus.h"
#include "tests/support/vector_blocks.h"

namespace crypto {
namespace {

using support::Octets;
using support::to_hex;

std::vector<std::unique_ptr<Engine>> engines() {
  std::vector<std::unique_ptr<Engine>> all;
  all.push_back(make_ossl_engine());
  all.push_back(make_mb_engine());
  EXPECT_NE(all.back(), nullptr) << "this processor cannot run IPsec-MB";
  if (all.back() == nullptr) all.pop_back();
  return all;
}

Aead aead_named(const std::string& name) {
  if (name == "aes128_gcm") return Aead::aes128_gcm;
  if (name == "aes256_gcm") return Aead::aes256_gcm;
  EXPECT_EQ(name, "chacha20_poly1305");
  return Aead::chacha20_poly1305;
}

struct NamedPrf {
  Prf prf;
  const char* name;
};
constexpr NamedPrf kPrfs[] = {
    {Prf::hmac_sha256, "sha256"}, {Prf::hmac_sha384, "sha384"}, {Prf::hmac_sha512, "sha512"}};

// One vector, sealed and opened with the key given in one of the two ways.
void check_aead(Engine& engine, const support::VectorBlock& vector, bool expanded) {
  const Aead alg = aead_named(vector.text("alg"));
  const Octets key = vector.octets("key");
  const Octets nonce = vector.octets("nonce");
  const Octets aad = vector.octets("aad");
  const Octets text = vector.octets("text");
  ExpandedKey expanded_key;
  const ExpandLane expand{key.data(), &expanded_key};
  engine.expand(alg, {&expand, 1});

  Octets out(text.size(), 0xee);
  Octets tag(kAeadTagLen, 0xee);
  AeadLane lane{.key = expanded ? &expanded_key : nullptr,
                .raw_key = expanded ? nullptr : key.data(),
                .nonce = nonce.data(),
                .aad = aad,
                .in = text.data(),
                .len = static_cast<std::uint32_t>(text.size()),
                .out = out.data(),
                .tag = tag.data()};
  engine.seal(alg, {&lane, 1});
  EXPECT_TRUE(lane.ok);
  EXPECT_EQ(to_hex(out), vector.text("cipher"));
  EXPECT_EQ(to_hex(tag), vector.text("tag"));

  lane.in = out.data();
  engine.open(alg, {&lane, 1});
  EXPECT_TRUE(lane.ok);
  EXPECT_EQ(out, text);
}

TEST(Engine, SealsAndOpensPublishedAeadVectors) {
  for (const auto& engine : engines()) {
    for (const support::VectorBlock& vector : support::load_blocks("aead.txt")) {
      SCOPED_TRACE(std::string(engine->name()) + ", " + vector.text("case"));
      check_aead(*engine, vector, true);
      check_aead(*engine, vector, false);
    }
  }
}

TEST(Engine, RefusesEveryFlippedBitAndGivesZeroes) {
  const support::VectorBlock vector = support::load_blocks("aead.txt").back();
  const Aead algs[] = {Aead::aes128_gcm, Aead::aes256_gcm, Aead::chacha20_poly1305};
  for (const auto& engine : engines()) {
    for (const Aead alg : algs) {
      SCOPED_TRACE(engine->name());
      Octets key = vector.octets("key");
      Octets nonce = vector.octets("nonce");
      Octets aad = vector.octets("aad");
      Octets text(40, 0x5a);
      Octets cipher(text.size());
      Octets tag(kAeadTagLen);
      AeadLane lane{.raw_key = key.data(),
                    .nonce = nonce.data(),
                    .aad = aad,
                    .in = text.data(),
                    .len = 40,
                    .out = cipher.data(),
                    .tag = tag.data()};
      engine->seal(alg, {&lane, 1});
      Octets out(text.size());
      lane.in = cipher.data();
      lane.out = out.data();
      for (Octets* part : {&nonce, &aad, &cipher, &tag}) {
        for (std::size_t bit = 0; bit < part->size() * 8; ++bit) {
          std::ranges::fill(out, std::uint8_t{0xee});
          (*part)[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
          engine->open(alg, {&lane, 1});
          EXPECT_FALSE(lane.ok);
          EXPECT_EQ(out, Octets(text.size(), 0));
          (*part)[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
        }
      }
      engine->open(alg, {&lane, 1});
      EXPECT_TRUE(lane.ok);
      EXPECT_EQ(out, text);
    }
  }
}

// RFC 4868 §2.7 takes its vectors from RFC 4231.
TEST(Engine, ComputesPublishedHmacVectors) {
  for (const auto& engine : engines()) {
    for (const support::VectorBlock& vector : support::load_blocks("hmac.txt")) {
      for (const NamedPrf& named : kPrfs) {
        SCOPED_TRACE(std::string(engine->name()) + ", " + named.name + ", " + vector.text("case"));
        Octets out(prf_len(named.prf));
        prf_once(*engine, named.prf, vector.octets("key"), vector.octets("message"), out.data());
        EXPECT_EQ(to_hex(out), vector.text(named.name));
      }
    }
  }
}

// RFC 7296 §2.14: SKEYSEED = prf(Ni | Nr, g^ir), then prf+(SKEYSEED, Ni | Nr | SPIi | SPIr).
TEST(Engine, DerivesPublishedIkev2Keys) {
  const auto vectors = support::load_vectors("ikev2-kdf-cavs-sha2.json").at("vectors");
  const std::map<std::string, Prf> prfs = {{"HMAC-SHA2-256", Prf::hmac_sha256},
                                           {"HMAC-SHA2-384", Prf::hmac_sha384},
                                           {"HMAC-SHA2-512", Prf::hmac_sha512}};
  EXPECT_EQ(vectors.size(), 6u);
  for (const auto& engine : engines()) {
    for (const auto& vector : vectors) {
      SCOPED_TRACE(std::string(engine->name()) + ", " + vector.at("id").get<std::string>());
      const Prf prf = prfs.at(vector.at("prf"));
      const auto octets = [&](const char* name) { return support::hex_at(vector, name); };
      const auto append = [](Octets& to, const Octets& more) {
        to.insert(to.end(), more.begin(), more.end());
      };
      Octets seed = octets("ni");
      append(seed, octets("nr"));
      Octets skeyseed(prf_len(prf));
      prf_once(*engine, prf, seed, octets("g_ir"), skeyseed.data());
      EXPECT_EQ(to_hex(skeyseed), vector.at("skeyseed").get<std::string>());
      append(seed, octets("spi_i"));
      append(seed, octets("spi_r"));
      Octets keys(vector.at("dkm_len_bytes").get<std::size_t>());
      prf_plus_once(*engine, prf, skeyseed, seed, keys);
      EXPECT_EQ(to_hex(keys), vector.at("dkm").get<std::string>());
    }
  }
}

TEST(Engine, HashesPublishedSha1Vectors) {
  for (const auto& engine : engines()) {
    for (const support::VectorBlock& vector : support::load_blocks("sha1.txt")) {
      SCOPED_TRACE(std::string(engine->name()) + ", " + vector.text("case"));
      const Octets message = vector.octets("message");
      Octets out(20);
      const Sha1Lane lane{message, out.data()};
      engine->sha1({&lane, 1});
      EXPECT_EQ(to_hex(out), vector.text("sha1"));
    }
  }
}

TEST(Engine, EncryptsPublishedCbcVectors) {
  for (const auto& engine : engines()) {
    for (const support::VectorBlock& vector : support::load_blocks("cbc.txt")) {
      SCOPED_TRACE(std::string(engine->name()) + ", " + vector.text("case"));
      const Octets iv = vector.octets("iv");
      Octets text = vector.octets("text");
      Octets out(text.size());
      engine->cbc_encrypt(vector.octets("key"), iv.data(), text, out.data());
      EXPECT_EQ(to_hex(out), vector.text("cipher"));
      engine->cbc_decrypt(vector.octets("key"), iv.data(), out, out.data());
      EXPECT_EQ(out, text);
      engine->cbc_encrypt(vector.octets("key"), iv.data(), text, text.data());
      EXPECT_EQ(to_hex(text), vector.text("cipher"));
    }
  }
}

TEST(Engine, TakesAnEmptyBatch) {
  for (const auto& engine : engines()) {
    engine->expand(Aead::aes256_gcm, {});
    engine->open(Aead::aes256_gcm, {});
    engine->seal(Aead::chacha20_poly1305, {});
    engine->prepare(Prf::hmac_sha256, {});
    engine->mac(Prf::hmac_sha384, {});
    engine->sha1({});
  }
}

TEST(Engine, WipesKeysWhenTheyDie) {
  alignas(64) std::uint8_t room[sizeof(ExpandedKey)];
  auto* key = new (room) ExpandedKey;
  std::memset(key->storage(), 0xa5, ExpandedKey::kStorageLen);
  key->~ExpandedKey();
  EXPECT_EQ(Octets(room, room + sizeof room), Octets(sizeof room, 0));

  alignas(64) std::uint8_t small[sizeof(PrfKey)];
  auto* prf_key = new (small) PrfKey;
  std::memset(prf_key->storage(), 0xa5, PrfKey::kStorageLen);
  prf_key->~PrfKey();
  EXPECT_EQ(Octets(small, small + sizeof small), Octets(sizeof small, 0));
}

}  // namespace
}  // namespace crypto
