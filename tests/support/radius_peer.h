// The server's side of RADIUS, for tests: reads requests, makes and signs answers of any kind.
#pragma once

#include <netinet/in.h>

#include <optional>
#include <string>
#include <string_view>

#include "controlplane/radius_packet.h"
#include "tests/support/hex.h"

namespace support {

// One answer, attribute by attribute, right or wrong.
class RadiusAnswerBuilder {
 public:
  RadiusAnswerBuilder(cp::RadiusCode code, const cp::RadiusExchange& exchange);

  RadiusAnswerBuilder& add(std::uint8_t type, crypto::Bytes value);  // value: at most 253 octets
  RadiusAnswerBuilder& add(std::uint8_t type, std::string_view text);
  RadiusAnswerBuilder& raw(crypto::Bytes octets);
  RadiusAnswerBuilder& eap(crypto::Bytes packet);  // in pieces
  RadiusAnswerBuilder& mppe(std::uint8_t type, crypto::Bytes key,
                            std::uint16_t salt = 0x8001);  // 16 Send-Key, 17 Recv-Key
  RadiusAnswerBuilder& msk(crypto::Bytes octets);          // 64: both
  Octets unprotected();                                    // with the Response Authenticator alone
  Octets sign();  // and with a Message-Authenticator in front

 private:
  Octets packet_;
  cp::RadiusExchange exchange_;
};

// A request as a server sees it.
struct RadiusQuestion {
  Octets octets;
  sockaddr_in6 from{};
  socklen_t from_len = 0;

  cp::RadiusExchange exchange(std::string_view secret) const;
  // All values of the type put together; nothing when there is none.
  std::optional<Octets> attribute(std::uint8_t type) const;
  std::uint8_t first_type() const { return octets.at(cp::kRadiusHeaderLen); }
  // Message-Authenticator and lengths are right.
  bool is_right(std::string_view secret) const;
};

// A server's socket on the loopback interface. Nothing answers by itself.
class RadiusServerSocket {
 public:
  explicit RadiusServerSocket(bool ip6 = false);
  ~RadiusServerSocket();
  RadiusServerSocket(const RadiusServerSocket&) = delete;
  RadiusServerSocket& operator=(const RadiusServerSocket&) = delete;

  cp::Address address() const;
  std::uint16_t port() const { return port_; }
  std::optional<RadiusQuestion> receive();  // does not wait
  void send(const RadiusQuestion& to, crypto::Bytes datagram);

 private:
  int fd_;
  bool ip6_;
  std::uint16_t port_ = 0;
};

}  // namespace support
