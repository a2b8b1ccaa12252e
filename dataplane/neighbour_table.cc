// Looking up, claiming and learning entries.
#include "dataplane/neighbour_table.h"

#include "dataplane/mix.h"

namespace dp {
namespace {

constexpr std::uint32_t kProbes = 4;
constexpr auto kRelaxed = std::memory_order_relaxed;

std::uint32_t start_of(std::uint64_t high, std::uint64_t low) {
  return static_cast<std::uint32_t>(
      multiply_fold(high ^ 0x9e3779b97f4a7c15, low ^ 0xd6e8feb86659fd93));
}

std::uint64_t pack(const std::uint8_t* mac) {
  return std::uint64_t{crypto::load_be32(mac)} << 16 | crypto::load_be16(mac + 4);
}

Mac unpack(std::uint64_t bits) {
  Mac mac;
  crypto::store_be32(mac.data(), static_cast<std::uint32_t>(bits >> 16));
  crypto::store_be16(mac.data() + 4, static_cast<std::uint16_t>(bits));
  return mac;
}

}  // namespace

// IPv4 addresses get a low half that no unicast IPv6 address has.
NeighbourTable::Key NeighbourTable::key_of(const NextHop& hop) {
  if (!hop.is_ip6) return {crypto::load_be32(hop.address.data()), ~std::uint64_t{0}};
  return {crypto::load_be64(hop.address.data()), crypto::load_be64(hop.address.data() + 8)};
}

NeighbourTable::Entry* NeighbourTable::find(const Key& key) {
  const std::uint32_t start = start_of(key.high, key.low);
  for (std::uint32_t i = 0; i < kProbes; ++i) {
    Entry& entry = entries_[(start + i) % kSize];
    if (entry.high.load(kRelaxed) == key.high && entry.low.load(kRelaxed) == key.low) return &entry;
  }
  return nullptr;
}

NeighbourTable::Entry* NeighbourTable::oldest(const Key& key) {
  const std::uint32_t start = start_of(key.high, key.low);
  Entry* best = &entries_[start % kSize];
  for (std::uint32_t i = 1; i < kProbes; ++i) {
    Entry& entry = entries_[(start + i) % kSize];
    const auto age = [](const Entry& e) {
      return std::pair(e.learned_ms.load(kRelaxed), e.asked_ms.load(kRelaxed));
    };
    if (age(entry) < age(*best)) best = &entry;
  }
  return best;
}

bool NeighbourTable::lock(Entry& entry) {
  std::uint32_t version = entry.version.load(kRelaxed);
  return (version & 1) == 0 &&
         entry.version.compare_exchange_strong(version, version + 1, std::memory_order_acquire);
}

void NeighbourTable::unlock(Entry& entry) { entry.version.fetch_add(1, std::memory_order_release); }

NeighbourTable::Answer NeighbourTable::look_up(const NextHop& hop, std::uint64_t now_ms) {
  const Key key = key_of(hop);
  Entry* entry = find(key);
  if (entry == nullptr) {
    entry = oldest(key);
    if (!lock(*entry)) return {};
    entry->high.store(key.high, kRelaxed);
    entry->low.store(key.low, kRelaxed);
    entry->mac.store(0, kRelaxed);
    entry->learned_ms.store(0, kRelaxed);
    entry->asked_ms.store(now_ms, kRelaxed);
    unlock(*entry);
    return {.ask = true};
  }
  const std::uint32_t version = entry->version.load(std::memory_order_acquire);
  const std::uint64_t mac = entry->mac.load(kRelaxed);
  const std::uint64_t learned = entry->learned_ms.load(kRelaxed);
  std::uint64_t asked = entry->asked_ms.load(kRelaxed);
  const bool same = entry->high.load(kRelaxed) == key.high && entry->low.load(kRelaxed) == key.low;
  std::atomic_thread_fence(std::memory_order_acquire);
  if ((version & 1) != 0 || !same || entry->version.load(kRelaxed) != version) return {};
  Answer answer{.known = learned != 0 && now_ms - learned < kForgetMs, .mac = unpack(mac)};
  const bool due = !answer.known || now_ms - learned >= kRefreshMs;
  answer.ask = due && now_ms - asked >= kAskEveryMs &&
               entry->asked_ms.compare_exchange_strong(asked, now_ms);
  return answer;
}

void NeighbourTable::learn(const NextHop& hop, const std::uint8_t* mac, std::uint64_t now_ms) {
  const Key key = key_of(hop);
  Entry* entry = find(key);
  if (entry == nullptr || !lock(*entry)) return;
  if (entry->high.load(kRelaxed) == key.high && entry->low.load(kRelaxed) == key.low) {
    entry->mac.store(pack(mac), kRelaxed);
    entry->learned_ms.store(now_ms, kRelaxed);
  }
  unlock(*entry);
}

}  // namespace dp
