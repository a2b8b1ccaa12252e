// Takes and gives back the lock beside a keyring.
#include "controlplane/keyring_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace cp {

crypto::Result<KeyringLock> KeyringLock::take(const std::string& keyring_path) {
  const std::string path = keyring_path + ".lock";
  KeyringLock lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  int locked = lock.fd_ < 0 ? -1 : ::flock(lock.fd_, LOCK_EX);
  while (lock.fd_ >= 0 && locked != 0 && errno == EINTR) locked = ::flock(lock.fd_, LOCK_EX);
  if (locked != 0)
    return crypto::fail(fmt::format("cannot lock {}: {}", path, std::strerror(errno)));
  return lock;
}

KeyringLock::~KeyringLock() {
  if (fd_ >= 0) ::close(fd_);
}

KeyringLock::KeyringLock(KeyringLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

}  // namespace cp
