// Tests of the Encrypted payload: both cipher kinds, fragments, and everything that must fail.
#include "ike/sk_payload.h"

#include <gtest/gtest.h>

#include "ike/payload.h"
#include "tests/ike/messages.h"

namespace ike {
namespace {

const Suite kGcm256;
const Suite kGcm128{EncrId::aes_gcm_16, 128};
const Suite kChaCha{EncrId::chacha20_poly1305, 0};
const Suite kCbc256{EncrId::aes_cbc, 256, PrfId::hmac_sha2_256, IntegId::hmac_sha2_256_128};
const Suite kCbc384{EncrId::aes_cbc, 128, PrfId::hmac_sha2_256, IntegId::hmac_sha2_384_192};
const Suite kCbc512{EncrId::aes_cbc, 256, PrfId::hmac_sha2_256, IntegId::hmac_sha2_512_256};
const std::vector<Suite> kSuites = {kGcm256, kGcm128, kChaCha, kCbc256, kCbc384, kCbc512};

Header auth_header() {
  Header h;
  h.spi_i = IkeSpi(0x0102030405060708);
  h.spi_r = IkeSpi(0x1112131415161718);
  h.exchange = Exchange::ike_auth;
  h.flags = kFlagInitiator;
  h.message_id = MessageId(1);
  return h;
}

Octets counting(std::size_t len, unsigned start) {
  Octets out(len);
  for (std::size_t i = 0; i < len; ++i) out[i] = static_cast<std::uint8_t>(start + i);
  return out;
}

struct Keys {
  explicit Keys(const Suite& s)
      : e(counting(encr_key_len(s), 1)),
        a(counting(integ_key_len(s), 90)),
        iv(counting(iv_len(s), 200)) {}
  Octets e, a, iv;
};

Octets sealed(crypto::Engine& engine, const Suite& suite, const Octets& vendor_id) {
  const Keys keys(suite);
  Octets buffer(2048);
  SkBuilder builder(buffer, auth_header(), suite);
  builder.chain().payload(PayloadType::vendor_id, vendor_id);
  buffer.resize(builder.finish(keys.iv));
  EXPECT_FALSE(buffer.empty());
  seal_sk(engine, suite, keys.e, keys.a, buffer);
  return buffer;
}

ParseError find(crypto::Bytes message, const Suite& suite, SkView& out) {
  Header h;
  const ParseError e = parse_header(message, h);
  return e != ParseError::none ? e : find_sk(message, h, suite, out);
}

bool opens(crypto::Engine& engine, const Suite& suite, crypto::Bytes message, Octets& inner) {
  const Keys keys(suite);
  SkView sk;
  if (find(message, suite, sk) != ParseError::none) return false;
  inner.assign(sk.ciphertext.size(), 0);
  if (!open_sk(engine, suite, keys.e, keys.a, sk, inner.data())) return false;
  crypto::Bytes stripped;
  if (strip_padding(inner, stripped) != ParseError::none) return false;
  inner.resize(stripped.size());
  return true;
}

TEST(SkPayload, OpensWhatItSealedForEverySuiteAndLength) {
  for (const auto& engine : engines()) {
    for (const Suite& suite : kSuites) {
      for (std::size_t len = 0; len < 70; ++len) {
        const Octets vendor_id = counting(len, 3);
        const Octets message = sealed(*engine, suite, vendor_id);
        Octets inner;
        ASSERT_TRUE(opens(*engine, suite, message, inner)) << engine->name() << " " << len;
        EXPECT_EQ(inner, chain_of({raw(PayloadType::vendor_id, vendor_id)}));
      }
    }
  }
}

TEST(SkPayload, EnginesWriteTheSameOctets) {
  const auto all = engines();
  for (const Suite& suite : kSuites)
    for (const auto& engine : all)
      EXPECT_EQ(to_hex(sealed(*engine, suite, counting(33, 3))),
                to_hex(sealed(*all[0], suite, counting(33, 3))));
}

TEST(SkPayload, EveryChangedBitIsNoticed) {  // R5723-130, RFC 7296 §3.14
  for (const auto& engine : engines()) {
    for (const Suite& suite : {kGcm256, kCbc256}) {
      const Octets good = sealed(*engine, suite, counting(9, 3));
      for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
        Octets bad = good;
        bad[bit / 8] = static_cast<std::uint8_t>(bad[bit / 8] ^ (1u << (bit % 8)));
        Octets inner;
        EXPECT_FALSE(opens(*engine, suite, bad, inner)) << bit;
      }
    }
  }
}

TEST(SkPayload, LaneFormGivesTheSameOctets) {
  for (const auto& engine : engines()) {
    const Keys keys(kGcm256);
    const Octets expected = sealed(*engine, kGcm256, counting(20, 3));
    Octets buffer(2048);
    SkBuilder builder(buffer, auth_header(), kGcm256);
    builder.chain().payload(PayloadType::vendor_id, counting(20, 3));
    buffer.resize(builder.finish(keys.iv));
    std::uint8_t nonce[crypto::kAeadNonceLen];
    crypto::AeadLane lane = seal_lane(buffer, keys.e, nonce);
    engine->seal(aead_of(kGcm256), {&lane, 1});
    EXPECT_EQ(buffer, expected);
    SkView sk;
    ASSERT_EQ(find(buffer, kGcm256, sk), ParseError::none);
    Octets text(sk.ciphertext.size());
    crypto::AeadLane open = open_lane(sk, keys.e, nonce, text.data());
    engine->open(aead_of(kGcm256), {&open, 1});
    EXPECT_TRUE(open.ok);
  }
}

TEST(SkPayload, AadEndsBeforeTheIv) {  // CORE-97, RFC 5282 §5.1
  const auto engine = crypto::make_ossl_engine();
  const Octets message = sealed(*engine, kGcm256, counting(20, 3));
  SkView sk;
  ASSERT_EQ(find(message, kGcm256, sk), ParseError::none);
  EXPECT_EQ(sk.aad.data(), message.data());
  EXPECT_EQ(sk.aad.size(), kHeaderLen + 4);
  EXPECT_EQ(to_hex(sk.iv), to_hex(counting(8, 200)));
  EXPECT_EQ(sk.ciphertext.size(), 25u);
  EXPECT_EQ(sk.icv.data() + sk.icv.size(), message.data() + message.size());
  EXPECT_EQ(sk.first_inner, PayloadType::vendor_id);
  EXPECT_FALSE(sk.fragment);
}

TEST(SkPayload, IgnoresClearPayloadsInFrontAndCoversThem) {  // CORE-16
  const Octets sk_body = counting(8 + 30 + 16, 1);
  const Octets message = message_of(
      auth_header(), {notify(Notify::cookie, {1}), {200, {1}}, raw(PayloadType::sk, sk_body)});
  SkView sk;
  ASSERT_EQ(find(message, kGcm256, sk), ParseError::none);
  EXPECT_EQ(sk.aad.size(), message.size() - sk_body.size());
  EXPECT_EQ(sk.ciphertext.size(), 30u);
}

TEST(SkPayload, MissingSkIsTold) {  // R5723-131, CORE-87
  SkView sk;
  EXPECT_EQ(find(message_of(auth_header(), {}), kGcm256, sk), ParseError::missing_payload);
  EXPECT_EQ(find(message_of(auth_header(), {notify(Notify::cookie)}), kGcm256, sk),
            ParseError::missing_payload);
}

TEST(SkPayload, TooShortForTheSuiteIsRefused) {
  SkView sk;
  for (const Suite& suite : kSuites) {
    const std::size_t overhead = iv_len(suite) + icv_len(suite);
    for (std::size_t len = 0; len <= overhead; ++len) {
      const Octets m = message_of(auth_header(), {raw(PayloadType::sk, filled(len, 1))});
      EXPECT_EQ(find(m, suite, sk), ParseError::bad_sk) << len;
    }
    for (std::size_t text = 1; text <= 33; ++text) {
      const Octets m =
          message_of(auth_header(), {raw(PayloadType::sk, filled(overhead + text, 1))});
      const bool right = is_aead(suite.encr) || text % 16 == 0;
      EXPECT_EQ(find(m, suite, sk), right ? ParseError::none : ParseError::bad_sk) << text;
    }
  }
}

Octets fragment(unsigned number, unsigned total) {
  Octets body = {static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number),
                 static_cast<std::uint8_t>(total >> 8), static_cast<std::uint8_t>(total)};
  body.resize(4 + 8 + 20 + 16, 5);
  return message_of(auth_header(), {raw(PayloadType::skf, body)});
}

