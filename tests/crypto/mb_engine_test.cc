// IPsec-MB engine against the OpenSSL engine: random lanes, every batch size, one bad lane
// anywhere.
#include <gtest/gtest.h>

#include <algorithm>

#include "crypto/engine.h"
#include "crypto/random.h"
#include "tests/support/vectors.h"

namespace crypto {
namespace {

using support::Octets;

constexpr std::size_t kBatchMax = 64;
constexpr std::size_t kTextMax = 600;
constexpr Aead kAeads[] = {Aead::aes128_gcm, Aead::aes256_gcm, Aead::chacha20_poly1305};
constexpr Prf kPrfs[] = {Prf::hmac_sha256, Prf::hmac_sha384, Prf::hmac_sha512};

class MbEngine : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NE(mb_, nullptr) << "this processor cannot run IPsec-MB";
    random_.fill(pool_);
  }
  // Random octets without drawing them: a place in a pool.
  Bytes some(std::size_t len) {
    return Bytes(pool_).subspan(random_.below(pool_.size() - len), len);
  }

  void compare_hmacs(Engine& mb, Prf alg);

  std::unique_ptr<Engine> mb_ = make_mb_engine();
  std::unique_ptr<Engine> ossl_ = make_ossl_engine();
  Random random_{20250101};
  Octets pool_ = Octets(8192);
};

// The buffers of a batch. Lane i works at text[i] and tag[i].
struct Messages {
  std::array<std::array<std::uint8_t, kTextMax>, kBatchMax> text;
  std::array<std::array<std::uint8_t, kAeadTagLen>, kBatchMax> tag;
  bool operator==(const Messages&) const = default;
};

// Lanes that differ in everything; the odd ones have a raw key, the even ones share a key.
struct Batch {
  ExpandedKey shared;
  std::vector<AeadLane> lanes;
};

TEST_F(MbEngine, SealsAsOpensslDoesForEveryBatchSize) {
  for (const Aead alg : kAeads) {
    for (std::size_t count = 1; count <= kBatchMax; ++count) {
      const Bytes shared_raw = some(32);
      Batch mb;
      Batch ossl;
      const ExpandLane expand_mb{shared_raw.data(), &mb.shared};
      const ExpandLane expand_ossl{shared_raw.data(), &ossl.shared};
      mb_->expand(alg, {&expand_mb, 1});
      ossl_->expand(alg, {&expand_ossl, 1});
      Messages from_mb{};
      Messages from_ossl{};
      for (std::size_t i = 0; i < count; ++i) {
        AeadLane lane{.nonce = some(kAeadNonceLen).data(), .aad = some(random_.below(64))};
        lane.len = static_cast<std::uint32_t>(random_.below(kTextMax + 1));
        lane.raw_key = i % 2 == 1 ? some(32).data() : nullptr;
        const Bytes text = some(lane.len);
        const bool in_place = random_.below(2) == 1;
        for (auto* side : {&mb, &ossl}) {
          Messages& to = side == &mb ? from_mb : from_ossl;
          std::copy_n(text.data(), lane.len, to.text[i].data());
          lane.key = i % 2 == 0 ? &side->shared : nullptr;
          lane.in = in_place ? to.text[i].data() : text.data();
          lane.out = to.text[i].data();
          lane.tag = to.tag[i].data();
          side->lanes.push_back(lane);
        }
      }
      mb_->seal(alg, mb.lanes);
      ossl_->seal(alg, ossl.lanes);
      ASSERT_EQ(from_mb, from_ossl) << "batch of " << count;
    }
  }
}

TEST_F(MbEngine, OpensAllButTheBadLaneWhereverItStands) {
  for (const Aead alg : kAeads) {
    for (const std::size_t count : {1u, 2u, 3u, 4u, 5u, 8u, 16u, 31u, 32u, 64u}) {
      Messages sealed{};
      Messages plain{};
      std::vector<AeadLane> lanes(count);
      for (std::size_t i = 0; i < count; ++i) {
        const auto len = static_cast<std::uint32_t>(1 + random_.below(kTextMax));
        std::copy_n(some(len).data(), len, plain.text[i].data());
        lanes[i] = {.raw_key = some(32).data(),
                    .nonce = some(kAeadNonceLen).data(),
                    .aad = some(random_.below(64)),
                    .in = plain.text[i].data(),
                    .len = len,
                    .out = sealed.text[i].data(),
                    .tag = sealed.tag[i].data()};
      }
      ossl_->seal(alg, lanes);
      for (std::size_t bad = 0; bad < count; ++bad) {
        // Every other round opens in place.
        Messages work = sealed;
        Messages opened{};
        for (std::size_t i = 0; i < count; ++i) {
          lanes[i].in = work.text[i].data();
          lanes[i].out = bad % 2 == 0 ? work.text[i].data() : opened.text[i].data();
          lanes[i].tag = work.tag[i].data();
          lanes[i].ok = i == bad;
        }
        work.tag[bad][random_.below(kAeadTagLen)] ^=
            static_cast<std::uint8_t>(1u << random_.below(8));
        mb_->open(alg, lanes);
        for (std::size_t i = 0; i < count; ++i) {
          ASSERT_EQ(lanes[i].ok, i != bad) << "lane " << i << " of " << count << ", bad " << bad;
          const Octets out(lanes[i].out, lanes[i].out + lanes[i].len);
          const Octets expected =
              i == bad ? Octets(lanes[i].len, 0)
                       : Octets(plain.text[i].data(), plain.text[i].data() + lanes[i].len);
          ASSERT_EQ(out, expected) << "lane " << i << " of " << count << ", bad " << bad;
        }
      }
    }
  }
}

