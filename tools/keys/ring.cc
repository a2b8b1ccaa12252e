// Makes, changes and shows keyring files.
#include "tools/keys/ring.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "controlplane/hex_text.h"
#include "controlplane/keyring_lock.h"
#include "controlplane/value_text.h"

namespace keys {
namespace {

using crypto::Generation;

// Reads, changes and writes under the lock.
template <class Change>
crypto::Status change_ring(const std::string& path, Change change) {
  const auto lock = cp::KeyringLock::take(path);
  if (!lock) return std::unexpected(lock.error());
  auto ring = crypto::Keyring::load(path);
  if (!ring) return std::unexpected(ring.error());
  if (crypto::Status changed = change(*ring); !changed) return changed;
  return ring->save(path);
}

std::uint64_t age_s(const crypto::TicketKey& key, std::uint64_t now_s) {
  return now_s > key.created_s ? now_s - key.created_s : 0;
}

std::string use_of(const crypto::TicketKey& key, std::uint64_t now_s) {
  switch (key.generation) {
    case Generation::next:
      return "opens; will seal after the next rotation";
    case Generation::current:
      return "seals and opens";
    case Generation::previous:
      break;
  }
  if (key.retires_s <= now_s) return "retired; erased at the next rotation";
  return fmt::format("opens for {} more", cp::duration_text((key.retires_s - now_s) * 1000));
}

}  // namespace

crypto::Status create_ring(const std::string& path, std::uint64_t now_s) {
  const auto lock = cp::KeyringLock::take(path);
  if (!lock) return std::unexpected(lock.error());
  struct stat st {};
  if (::lstat(path.c_str(), &st) == 0)
    return crypto::fail(fmt::format(
        "{} is there already; to change keys use rotate, to begin anew remove it first", path));
  if (errno != ENOENT)
    return crypto::fail(fmt::format("cannot examine {}: {}", path, std::strerror(errno)));
  return crypto::Keyring::create(now_s).save(path);
}

crypto::Status rotate_ring(const std::string& path, std::uint64_t now_s, std::uint64_t accept_s) {
  return change_ring(path, [&](crypto::Keyring& ring) -> crypto::Status {
    ring.rotate(now_s, accept_s);
    return {};
  });
}

crypto::Status revoke_key(const std::string& path, std::string_view id) {
  const auto octets = cp::parse_hex(id);
  if (!octets || octets->size() != 4)
    return crypto::fail(fmt::format("expected a key id of 8 hexadecimal digits, not \"{}\"", id));
  return change_ring(path, [&](crypto::Keyring& ring) {
    return ring.revoke(crypto::TicketKeyId(crypto::load_be32(octets->data())));
  });
}

std::string ring_text(const crypto::Keyring& ring, std::uint64_t now_s) {
  std::string text;
  for (const crypto::TicketKey& key : ring.keys())
    text += fmt::format("{:08x}  {:<8}  age {:<14}  {}\n", key.id.value(),
                        crypto::generation_name(key.generation),
                        cp::duration_text(age_s(key, now_s) * 1000), use_of(key, now_s));
  return text;
}

std::string ring_json(const crypto::Keyring& ring, std::uint64_t now_s) {
  auto list = nlohmann::ordered_json::array();
  for (const crypto::TicketKey& key : ring.keys())
    list.push_back({{"id", fmt::format("{:08x}", key.id.value())},
                    {"generation", crypto::generation_name(key.generation)},
                    {"created_s", key.created_s},
                    {"age_s", age_s(key, now_s)},
                    {"retires_s", key.retires_s}});
  return nlohmann::ordered_json{{"keys", std::move(list)}}.dump(2) + "\n";
}

}  // namespace keys
