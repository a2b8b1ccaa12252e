// Interning by hash with linear probing over a few places, and matching.
#include "dataplane/selector_pool.h"

#include <algorithm>

#include "dataplane/mix.h"

namespace dp {
namespace {

constexpr std::uint32_t kProbes = 64;

bool same(const ike::SelectorList& a, const ike::SelectorList& b) {
  return std::equal(a.items.begin(), a.items.begin() + a.count, b.items.begin(),
                    b.items.begin() + b.count);
}

void add(Mixer& mixer, const ike::SelectorList& list) {
  mixer.add(list.count, 0);
  for (std::size_t i = 0; i < list.count; ++i) {
    const ike::Selector& s = list.items[i];
    mixer.add(static_cast<std::uint64_t>(s.type) << 8 | s.ip_protocol,
              std::uint64_t{s.start_port} << 16 | s.end_port);
    mixer.add(s.start);
    mixer.add(s.end);
  }
}

void copy(ike::SelectorList& to, const ike::SelectorList& from) {
  std::copy_n(from.items.begin(), from.count, to.items.begin());
  to.count = from.count;
}

}  // namespace

crypto::Result<std::unique_ptr<SelectorPool>> SelectorPool::make(std::uint64_t secret) {
  auto arena = Arena::map(kSize * sizeof(SelectorPair), "traffic selectors");
  if (!arena) return std::unexpected(arena.error());
  auto pool = std::make_unique<SelectorPool>();
  pool->secret_ = secret;
  pool->arena_ = std::move(*arena);
  return pool;
}

std::uint32_t SelectorPool::intern(const ike::SelectorList& local,
                                   const ike::SelectorList& remote) {
  Mixer mixer(secret_);
  add(mixer, local);
  add(mixer, remote);
  const std::uint64_t hash = mixer.value();
  std::uint32_t vacant = kNone;
  for (std::uint32_t probe = 0; probe < kProbes; ++probe) {
    const std::uint32_t id = static_cast<std::uint32_t>(hash + probe) % kSize;
    SelectorPair& pair = pairs()[id];
    if (pair.users == 0) {
      if (vacant == kNone) vacant = id;
      continue;
    }
    if (pair.hash != hash || !same(pair.local, local) || !same(pair.remote, remote)) continue;
    ++pair.users;
    return id;
  }
  if (vacant == kNone) return kNone;
  SelectorPair& pair = pairs()[vacant];
  pair.hash = hash;
  copy(pair.local, local);
  copy(pair.remote, remote);
  pair.users = 1;
  ++used_;
  return vacant;
}

void SelectorPool::leave(std::uint32_t id) {
  SelectorPair& pair = pairs()[id];
  CHECK(id < kSize && pair.users != 0);
  if (--pair.users == 0) --used_;
}

}  // namespace dp
