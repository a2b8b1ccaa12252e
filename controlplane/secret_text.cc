// Reads pre-shared keys and private files.
#include "controlplane/secret_text.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "controlplane/hex_text.h"

namespace cp {
namespace {

constexpr mode_t kOthers = 077;
constexpr std::size_t kSecretFileMax = 4 * kSecretLenMax;

class File {
 public:
  explicit File(const std::string& path)
      : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

crypto::Status check_mode(const std::string& path, const struct stat& about) {
  if ((about.st_mode & kOthers) == 0) return {};
  return crypto::fail(
      fmt::format("{}: holds secrets, and group or others may read or write it; expected mode "
                  "0600, not {:04o}",
                  path, about.st_mode & 07777));
}

// Octets of the text, decoded by `decode`; what was decoded is wiped.
template <class Decode>
crypto::Result<crypto::SecretBytes> decoded(std::string_view digits, Decode decode) {
  auto octets = decode(digits);
  if (!octets) return std::unexpected(octets.error());
  crypto::SecretBytes secret{crypto::Bytes(*octets)};
  crypto::secure_zero(*octets);
  return secret;
}

crypto::Result<crypto::SecretBytes> decode(std::string_view text) {
  if (text.starts_with("0x")) return decoded(text.substr(2), parse_hex);
  if (text.starts_with("0s")) return decoded(text.substr(2), parse_base64);
  return crypto::SecretBytes(crypto::Bytes(
      static_cast<const std::uint8_t*>(static_cast<const void*>(text.data())), text.size()));
}

}  // namespace

crypto::Result<crypto::SecretBytes> parse_secret(std::string_view text) {
  auto secret = decode(text);
  if (secret && (secret->empty() || secret->size() > kSecretLenMax))
    return crypto::fail(fmt::format("expected a secret of 1 to {} octets", kSecretLenMax));
  return secret;
}

crypto::Result<crypto::SecretBytes> read_file(const std::string& path, std::size_t len_max,
                                              KeepOut keep_out) {
  const File file(path);
  if (file.fd() < 0)
    return crypto::fail(fmt::format("{}: cannot be opened: {}", path, std::strerror(errno)));
  struct stat about {};
  if (::fstat(file.fd(), &about) != 0 || !S_ISREG(about.st_mode))
    return crypto::fail(fmt::format("{}: is not a regular file", path));
  if (keep_out == KeepOut::yes)
    if (auto good = check_mode(path, about); !good) return std::unexpected(good.error());
  // One octet more than allowed tells a file that grew while it was read.
  crypto::SecretBytes octets(std::min(static_cast<std::size_t>(about.st_size), len_max) + 1);
  std::size_t len = 0;
  while (len < octets.size()) {
    const ssize_t got = ::read(file.fd(), octets.fill().data() + len, octets.size() - len);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      return crypto::fail(fmt::format("{}: cannot be read: {}", path, std::strerror(errno)));
    if (got == 0) break;
    len += static_cast<std::size_t>(got);
  }
  if (len > len_max) return crypto::fail(fmt::format("{}: longer than {} octets", path, len_max));
  if (len == octets.size()) return crypto::fail(fmt::format("{}: grew while it was read", path));
  octets.shrink(len);
  return octets;
}

crypto::Status check_private(const std::string& path) {
  struct stat about {};
  if (::stat(path.c_str(), &about) != 0)
    return crypto::fail(fmt::format("{}: cannot be examined: {}", path, std::strerror(errno)));
  return check_mode(path, about);
}

crypto::Result<crypto::SecretBytes> load_secret(const std::string& path) {
  const auto file = read_file(path, kSecretFileMax, KeepOut::yes);
  if (!file) return std::unexpected(file.error());
  std::string_view line = text_of(*file);
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.find('\n') != std::string_view::npos)
    return crypto::fail(fmt::format("{}: expected one line", path));
  auto secret = parse_secret(line);
  if (!secret) return crypto::fail(fmt::format("{}: {}", path, secret.error().text));
  return secret;
}

}  // namespace cp
