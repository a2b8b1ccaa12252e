// Sends sd_notify datagrams.
#include "tools/gateway/service_notice.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace gateway {

crypto::Status notify_service(std::string_view state) {
  const char* const named = secure_getenv("NOTIFY_SOCKET");
  if (named == nullptr) return {};
  const std::string_view path(named);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path || (path[0] != '/' && path[0] != '@'))
    return crypto::fail("NOTIFY_SOCKET is not the path of a socket");
  std::ranges::copy(path, address.sun_path);
  if (path[0] == '@') address.sun_path[0] = '\0';  // the abstract namespace
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const auto address_len = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  const bool sent =
      fd >= 0 && ::sendto(fd, state.data(), state.size(), MSG_NOSIGNAL,
                          static_cast<const sockaddr*>(static_cast<const void*>(&address)),
                          address_len) == static_cast<ssize_t>(state.size());
  const int error = errno;
  if (fd >= 0) ::close(fd);
  if (sent) return {};
  return crypto::fail(fmt::format("cannot notify {}: {}", path, std::strerror(error)));
}

}  // namespace gateway
