// Reads, rotates and re-reads the keyring file.
#include "controlplane/ticket_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "controlplane/keyring_lock.h"

namespace cp {

crypto::Result<TicketKeys::Version> TicketKeys::version_of(const std::string& path) {
  struct stat st {};
  if (::stat(path.c_str(), &st) == 0)
    return Version{st.st_ino, st.st_mtim.tv_sec, st.st_mtim.tv_nsec};
  if (errno == ENOENT)
    return crypto::fail(
        fmt::format("there is no keyring {0}: make one with `resurge-keys create {0}`", path));
  return crypto::fail(fmt::format("cannot examine the keyring {}: {}", path, std::strerror(errno)));
}

crypto::Result<TicketKeys> TicketKeys::load(Policy policy) {
  // The version first: a file replaced in between is then read once more, and not once too few.
  const auto version = version_of(policy.path);
  if (!version) return std::unexpected(version.error());
  auto keyring = crypto::Keyring::load(policy.path);
  if (!keyring) return std::unexpected(keyring.error());
  return TicketKeys(std::move(policy), std::move(*keyring), *version);
}

crypto::Result<bool> TicketKeys::reload() {
  const auto version = version_of(policy_.path);
  if (!version) return std::unexpected(version.error());
  if (*version == version_) return false;
  auto keyring = crypto::Keyring::load(policy_.path);
  if (!keyring) return std::unexpected(keyring.error());
  keyring_ = std::move(*keyring);
  version_ = *version;
  return true;
}

crypto::Result<bool> TicketKeys::rotate_if_due(std::uint64_t now_s) {
  const auto is_due = [&] {
    return policy_.rotate_every_s != 0 && now_s >= rotated_s() + policy_.rotate_every_s;
  };
  if (!is_due()) return false;
  const auto lock = KeyringLock::take(policy_.path);
  if (!lock) return std::unexpected(lock.error());
  // Somebody else may have rotated meanwhile.
  const auto reloaded = reload();
  if (!reloaded || !is_due()) return reloaded;

  if (const auto rotated = rotate_locked(now_s); !rotated)
    return std::unexpected(rotated.error());
  return true;
}

crypto::Status TicketKeys::rotate(std::uint64_t now_s) {
  const auto lock = KeyringLock::take(policy_.path);
  if (!lock) return std::unexpected(lock.error());
  return rotate_locked(now_s);
}

crypto::Status TicketKeys::rotate_locked(std::uint64_t now_s) {
  auto next = crypto::Keyring::load(policy_.path);
  if (!next) return std::unexpected(next.error());
  next->rotate(now_s, policy_.accept_s);
  if (const auto saved = next->save(policy_.path); !saved) return saved;
  keyring_ = std::move(*next);
  if (const auto version = version_of(policy_.path)) version_ = *version;
  return {};
}

std::uint64_t TicketKeys::rotated_s() const {
  std::uint64_t next_s = 0, current_s = 0;
  for (const crypto::TicketKey& key : keyring_.keys()) {
    if (key.generation == crypto::Generation::next) next_s = key.created_s;
    if (key.generation == crypto::Generation::current) current_s = key.created_s;
  }
  return std::max(next_s, current_s);  // no next key: it was revoked
}

}  // namespace cp
