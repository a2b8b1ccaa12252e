// The OpenSSL engine keeps contexts and keys between calls: what is kept must never show.
#include <gtest/gtest.h>

#include "crypto/engine.h"
#include "tests/support/vectors.h"

namespace crypto {
namespace {

using support::Octets;

// Cipher text and tag of one octet string under `key`.
Octets seal(Engine& engine, const Octets& key, const Octets& text) {
  const Octets nonce(kAeadNonceLen, 7);
  Octets out(text.size() + kAeadTagLen);
  AeadLane lane{.raw_key = key.data(),
                .nonce = nonce.data(),
                .in = text.data(),
                .len = static_cast<std::uint32_t>(text.size()),
                .out = out.data(),
                .tag = out.data() + text.size()};
  engine.seal(Aead::aes256_gcm, {&lane, 1});
  return out;
}

Octets mac(Engine& engine, const Octets& key, const Octets& message) {
  PrfKey prepared;
  const PrfKeyLane key_lane{key, &prepared};
  engine.prepare(Prf::hmac_sha384, {&key_lane, 1});
  Octets out(prf_len(Prf::hmac_sha384));
  const MacLane lane{&prepared, message, out.data()};
  engine.mac(Prf::hmac_sha384, {&lane, 1});
  return out;
}

TEST(OsslEngine, GivesTheSameAnswersWithAKeptKeyAsWithANewOne) {
  const Octets text(50, 1);
  const Octets key_a(32, 0xaa);
  const Octets key_b(32, 0xbb);
  const auto kept = make_ossl_engine();
  for (const Octets& key : {key_a, key_a, key_b, key_a, key_b, key_b}) {
    EXPECT_EQ(seal(*kept, key, text), seal(*make_ossl_engine(), key, text));
    EXPECT_EQ(mac(*kept, key, text), mac(*make_ossl_engine(), key, text));
  }
}

TEST(OsslEngine, OpensAfterARefusal) {
  const auto engine = make_ossl_engine();
  const Octets key(32, 3);
  const Octets nonce(kAeadNonceLen, 7);
  Octets sealed = seal(*engine, key, Octets(20, 9));
  Octets out(20);
  AeadLane lane{.raw_key = key.data(),
                .nonce = nonce.data(),
                .in = sealed.data(),
                .len = 20,
                .out = out.data(),
                .tag = sealed.data() + 20};
  sealed[0] ^= 1;
  engine->open(Aead::aes256_gcm, {&lane, 1});
  EXPECT_FALSE(lane.ok);
  sealed[0] ^= 1;
  engine->open(Aead::aes256_gcm, {&lane, 1});
  EXPECT_TRUE(lane.ok);
  EXPECT_EQ(out, Octets(20, 9));
}

}  // namespace
}  // namespace crypto
