// EspKeyCache: a key is expanded once, entries in use are not taken, and ended SAs leave nothing.
#include "dataplane/esp_key_cache.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace dp {
namespace {

using Way = EspKeyCache::Way;

class EspKeyCacheTest : public ::testing::Test {
 protected:
  std::unique_ptr<crypto::Engine> engine_ = crypto::make_mb_engine();
  std::unique_ptr<EspKeyCache> cache_ = EspKeyCache::make(8).value();
  EspSa sa_;
};

TEST_F(EspKeyCacheTest, SealsAsWithTheRawKey) {
  for (std::size_t i = 0; i < 32; ++i) sa_.in.key[i] = static_cast<std::uint8_t>(i);
  cache_->begin_batch();
  const crypto::ExpandedKey* key = cache_->get(*engine_, 1, Way::in, sa_);
  ASSERT_NE(key, nullptr);
  std::uint8_t text[2][16] = {}, tag[2][16], nonce[12] = {};
  crypto::AeadLane lanes[2];
  for (int i = 0; i < 2; ++i)
    lanes[i] = {.key = i == 0 ? key : nullptr,
                .raw_key = sa_.in.key.data(),
                .nonce = nonce,
                .in = text[i],
                .len = 16,
                .out = text[i],
                .tag = tag[i]};
  engine_->seal(crypto::Aead::aes256_gcm, lanes);
  EXPECT_TRUE(std::ranges::equal(text[0], text[1]));
  EXPECT_TRUE(std::ranges::equal(tag[0], tag[1]));
  EXPECT_EQ(cache_->get(*engine_, 1, Way::in, sa_), key) << "found again";
}

TEST_F(EspKeyCacheTest, LeavesEntriesOfTheBatchAlone) {
  cache_->begin_batch();
  ASSERT_NE(cache_->get(*engine_, 1, Way::in, sa_), nullptr);
  EXPECT_EQ(cache_->get(*engine_, 5, Way::in, sa_), nullptr) << "the same entry";
  EXPECT_NE(cache_->get(*engine_, 5, Way::out, sa_), nullptr);
  cache_->begin_batch();
  EXPECT_NE(cache_->get(*engine_, 5, Way::in, sa_), nullptr);
}

TEST_F(EspKeyCacheTest, WipesWhatItForgets) {
  cache_->begin_batch();
  const crypto::ExpandedKey* key = cache_->get(*engine_, 2, Way::out, sa_);
  ASSERT_NE(key, nullptr);
  cache_->forget(2);
  EXPECT_TRUE(std::all_of(key->storage(), key->storage() + crypto::ExpandedKey::kStorageLen,
                          [](std::uint8_t o) { return o == 0; }));
}

}  // namespace
}  // namespace dp
