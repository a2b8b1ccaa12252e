// Address arithmetic and the compare-and-swaps.
#include "dataplane/lease_table.h"

#include <algorithm>

#include "crypto/base/bytes.h"
#include "crypto/base/error.h"
#include "dataplane/mix.h"

namespace dp {
namespace {

constexpr unsigned kProbes = 8;
constexpr std::uint64_t kSpread = 0x9e3779b97f4a7c15;

std::uint64_t first_place(std::uint32_t hint) { return (hint + std::uint64_t{1}) * kSpread; }

}  // namespace

LeaseTable::LeaseTable(const AddressPool4& pool4, const AddressPool6& pool6)
    : pool4_(pool4), pool6_(pool6), holders4_(pool4.count), holders6_(pool6.count) {}

ike::Ip4 LeaseTable::address4(std::uint32_t index) const {
  ike::Ip4 address;
  crypto::store_be32(address.data(), crypto::load_be32(pool4_.base.data()) + index);
  return address;
}

ike::Ip6 LeaseTable::address6(std::uint32_t index) const {
  const std::uint64_t base_low = crypto::load_be64(pool6_.base.data() + 8);
  const std::uint64_t low = base_low + index;
  const std::uint64_t carry = low < base_low ? 1 : 0;
  ike::Ip6 address;
  crypto::store_be64(address.data(), crypto::load_be64(pool6_.base.data()) + carry);
  crypto::store_be64(address.data() + 8, low);
  return address;
}

bool LeaseTable::claim4(std::uint32_t index, ike::IkeSpi holder, ike::IkeSpi previous) {
  return holders4_.claim(index, holder.value(), previous.value());
}
bool LeaseTable::claim6(std::uint32_t index, ike::IkeSpi holder, ike::IkeSpi previous) {
  return holders6_.claim(index, holder.value(), previous.value());
}
std::uint32_t LeaseTable::claim_any4(ike::IkeSpi holder, std::uint32_t hint) {
  return holders4_.claim_any(holder.value(), hint);
}
std::uint32_t LeaseTable::claim_any6(ike::IkeSpi holder, std::uint32_t hint) {
  return holders6_.claim_any(holder.value(), hint);
}
std::uint32_t LeaseTable::claim_wish4(const ike::Ip4* wish, ike::IkeSpi holder,
                                      ike::IkeSpi previous, std::uint32_t hint) {
  const std::uint32_t index = wish != nullptr ? index4(*wish) : kNone;
  return index != kNone && claim4(index, holder, previous) ? index : claim_any4(holder, hint);
}
std::uint32_t LeaseTable::claim_wish6(const ike::Ip6* wish, ike::IkeSpi holder,
                                      ike::IkeSpi previous, std::uint32_t hint) {
  const std::uint32_t index = wish != nullptr ? index6(*wish) : kNone;
  return index != kNone && claim6(index, holder, previous) ? index : claim_any6(holder, hint);
}
void LeaseTable::release4(std::uint32_t index, ike::IkeSpi holder) {
  holders4_.release(index, holder.value());
}
void LeaseTable::release6(std::uint32_t index, ike::IkeSpi holder) {
  holders6_.release(index, holder.value());
}
ike::IkeSpi LeaseTable::holder4(std::uint32_t index) const {
  return ike::IkeSpi(holders4_.holder(index));
}
ike::IkeSpi LeaseTable::holder6(std::uint32_t index) const {
  return ike::IkeSpi(holders6_.holder(index));
}
std::uint32_t LeaseTable::held4() const { return holders4_.held(); }
std::uint32_t LeaseTable::held6() const { return holders6_.held(); }

LeaseTable::Holders::Holders(std::uint32_t count)
    : count_(count),
      groups_(static_cast<std::uint32_t>((std::uint64_t{count} + kGroup - 1) / kGroup)),
      words_(std::make_unique<std::atomic<std::uint64_t>[]>(count)),
      group_free_(std::make_unique<std::atomic<std::int32_t>[]>(groups_)) {
  for (std::uint32_t group = 0; group < groups_; ++group)
    group_free_[group] = static_cast<std::int32_t>(std::min(kGroup, count_ - group * kGroup));
}

bool LeaseTable::Holders::claim(std::uint32_t index, std::uint64_t holder, std::uint64_t previous) {
  CHECK(holder != 0);
  if (index >= count_) return false;
  if (take_free(index, holder)) return true;
  // Taken over in one step: the address is never free in between, and of two sessions that name the
  // same previous holder one wins.
  std::uint64_t seen = previous;
  if (previous != 0 && words_[index].compare_exchange_strong(seen, holder)) return true;
  return seen == holder || words_[index].load(std::memory_order_acquire) == holder;
}

std::uint32_t LeaseTable::Holders::claim_any(std::uint64_t holder, std::uint32_t hint) {
  CHECK(holder != 0);
  if (held() >= count_) return kNone;
  std::uint64_t place = first_place(hint);
  for (unsigned tried = 0; tried < kProbes; ++tried) {
    const std::uint32_t index = probe(place);
    if (take_free(index, holder)) return index;
  }
  const auto start = static_cast<std::uint32_t>((place >> 32) * groups_ >> 32);
  for (std::uint32_t i = 0; i < groups_; ++i) {
    const std::uint32_t group = start + i < groups_ ? start + i : start + i - groups_;
    if (group_free_[group].load(std::memory_order_relaxed) == 0) continue;
    const std::uint32_t index = take_from_group(group, holder);
    if (index != kNone) return index;
  }
  return kNone;
}

void LeaseTable::Holders::release(std::uint32_t index, std::uint64_t holder) {
  if (index >= count_ || holder == 0) return;
  std::uint64_t seen = holder;
  if (!words_[index].compare_exchange_strong(seen, 0)) return;
  group_free_[index / kGroup].fetch_add(1, std::memory_order_relaxed);
  held_.fetch_sub(1, std::memory_order_relaxed);
}

// Below 0 for a moment when an address is released before its claimer has counted it.
std::uint32_t LeaseTable::Holders::held() const {
  return static_cast<std::uint32_t>(
      std::max<std::int64_t>(held_.load(std::memory_order_relaxed), 0));
}

std::uint64_t LeaseTable::Holders::holder(std::uint32_t index) const {
  return index < count_ ? words_[index].load(std::memory_order_acquire) : 0;
}

std::uint32_t LeaseTable::Holders::probe(std::uint64_t& place) const {
  place = multiply_fold(place ^ kSpread, kSpread);
  return static_cast<std::uint32_t>((place >> 32) * count_ >> 32);
}

void LeaseTable::Holders::prefetch(std::uint32_t index) const {
  if (index >= count_) return;
  __builtin_prefetch(&words_[index], 1);
  __builtin_prefetch(&group_free_[index / kGroup], 1);
}

void LeaseTable::Holders::prefetch_any(std::uint32_t hint) const {
  std::uint64_t place = first_place(hint);
  prefetch(probe(place));
}

bool LeaseTable::Holders::take_free(std::uint32_t index, std::uint64_t holder) {
  std::uint64_t seen = 0;
  // Looking first keeps the line shared while the address is taken.
  if (words_[index].load(std::memory_order_relaxed) != 0) return false;
  if (!words_[index].compare_exchange_strong(seen, holder)) return false;
  group_free_[index / kGroup].fetch_sub(1, std::memory_order_relaxed);
  held_.fetch_add(1, std::memory_order_relaxed);
  return true;
}

std::uint32_t LeaseTable::Holders::take_from_group(std::uint32_t group, std::uint64_t holder) {
  const std::uint32_t begin = group * kGroup;
  const std::uint32_t end = begin + std::min(kGroup, count_ - begin);
  for (std::uint32_t index = begin; index < end; ++index)
    if (take_free(index, holder)) return index;
  return kNone;
}

}  // namespace dp
