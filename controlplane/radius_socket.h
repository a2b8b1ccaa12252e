// RadiusSocket: one UDP port towards one RADIUS server, and which of its 256 identifiers are taken.
//
// The socket is connected, so that the kernel drops what comes from elsewhere, and its port is the
// kernel's random choice. Nothing waits. Control thread only.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "controlplane/value_text.h"
#include "crypto/base/bytes.h"
#include "crypto/base/error.h"
#include "crypto/random.h"

namespace cp {

class RadiusSocket {
 public:
  static constexpr std::size_t kIds = 256;  // RFC 2865 §3: one octet

  static crypto::Result<RadiusSocket> open(const Address& server, std::uint16_t port);
  ~RadiusSocket();
  RadiusSocket(RadiusSocket&& other) noexcept;
  RadiusSocket& operator=(RadiusSocket&&) = delete;

  int fd() const { return fd_; }

  // An identifier that no request has, chosen at random; `owner` is not 0.
  std::optional<std::uint8_t> take_id(std::uint64_t owner, crypto::Random& random);
  void free_id(std::uint8_t id);
  std::uint64_t owner(std::uint8_t id) const { return owners_[id]; }  // 0: nobody
  std::size_t taken() const { return taken_; }

  // False when the kernel does not take it: no route yet, no room. Trying again is right.
  bool send(crypto::Bytes datagram);
  // The next datagram, in `buffer`; nothing when there is none. Errors that ICMP brought are
  // passed over: anybody can send those, and a server that is really gone does not answer.
  std::optional<crypto::Bytes> receive(crypto::MutBytes buffer);

 private:
  RadiusSocket(int fd, const Address& server, std::uint16_t port);
  bool connect();

  int fd_;
  Address server_;
  std::uint16_t port_;
  bool connected_ = false;
  std::size_t taken_ = 0;
  std::array<std::uint64_t, kIds> owners_{};
};

}  // namespace cp
