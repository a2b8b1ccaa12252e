// Looking up, making and forgetting expanded keys.
#include "dataplane/esp_key_cache.h"

#include <bit>

#include "crypto/base/secret.h"

namespace dp {

crypto::Result<std::unique_ptr<EspKeyCache>> EspKeyCache::make(std::uint32_t entries) {
  CHECK(std::has_single_bit(entries));
  auto arena = Arena::map(entries * sizeof(crypto::ExpandedKey), "expanded ESP keys");
  if (!arena) return std::unexpected(arena.error());
  auto cache = std::make_unique<EspKeyCache>();
  cache->arena_ = std::move(*arena);
  cache->tags_.resize(entries);
  cache->mask_ = entries - 1;
  return cache;
}

const crypto::ExpandedKey* EspKeyCache::get(crypto::Engine& engine, std::uint32_t place, Way way,
                                            const EspSa& sa) {
  const std::uint64_t owner = owner_of(place, way);
  const std::uint32_t entry = entry_of(owner);
  Tag& tag = tags_[entry];
  if (tag.owner != owner) {
    if (tag.owner != 0 && tag.batch == batch_) return nullptr;
    const EspDirection& direction = way == Way::in ? sa.in : sa.out;
    const crypto::ExpandLane lane{direction.key.data(), &key(entry)};
    engine.expand(aead_of(sa.cipher), {&lane, 1});
    tag.owner = owner;
  }
  tag.batch = batch_;
  return &key(entry);
}

void EspKeyCache::prefetch(std::uint32_t place, Way way) const {
  __builtin_prefetch(&tags_[entry_of(owner_of(place, way))]);
}

void EspKeyCache::forget(std::uint32_t place) {
  for (const Way way : {Way::in, Way::out}) {
    const std::uint64_t owner = owner_of(place, way);
    Tag& tag = tags_[entry_of(owner)];
    if (tag.owner != owner) continue;
    crypto::secure_zero(key(entry_of(owner)).storage(), crypto::ExpandedKey::kStorageLen);
    tag = {};
  }
}

}  // namespace dp