// Macs under keys of every length, of messages of equal and of unequal length.
void MbEngine::compare_hmacs(Engine& mb, Prf alg) {
  using Macs = std::array<std::array<std::uint8_t, kPrfLenMax>, kBatchMax>;
  const auto key_len = [&](std::size_t round) -> std::size_t {
    if (round == 0) return prf_len(alg);
    return random_.below(300);  // over one block too, RFC 2104 §2
  };
  for (std::size_t count = 1; count <= kBatchMax; ++count) {
    for (std::size_t round = 0; round < 3; ++round) {
      std::array<PrfKey, kBatchMax> mb_keys;
      std::array<PrfKey, kBatchMax> ossl_keys;
      std::vector<PrfKeyLane> mb_prepare;
      std::vector<PrfKeyLane> ossl_prepare;
      Macs from_mb{};
      Macs from_ossl{};
      std::vector<MacLane> mb_macs;
      std::vector<MacLane> ossl_macs;
      for (std::size_t i = 0; i < count; ++i) {
        const Bytes key = some(key_len(round));
        mb_prepare.push_back({key, &mb_keys[i]});
        ossl_prepare.push_back({key, &ossl_keys[i]});
        // Every eighth is empty, which is where a kernel that pads can go wrong.
        const std::size_t unequal = random_.below(8) == 0 ? 0 : random_.below(1500);
        const Bytes message = some(round == 2 ? unequal : 113);
        mb_macs.push_back({&mb_keys[i], message, from_mb[i].data()});
        ossl_macs.push_back({&ossl_keys[i], message, from_ossl[i].data()});
      }
      mb.prepare(alg, mb_prepare);
      ossl_->prepare(alg, ossl_prepare);
      mb.mac(alg, mb_macs);
      ossl_->mac(alg, ossl_macs);
      ASSERT_EQ(from_mb, from_ossl) << "batch of " << count << ", round " << round;
    }
  }
}

TEST_F(MbEngine, ComputesHmacAsOpensslDoesForEveryBatchSize) {
  for (const Prf alg : kPrfs) compare_hmacs(*mb_, alg);
}

TEST_F(MbEngine, WritesTheMacOverItsOwnMessage) {
  for (const Prf alg : kPrfs) {
    PrfKey key;
    const PrfKeyLane prepare{some(prf_len(alg)), &key};
    mb_->prepare(alg, {&prepare, 1});
    std::array<Octets, 5> texts;
    std::array<Octets, 5> apart;
    std::vector<MacLane> lanes;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const Bytes text = some(64 + 37 * i);
      texts[i].assign(text.begin(), text.end());
      apart[i].resize(prf_len(alg));
      lanes.push_back({&key, texts[i], apart[i].data()});
    }
    mb_->mac(alg, lanes);
    for (std::size_t i = 0; i < texts.size(); ++i) lanes[i].out = texts[i].data();
    mb_->mac(alg, lanes);
    for (std::size_t i = 0; i < texts.size(); ++i) {
      texts[i].resize(prf_len(alg));
      EXPECT_EQ(texts[i], apart[i]);
    }
  }
}

TEST_F(MbEngine, HashesSha1AndCbcAsOpensslDoes) {
  for (std::size_t len = 0; len < 200; ++len) {
    const Bytes message = some(len);
    Octets mb(20);
    Octets ossl(20);
    const Sha1Lane mb_lane{message, mb.data()};
    const Sha1Lane ossl_lane{message, ossl.data()};
    mb_->sha1({&mb_lane, 1});
    ossl_->sha1({&ossl_lane, 1});
    ASSERT_EQ(mb, ossl) << len;
  }
  for (const std::size_t key_len : {16u, 32u}) {
    for (std::size_t len = 0; len < 400; len += 16) {
      const Bytes key = some(key_len);
      const Bytes iv = some(16);
      const Bytes text = some(len);
      Octets mb(len);
      Octets ossl(len);
      mb_->cbc_encrypt(key, iv.data(), text, mb.data());
      ossl_->cbc_encrypt(key, iv.data(), text, ossl.data());
      ASSERT_EQ(mb, ossl) << len;
      mb_->cbc_decrypt(key, iv.data(), mb, mb.data());
      ossl_->cbc_decrypt(key, iv.data(), ossl, ossl.data());
      ASSERT_EQ(mb, Octets(text.begin(), text.end())) << len;
      ASSERT_EQ(ossl, mb) << len;
    }
  }
}

TEST_F(MbEngine, SaysWhatItRunsOn) {
  EXPECT_TRUE(std::string(mb_->name()).starts_with("IPsec-MB ")) << mb_->name();
}

}  // namespace
}  // namespace crypto
