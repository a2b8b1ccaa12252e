// Handing out, making and forgetting expanded keys.
#include "dataplane/esp_key_cache.h"

#include "crypto/base/secret.h"

namespace dp {

crypto::Result<std::unique_ptr<EspKeyCache>> EspKeyCache::make(std::uint32_t entries) {
  auto arena = Arena::reserve(entries * sizeof(crypto::ExpandedKey), "expanded ESP keys");
  if (!arena) return std::unexpected(arena.error());
  auto cache = std::make_unique<EspKeyCache>();
  cache->arena_ = std::move(*arena);
  cache->entries_ = entries;
  cache->free_.reserve(entries);
  return cache;
}

std::uint32_t EspKeyCache::take_entry() {
  if (!free_.empty()) {
    const std::uint32_t entry = free_.back();
    free_.pop_back();
    return entry;
  }
  return fresh_ < entries_ ? fresh_++ : kNoPlace;
}

const crypto::ExpandedKey* EspKeyCache::get(crypto::Engine& engine, Way way, EspSa& sa) {
  EspDirection& direction = way == Way::in ? sa.in : sa.out;
  if (direction.key_entry != kNoPlace) [[likely]]
    return &key(direction.key_entry);
  const std::uint32_t entry = take_entry();
  if (entry == kNoPlace) return nullptr;
  const crypto::ExpandLane lane{direction.key.data(), &key(entry)};
  engine.expand(aead_of(sa.cipher), {&lane, 1});
  direction.key_entry = entry;
  return &key(entry);
}

void EspKeyCache::forget(EspSa& sa) {
  for (EspDirection* direction : {&sa.in, &sa.out}) {
    if (direction->key_entry == kNoPlace) continue;
    crypto::secure_zero(key(direction->key_entry).storage(), crypto::ExpandedKey::kStorageLen);
    free_.push_back(direction->key_entry);
    direction->key_entry = kNoPlace;
  }
}

}  // namespace dp
