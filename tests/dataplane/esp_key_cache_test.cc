// EspKeyCache: a key is expanded once, entries are bounded, and ended SAs leave nothing.
#include "dataplane/esp_key_cache.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace dp {
namespace {

using Way = EspKeyCache::Way;

class EspKeyCacheTest : public ::testing::Test {
 protected:
  std::unique_ptr<crypto::Engine> engine_ = crypto::make_mb_engine();
  std::unique_ptr<EspKeyCache> cache_ = EspKeyCache::make(3).value();
  EspSa sa_;  // no packet yet
};

TEST_F(EspKeyCacheTest, SealsAsWithTheRawKey) {
  for (std::size_t i = 0; i < 32; ++i) sa_.in.key[i] = static_cast<std::uint8_t>(i);
  const crypto::ExpandedKey* key = cache_->get(*engine_, Way::in, sa_);
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
  EXPECT_EQ(cache_->get(*engine_, Way::in, sa_), key) << "found again";
}

TEST_F(EspKeyCacheTest, HasAnEntryForEachDirectionUntilNoneIsLeft) {
  const crypto::ExpandedKey* in = cache_->get(*engine_, Way::in, sa_);
  const crypto::ExpandedKey* out = cache_->get(*engine_, Way::out, sa_);
  ASSERT_NE(in, nullptr);
  ASSERT_NE(out, nullptr);
  EXPECT_NE(in, out);
  EspSa second, third;
  EXPECT_NE(cache_->get(*engine_, Way::out, second), nullptr);
  EXPECT_EQ(cache_->get(*engine_, Way::in, second), nullptr) << "the engine expands it each time";
  EXPECT_EQ(cache_->get(*engine_, Way::in, sa_), in) << "who has one keeps it";
  EXPECT_EQ(cache_->used(), 3u);
  cache_->forget(sa_);
  EXPECT_EQ(cache_->used(), 1u);
  EXPECT_NE(cache_->get(*engine_, Way::in, third), nullptr);
  EXPECT_NE(cache_->get(*engine_, Way::in, second), nullptr);
  cache_->forget(sa_);  // has none
  EXPECT_EQ(cache_->used(), 3u);
}

TEST_F(EspKeyCacheTest, WipesWhatItForgets) {
  const crypto::ExpandedKey* key = cache_->get(*engine_, Way::out, sa_);
  ASSERT_NE(key, nullptr);
  cache_->forget(sa_);
  EXPECT_TRUE(std::all_of(key->storage(), key->storage() + crypto::ExpandedKey::kStorageLen,
                          [](std::uint8_t o) { return o == 0; }));
}

}  // namespace
}  // namespace dp
