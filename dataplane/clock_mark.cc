// Reading and writing one number.
#include "dataplane/clock_mark.h"

#include <fcntl.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <string_view>

#include "dataplane/state_dir.h"

namespace dp {
namespace {

constexpr const char* kName = "clock-mark";

}  // namespace

crypto::Result<std::uint64_t> read_clock_mark(const std::string& dir) {
  const std::string path = dir + "/" + kName;
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.ok() && errno == ENOENT) return 0;
  std::array<char, 32> octets;
  const ssize_t len = fd.ok() ? ::read(fd.get(), octets.data(), octets.size()) : -1;
  if (len < 0) return std::unexpected(system_error("read", path));
  const std::string_view text(octets.data(), static_cast<std::size_t>(len));
  std::uint64_t unix_s = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, unix_s);
  if (parsed.ec != std::errc{} || std::string_view(parsed.ptr, end) != "\n")
    return crypto::fail(path +
                        " does not hold a time in seconds. Tickets must not be judged by an "
                        "earlier time than it held: write the present one there (date +%s)");
  return unix_s;
}

crypto::Status write_clock_mark(const std::string& dir, std::uint64_t unix_s) {
  return write_whole(dir, kName, std::to_string(unix_s) + "\n");
}

}  // namespace dp
