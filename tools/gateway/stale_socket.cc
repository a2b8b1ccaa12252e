// Finds and removes abandoned sockets.
#include "tools/gateway/stale_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

namespace gateway {
namespace {

// The value of "key=" among the comma-separated arguments of a device.
std::string_view argument(std::string_view device, std::string_view key) {
  while (true) {
    const std::size_t comma = device.find(',');
    if (comma == std::string_view::npos) return {};
    device.remove_prefix(comma + 1);
    if (device.starts_with(key)) return device.substr(key.size(), device.find(',') - key.size());
  }
}

}  // namespace

std::string listening_path(const std::string& device) {
  if (device.starts_with("net_vhost") || device.starts_with("eth_vhost"))
    return argument(device, "client=") == "1" ? "" : std::string(argument(device, "iface="));
  if (device.starts_with("net_virtio_user") || device.starts_with("virtio_user"))
    return argument(device, "server=") == "1" ? std::string(argument(device, "path=")) : "";
  return "";
}

bool remove_stale_socket(const std::string& path) {
  struct stat st {};
  sockaddr_un address{};
  if (path.empty() || path.size() >= sizeof address.sun_path) return false;
  if (::lstat(path.c_str(), &st) != 0 || !S_ISSOCK(st.st_mode)) return false;
  address.sun_family = AF_UNIX;
  std::ranges::copy(path, address.sun_path);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const int connected = ::connect(
      fd, static_cast<const sockaddr*>(static_cast<const void*>(&address)), sizeof address);
  const bool is_abandoned = connected != 0 && errno == ECONNREFUSED;
  ::close(fd);
  return is_abandoned && ::unlink(path.c_str()) == 0;
}

}  // namespace gateway
