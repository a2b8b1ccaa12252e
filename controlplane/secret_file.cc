// Reading and making secret files.
#include "controlplane/secret_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "crypto/random.h"

namespace cp {
namespace {

class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

auto fail_errno(std::string_view what, const std::string& path) {
  return crypto::fail(fmt::format("cannot {} {}: {}", what, path, std::strerror(errno)));
}

crypto::Result<crypto::SecretBytes> read(const File& file, const std::string& path,
                                         std::size_t len) {
  struct stat st {};
  if (::fstat(file.fd(), &st) != 0) return fail_errno("read", path);
  if (!S_ISREG(st.st_mode) || st.st_uid != ::geteuid() || (st.st_mode & 077) != 0)
    return crypto::fail(fmt::format(
        "{} must be a file of the user that runs the gateway, and of nobody else: chmod 600",
        path));
  if (static_cast<std::size_t>(st.st_size) != len)
    return crypto::fail(
        fmt::format("{} must have {} octets and has {}: remove it, and a new one is "
                    "made",
                    path, len, st.st_size));
  crypto::SecretBytes secret(len);
  if (::pread(file.fd(), secret.fill().data(), len, 0) != static_cast<ssize_t>(len))
    return fail_errno("read", path);
  return secret;
}

// Under another name first, so that a gateway that dies here leaves no half secret.
crypto::Result<crypto::SecretBytes> make(const std::string& path, std::size_t len) {
  crypto::SecretBytes secret(len);
  crypto::Random().fill(secret.fill());
  const std::string temporary = path + ".new";
  const File file(
      ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (file.fd() < 0 ||
      ::write(file.fd(), secret.reveal().data(), len) != static_cast<ssize_t>(len) ||
      ::fsync(file.fd()) != 0 || ::rename(temporary.c_str(), path.c_str()) != 0)
    return fail_errno("write", path);
  return secret;
}

}  // namespace

crypto::Result<crypto::SecretBytes> load_or_make_secret(const std::string& path, std::size_t len) {
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (file.fd() >= 0) return read(file, path, len);
  if (errno != ENOENT) return fail_errno("read", path);
  return make(path, len);
}

}  // namespace cp
