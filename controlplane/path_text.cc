// Addresses and ports as text.
#include "controlplane/path_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "controlplane/value_text.h"

namespace cp {
namespace {

std::string endpoint(const std::array<std::uint8_t, 16>& octets, bool is_ip6, std::uint16_t port) {
  if (is_ip6) return fmt::format("{}[{}]", address_text(ike::Ip6(octets)), port);
  ike::Ip4 ip4;
  std::copy_n(octets.begin(), ip4.size(), ip4.begin());
  return fmt::format("{}[{}]", address_text(ip4), port);
}

}  // namespace

std::string peer_text(const dp::PeerPath& path) {
  return endpoint(path.peer, path.is_ip6, path.peer_port);
}

std::string local_text(const dp::PeerPath& path) {
  return endpoint(path.local, path.is_ip6, path.local_port);
}

}  // namespace cp
