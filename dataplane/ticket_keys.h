// TicketKeys: the expanded AES keys of ticket issuers, as one worker needs them.
//
// key = KDF(ticket key[key id], issuer id) costs an HMAC and a key schedule, so keys in use are
// kept. A key for an issuer not seen before is a candidate until a ticket's tag verified under it:
// forged issuer ids cannot push out a good key. Candidates are budgeted
// (AdmissionConfig::new_issuers_per_s). Worker thread only.
#pragma once

#include <array>
#include <cstdint>

#include "crypto/engine.h"
#include "crypto/keyring.h"
#include "dataplane/now.h"
#include "ike/ids.h"

namespace dp {

class TicketKeys {
 public:
  TicketKeys(crypto::Engine& engine, std::uint32_t new_issuers_per_s)
      : engine_(engine), budget_per_s_(new_issuers_per_s) {}

  // Start of a burst: forgets candidates, and everything when the keyring snapshot changed.
  void begin_burst(const crypto::KeyringSnapshot* keyring, const Now& now);

  // The key for (key, issuer), kept or newly derived; null when the budget for new issuers is
  // spent. Valid until the next begin_burst.
  const crypto::ExpandedKey* find(const crypto::TicketKey& key, ike::IssuerId issuer);
  // A tag verified under this pair: a candidate becomes a kept key.
  void confirm(const crypto::TicketKey& key, ike::IssuerId issuer);

 private:
  static constexpr std::size_t kSets = 16;
  static constexpr std::size_t kWays = 4;
  static constexpr std::size_t kCandidates = 4;  // per burst
  struct Slot {
    crypto::TicketKeyId key_id;
    ike::IssuerId issuer;
    bool used = false;
    crypto::ExpandedKey key;
  };
  using Set = std::array<Slot, kWays>;
  Set& set_of(crypto::TicketKeyId key, ike::IssuerId issuer);
  Slot* kept(crypto::TicketKeyId key, ike::IssuerId issuer);
  void derive(const crypto::TicketKey& key, ike::IssuerId issuer, Slot& slot);

  crypto::Engine& engine_;
  std::uint32_t budget_per_s_;
  std::uint32_t budget_used_ = 0;
  std::uint64_t budget_second_ = 0;
  const crypto::KeyringSnapshot* keyring_ = nullptr;
  std::array<Set, kSets> kept_;
  std::size_t next_way_ = 0;  // round robin: which way of a full set gives way
  std::array<Slot, kCandidates> candidates_;
  std::size_t candidate_count_ = 0;
};

}  // namespace dp
