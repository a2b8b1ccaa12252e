// Keyring: the ticket keys. Generations next / current / previous, found by key id and never by
// trial.
//
//   next      opens, does not seal yet (other gateways may already seal with it)
//   current   seals and opens
//   previous  opens until its last ticket has expired
//
// The keyring lives in one file: mode 0600, owner only, written to a temporary name, synced and
// renamed. Control thread only; workers receive an immutable KeyringSnapshot
// (dataplane/snapshot.h).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/base/error.h"
#include "crypto/base/secret.h"
#include "crypto/base/strong.h"

namespace crypto {

// Names a ticket key on the wire (4 octets in every ticket). Random, never 0, unique in a keyring.
using TicketKeyId = Strong<struct TicketKeyIdTag, std::uint32_t>;
inline constexpr std::size_t kTicketKeyLen = 32;

enum class Generation : std::uint8_t { next, current, previous };
const char* generation_name(Generation g);

struct TicketKey {
  TicketKeyId id;
  Generation generation = Generation::next;
  std::uint64_t created_s = 0;  // Unix seconds
  std::uint64_t retires_s = 0;  // previous only: opens tickets until then; 0 = not set
  Secret<kTicketKeyLen> secret;
};

// What workers see. At most kSnapshotKeysMax keys; exactly one is current. Plain memory, wiped by
// ~Secret.
inline constexpr std::size_t kSnapshotKeysMax = 8;
struct KeyringSnapshot {
  std::array<TicketKey, kSnapshotKeysMax> keys;
  std::size_t key_count = 0;
  std::size_t current = 0;  // index of the sealing key

  // Null when the id is unknown: one compare per key, no cryptography.
  const TicketKey* find(TicketKeyId id) const {
    for (std::size_t i = 0; i < key_count; ++i)
      if (keys[i].id == id) return &keys[i];
    return nullptr;
  }
};

class Keyring {
 public:
  // A new keyring with one current and one next key, drawn from the kernel.
  static Keyring create(std::uint64_t now_s);

  // Reads and checks the whole file. Errors: missing, readable by group or others, not owned by the
  // effective user, not a regular file, malformed (with the line), no or two current keys.
  static Result<Keyring> load(const std::string& path);

  // The part of load() that reads text: crypto/keyring.cc shows the format. The text holds secrets;
  // wiping it is the caller's. Never more than kSnapshotKeysMax keys.
  static Result<Keyring> parse(std::string_view text);

  // Atomic: temporary file in the same folder (0600), fsync, rename, fsync of the folder.
  Status save(const std::string& path) const;

  // next -> current, current -> previous (opens until now + accept_s), a new next is drawn, and
  // previous keys whose time is over are erased. When kSnapshotKeysMax keys are not enough, the
  // oldest previous key is erased before its time (rotations closer than accept_s / 6).
  void rotate(std::uint64_t now_s, std::uint64_t accept_s);

  // Removes one key at once: its tickets die. Refuses the current key (rotate first).
  Status revoke(TicketKeyId id);

  KeyringSnapshot snapshot() const;
  const std::vector<TicketKey>& keys() const { return keys_; }
  const TicketKey& current() const;

 private:
  std::vector<TicketKey> keys_;
};

}  // namespace crypto
