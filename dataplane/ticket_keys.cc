// Keeping, deriving and confirming the keys of ticket issuers.
#include "dataplane/ticket_keys.h"

#include "crypto/base/secret.h"
#include "ike/ticket.h"

namespace dp {

void TicketKeys::begin_burst(const crypto::KeyringSnapshot* keyring, const Now& now) {
  candidate_count_ = 0;
  if (keyring != keyring_) {
    // A rotated or revoked key must not live on here.
    for (Set& set : kept_)
      for (Slot& slot : set) slot.used = false;
    keyring_ = keyring;
  }
  const std::uint64_t second = now.ms / 1000;
  if (second != budget_second_) {
    budget_second_ = second;
    budget_used_ = 0;
  }
}

TicketKeys::Set& TicketKeys::set_of(crypto::TicketKeyId key, ike::IssuerId issuer) {
  // Issuer ids are random, so their low bits spread well.
  return kept_[(issuer.value() ^ key.value()) % kSets];
}

TicketKeys::Slot* TicketKeys::kept(crypto::TicketKeyId key, ike::IssuerId issuer) {
  for (Slot& slot : set_of(key, issuer))
    if (slot.used && slot.key_id == key && slot.issuer == issuer) return &slot;
  return nullptr;
}

const crypto::ExpandedKey* TicketKeys::find(const crypto::TicketKey& key, ike::IssuerId issuer) {
  if (const Slot* slot = kept(key.id, issuer)) return &slot->key;
  for (std::size_t i = 0; i < candidate_count_; ++i)
    if (candidates_[i].key_id == key.id && candidates_[i].issuer == issuer)
      return &candidates_[i].key;
  if (candidate_count_ == kCandidates || budget_used_ >= budget_per_s_) return nullptr;
  ++budget_used_;
  Slot& candidate = candidates_[candidate_count_++];
  derive(key, issuer, candidate);
  return &candidate.key;
}

void TicketKeys::confirm(const crypto::TicketKey& key, ike::IssuerId issuer) {
  if (kept(key.id, issuer) != nullptr) return;
  Set& set = set_of(key.id, issuer);
  std::size_t way = 0;
  while (way < kWays && set[way].used) ++way;
  if (way == kWays) way = next_way_++ % kWays;
  derive(key, issuer, set[way]);
  set[way].used = true;
}

void TicketKeys::derive(const crypto::TicketKey& key, ike::IssuerId issuer, Slot& slot) {
  crypto::Secret<32> derived;
  ike::derive_ticket_key(engine_, key.secret.reveal(), issuer, derived.fill().data());
  const crypto::ExpandLane lane{derived.reveal().data(), &slot.key};
  engine_.expand(crypto::Aead::aes256_gcm, {&lane, 1});
  slot.key_id = key.id;
  slot.issuer = issuer;
}

}  // namespace dp
