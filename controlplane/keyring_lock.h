// KeyringLock: one writer at a time for a keyring file, over processes.
//
// Whoever reads, changes and writes a keyring holds the lock from the reading to the writing, or a
// rotation by the gateway and one by an operator could lose a key. Readers need no lock: the file
// is replaced whole. The lock is flock(2) on "<keyring>.lock", which stays behind, empty.
#pragma once

#include <string>

#include "crypto/base/error.h"

namespace cp {

class KeyringLock {
 public:
  // Waits for the other writer.
  static crypto::Result<KeyringLock> take(const std::string& keyring_path);
  ~KeyringLock();
  KeyringLock(KeyringLock&& other) noexcept;
  KeyringLock& operator=(KeyringLock&&) = delete;

 private:
  explicit KeyringLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace cp