TEST(SkPayload, ReadsFragmentNumbers) {  // RFC 7383 §2.5
  SkView sk;
  const Octets m = fragment(2, 300);
  ASSERT_EQ(find(m, kGcm256, sk), ParseError::none);
  EXPECT_TRUE(sk.fragment);
  EXPECT_EQ(sk.fragment_number, 2);
  EXPECT_EQ(sk.fragment_total, 300);
  EXPECT_EQ(sk.aad.size(), kHeaderLen + 8);
}

TEST(SkPayload, RefusesImpossibleFragmentNumbers) {  // CORE-92, RFC 7383 §2.6
  SkView sk;
  EXPECT_EQ(find(fragment(0, 2), kGcm256, sk), ParseError::bad_sk);
  EXPECT_EQ(find(fragment(3, 2), kGcm256, sk), ParseError::bad_sk);
  EXPECT_EQ(find(fragment(0, 0), kGcm256, sk), ParseError::bad_sk);
  EXPECT_EQ(find(fragment(1, 1), kGcm256, sk), ParseError::none);
}

TEST(SkPayload, StripsAnyPaddingThatFits) {  // CORE-100
  crypto::Bytes inner;
  EXPECT_EQ(strip_padding({}, inner), ParseError::bad_padding);
  for (unsigned pad = 0; pad < 256; ++pad) {
    Octets text = filled(255, 0xcc);
    text.push_back(static_cast<std::uint8_t>(pad));
    ASSERT_EQ(strip_padding(text, inner), ParseError::none);
    EXPECT_EQ(inner.size(), 255u - pad);
    EXPECT_EQ(inner.data(), text.data());
  }
  EXPECT_EQ(strip_padding(from_hex("00000003"), inner), ParseError::none);
  EXPECT_EQ(strip_padding(from_hex("00000004"), inner), ParseError::bad_padding);
}

TEST(SkPayload, FailsWhenTheBufferIsTooSmall) {
  for (const Suite& suite : kSuites) {
    const Keys keys(suite);
    Octets whole(512);
    SkBuilder fits(whole, auth_header(), suite);
    fits.chain().payload(PayloadType::vendor_id, counting(20, 1));
    const std::size_t len = fits.finish(keys.iv);
    ASSERT_GT(len, 0u);
    for (std::size_t room = 0; room < len; ++room) {
      SkBuilder b(crypto::MutBytes(whole).first(room), auth_header(), suite);
      b.chain().payload(PayloadType::vendor_id, counting(20, 1));
      EXPECT_EQ(b.finish(keys.iv), 0u);
    }
  }
}

}  // namespace
}  // namespace ike
