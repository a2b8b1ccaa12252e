// Fuzz target: the text of a keyring. What is accepted holds the promises of crypto/keyring.h.
#include <algorithm>
#include <cstdint>
#include <string_view>

#include "crypto/base/error.h"
#include "crypto/keyring.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t len) {
  const auto* chars = static_cast<const char*>(static_cast<const void*>(octets));
  const crypto::Result<crypto::Keyring> ring = crypto::Keyring::parse({chars, len});
  if (!ring) {
    CHECK(!ring.error().text.empty());
    return 0;
  }
  const auto count = [&](crypto::Generation g) {
    return std::ranges::count(ring->keys(), g, &crypto::TicketKey::generation);
  };
  CHECK(count(crypto::Generation::current) == 1 && count(crypto::Generation::next) <= 1);
  const crypto::KeyringSnapshot snapshot = ring->snapshot();
  CHECK(snapshot.key_count == ring->keys().size());
  for (std::size_t i = 0; i < snapshot.key_count; ++i)
    CHECK(snapshot.find(snapshot.keys[i].id) == &snapshot.keys[i]);
  return 0;
}
