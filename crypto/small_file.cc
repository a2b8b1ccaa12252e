// Opens, examines and reads a file of bounded length.
#include "crypto/small_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace crypto {
namespace {

std::unexpected<Error> fail_errno(const char* what, const std::string& path, int error) {
  return fail(std::string("cannot ") + what + " " + path + ": " + strerrordesc_np(error));
}

// Closes on every way out.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

Status check_private(const struct stat& st, const std::string& path) {
  if (st.st_uid != geteuid() && st.st_uid != 0)
    return fail(path + " belongs to another user: change its owner to the user of the gateway");
  if ((st.st_mode & 077) != 0)
    return fail(path + " is open to group or others: run chmod 600 on it, and think of a new key");
  return {};
}

// What is read goes straight into a secret: no buffer of the C library keeps a copy.
Result<SecretBytes> read_whole(const std::string& path, std::size_t len_max, bool is_secret) {
  // O_NONBLOCK: a FIFO in the place of the file must not stop us before we can refuse it.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.fd() < 0) return fail_errno("open", path, errno);
  struct stat st {};
  if (fstat(file.fd(), &st) != 0) return fail_errno("examine", path, errno);
  if (!S_ISREG(st.st_mode)) return fail(path + " is not a regular file");
  if (is_secret) {
    if (Status status = check_private(st, path); !status) return std::unexpected(status.error());
  }
  const std::size_t size = std::min(static_cast<std::size_t>(st.st_size), len_max);
  SecretBytes content(size + 1);  // One more, to see that the file ends where it said.
  std::size_t len = 0;
  while (len < content.size()) {
    const ssize_t got = ::read(file.fd(), content.fill().data() + len, content.size() - len);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno("read", path, errno);
    if (got == 0) break;
    len += static_cast<std::size_t>(got);
  }
  if (len > size) return fail(path + " has more than " + std::to_string(size) + " octets");
  content.shrink(len);
  return content;
}

}  // namespace

Result<std::vector<std::uint8_t>> read_file(const std::string& path, std::size_t len_max) {
  const Result<SecretBytes> content = read_whole(path, len_max, false);
  if (!content) return std::unexpected(content.error());
  return std::vector<std::uint8_t>(content->reveal().begin(), content->reveal().end());
}

Result<SecretBytes> read_secret_file(const std::string& path, std::size_t len_max) {
  return read_whole(path, len_max, true);
}

}  // namespace crypto
