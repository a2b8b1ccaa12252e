// The state directory: its owner's alone, with files that are there whole or not at all. Control
// thread only.
#pragma once

#include <unistd.h>

#include <string>
#include <string_view>

#include "crypto/base/error.h"

namespace dp {

// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }

 private:
  int fd_;
};

// "cannot open /var/lib/x: No such file or directory", from errno.
crypto::Error system_error(const std::string& what, const std::string& path);

// Made with mode 0700 when absent. Errors: not a directory, or others may write to it.
crypto::Status check_state_dir(const std::string& dir);
// After this, names that were given or taken away in `dir` are on the disk.
crypto::Status sync_dir(const std::string& dir);
// Puts `text` in the place of `path`, on the disk when it returns. On failure the old file stays.
crypto::Status write_whole(const std::string& dir, const std::string& name, std::string_view text);

}  // namespace dp
