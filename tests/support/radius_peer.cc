// Signs like a RADIUS server (RFC 2865 §3, RFC 3579 §3.2) and seals keys like one (RFC 2548 §2.4).
#include "tests/support/radius_peer.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "crypto/base/error.h"
#include "crypto/digest.h"

namespace support {
namespace {

constexpr std::uint8_t kMessageAuthenticator = 80;
constexpr std::uint8_t kEapMessage = 79;

crypto::Bytes octets_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

void append(Octets& to, crypto::Bytes octets) { to.insert(to.end(), octets.begin(), octets.end()); }

}  // namespace

RadiusAnswerBuilder::RadiusAnswerBuilder(cp::RadiusCode code, const cp::RadiusExchange& exchange)
    : packet_{static_cast<std::uint8_t>(code), exchange.id, 0, 0}, exchange_(exchange) {
  append(packet_, exchange.authenticator);
}

RadiusAnswerBuilder& RadiusAnswerBuilder::add(std::uint8_t type, crypto::Bytes value) {
  CHECK(value.size() <= cp::kRadiusAttributeMax);
  packet_.push_back(type);
  packet_.push_back(static_cast<std::uint8_t>(value.size() + 2));
  append(packet_, value);
  return *this;
}

RadiusAnswerBuilder& RadiusAnswerBuilder::add(std::uint8_t type, std::string_view text) {
  return add(type, octets_of(text));
}

RadiusAnswerBuilder& RadiusAnswerBuilder::raw(crypto::Bytes octets) {
  append(packet_, octets);
  return *this;
}

RadiusAnswerBuilder& RadiusAnswerBuilder::eap(crypto::Bytes packet) {
  for (; !packet.empty(); packet = packet.subspan(std::min(packet.size(), std::size_t{253})))
    add(kEapMessage, packet.first(std::min(packet.size(), std::size_t{253})));
  return *this;
}

RadiusAnswerBuilder& RadiusAnswerBuilder::mppe(std::uint8_t type, crypto::Bytes key,
                                               std::uint16_t salt) {
  Octets plain{static_cast<std::uint8_t>(key.size())};
  append(plain, key);
  plain.resize((plain.size() + 15) / 16 * 16);
  Octets value{0,
               0,
               1,
               0x37,
               type,
               0,
               static_cast<std::uint8_t>(salt >> 8),
               static_cast<std::uint8_t>(salt)};
  Octets chain(exchange_.authenticator.begin(), exchange_.authenticator.end());
  append(chain, crypto::Bytes(value).last(2));
  for (std::size_t at = 0; at < plain.size(); at += 16) {
    Octets input(exchange_.secret.begin(), exchange_.secret.end());
    append(input, chain);
    const crypto::Md5Digest pad = crypto::md5(input);
    for (std::size_t i = 0; i < 16; ++i)
      value.push_back(static_cast<std::uint8_t>(plain[at + i] ^ pad[i]));
    chain.assign(value.end() - 16, value.end());
  }
  value[5] = static_cast<std::uint8_t>(value.size() - 4);
  return add(26, value);
}

RadiusAnswerBuilder& RadiusAnswerBuilder::msk(crypto::Bytes octets) {
  return mppe(17, octets.first(32)).mppe(16, octets.subspan(32, 32), 0x8002);
}

Octets RadiusAnswerBuilder::unprotected() {
  Octets packet = packet_;
  crypto::store_be16(packet.data() + 2, static_cast<std::uint16_t>(packet.size()));
  Octets text = packet;
  append(text, exchange_.secret);
  std::ranges::copy(crypto::md5(text), packet.begin() + 4);
  return packet;
}

Octets RadiusAnswerBuilder::sign() {
  const Octets kept = packet_;
  const Octets attributes(packet_.begin() + cp::kRadiusHeaderLen, packet_.end());
  packet_.resize(cp::kRadiusHeaderLen);
  add(kMessageAuthenticator, Octets(16));
  append(packet_, attributes);
  crypto::store_be16(packet_.data() + 2, static_cast<std::uint16_t>(packet_.size()));
  const crypto::Md5Digest mac = crypto::hmac_md5(exchange_.secret, packet_);
  std::ranges::copy(mac, packet_.begin() + cp::kRadiusHeaderLen + 2);
  Octets signed_packet = unprotected();
  packet_ = kept;
  return signed_packet;
}

cp::RadiusExchange RadiusQuestion::exchange(std::string_view secret) const {
  cp::RadiusExchange out{.id = octets.at(1), .authenticator = {}, .secret = octets_of(secret)};
  std::copy_n(octets.begin() + 4, 16, out.authenticator.begin());
  return out;
}

std::optional<Octets> RadiusQuestion::attribute(std::uint8_t type) const {
  std::optional<Octets> found;
  for (std::size_t at = cp::kRadiusHeaderLen; at < octets.size(); at += octets.at(at + 1)) {
    CHECK(octets.at(at + 1) >= 2 && at + octets[at + 1] <= octets.size());
    if (octets[at] != type) continue;
    if (!found) found.emplace();
    append(*found, crypto::Bytes(octets).subspan(at + 2, octets[at + 1] - 2u));
  }
  return found;
}

bool RadiusQuestion::is_right(std::string_view secret) const {
  const auto mac = attribute(kMessageAuthenticator);
  if (!mac || mac->size() != 16) return false;
  Octets text = octets;
  const auto at = std::ranges::search(text, *mac);
  std::ranges::fill(at, std::uint8_t{0});
  return crypto::load_be16(octets.data() + 2) == octets.size() &&
         std::ranges::equal(crypto::hmac_md5(octets_of(secret), text), *mac);
}

RadiusServerSocket::RadiusServerSocket(bool ip6)
    : fd_(::socket(ip6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0)), ip6_(ip6) {
  CHECK(fd_ >= 0);
  sockaddr_in6 six{};
  six.sin6_family = AF_INET6;
  six.sin6_addr = in6addr_loopback;
  sockaddr_in four{};
  four.sin_family = AF_INET;
  four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t len = ip6 ? sizeof six : sizeof four;
  auto* any = ip6 ? reinterpret_cast<sockaddr*>(&six) : reinterpret_cast<sockaddr*>(&four);
  CHECK(::bind(fd_, any, len) == 0);
  CHECK(::getsockname(fd_, any, &len) == 0);
  port_ = ntohs(ip6 ? six.sin6_port : four.sin_port);
}

RadiusServerSocket::~RadiusServerSocket() { ::close(fd_); }

cp::Address RadiusServerSocket::address() const {
  if (ip6_) return ike::Ip6{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  return ike::Ip4{127, 0, 0, 1};
}

std::optional<RadiusQuestion> RadiusServerSocket::receive() {
  RadiusQuestion question;
  question.octets.resize(cp::kRadiusPacketMax);
  question.from_len = sizeof question.from;
  const ssize_t len = ::recvfrom(fd_, question.octets.data(), question.octets.size(), 0,
                                 reinterpret_cast<sockaddr*>(&question.from), &question.from_len);
  if (len < 0) return std::nullopt;
  question.octets.resize(static_cast<std::size_t>(len));
  return question;
}

void RadiusServerSocket::send(const RadiusQuestion& to, crypto::Bytes datagram) {
  CHECK(::sendto(fd_, datagram.data(), datagram.size(), 0,
                 reinterpret_cast<const sockaddr*>(&to.from),
                 to.from_len) == static_cast<ssize_t>(datagram.size()));
}

}  // namespace support
