// UDP ports towards RADIUS servers.
#include "controlplane/radius_socket.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace cp {
namespace {

// Errors that a connected UDP socket reports once and that say nothing about the next datagram.
bool is_passing(int error) {
  return error == ECONNREFUSED || error == EHOSTUNREACH || error == ENETUNREACH || error == EINTR;
}

}  // namespace

crypto::Result<RadiusSocket> RadiusSocket::open(const Address& server, std::uint16_t port) {
  const int family = std::holds_alternative<ike::Ip4>(server) ? AF_INET : AF_INET6;
  const int fd = ::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);
  if (fd < 0)
    return crypto::fail(fmt::format("cannot open a socket for RADIUS: {}", std::strerror(errno)));
  return RadiusSocket(fd, server, port);
}

RadiusSocket::RadiusSocket(int fd, const Address& server, std::uint16_t port)
    : fd_(fd), server_(server), port_(port) {}

RadiusSocket::~RadiusSocket() {
  if (fd_ >= 0) ::close(fd_);
}

RadiusSocket::RadiusSocket(RadiusSocket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      server_(other.server_),
      port_(other.port_),
      connected_(other.connected_),
      taken_(other.taken_),
      owners_(other.owners_) {}

std::optional<std::uint8_t> RadiusSocket::take_id(std::uint64_t owner, crypto::Random& random) {
  if (taken_ == kIds) return std::nullopt;
  std::size_t id = random.below(kIds);
  while (owners_[id] != 0) id = (id + 1) % kIds;
  owners_[id] = owner;
  ++taken_;
  return static_cast<std::uint8_t>(id);
}

void RadiusSocket::free_id(std::uint8_t id) {
  CHECK(owners_[id] != 0);
  owners_[id] = 0;
  --taken_;
}

bool RadiusSocket::connect() {
  if (const auto* ip4 = std::get_if<ike::Ip4>(&server_)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port_);
    std::memcpy(&to.sin_addr, ip4->data(), ip4->size());
    connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  } else {
    const auto& ip6 = std::get<ike::Ip6>(server_);
    sockaddr_in6 to{};
    to.sin6_family = AF_INET6;
    to.sin6_port = htons(port_);
    std::memcpy(&to.sin6_addr, ip6.data(), ip6.size());
    connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  }
  return connected_;
}

bool RadiusSocket::send(crypto::Bytes datagram) {
  // At the start of a machine the route may come later than we do.
  if (!connected_ && !connect()) return false;
  // The first send after an ICMP error reports that error instead of sending.
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (::send(fd_, datagram.data(), datagram.size(), MSG_NOSIGNAL) >= 0) return true;
    if (!is_passing(errno)) return false;
  }
  return false;
}

std::optional<crypto::Bytes> RadiusSocket::receive(crypto::MutBytes buffer) {
  for (int attempt = 0; attempt < 2; ++attempt) {
    const ssize_t len = ::recv(fd_, buffer.data(), buffer.size(), 0);
    if (len >= 0) return crypto::Bytes(buffer).first(static_cast<std::size_t>(len));
    if (!is_passing(errno)) return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace cp
