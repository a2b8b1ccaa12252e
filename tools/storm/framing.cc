// Frames of IKE messages, outgoing and incoming.
#include "tools/storm/framing.h"

#include <algorithm>

#include "tools/storm/framing_layers.h"

namespace storm {

using crypto::Bytes;
using crypto::load_be16;

bool Framing::write(const Outgoing& out, const ClientPaths& paths, dp::Frame& frame,
                    bool offload_checksums) const {
  if (!knows_gateway()) return false;
  dp::Flow flow;
  flow.local_mac = config_.mac;
  flow.peer_mac = *config_.gateway_mac;
  flow.vlan = config_.vlan;
  flow.is_ip6 = paths.is_ip6();
  flow.local = paths.address(out.client).octets;
  flow.peer = paths.gateway().octets;
  flow.local_port = paths.port(out.client);
  flow.peer_port = paths.gateway_port(out.first_exchange);
  if (out.is_esp) return write_esp(out, flow, frame);
  flow.non_esp_marker = flow.peer_port == dp::kNatPort;
  const std::size_t at = flow.overhead();
  if (at + out.message.size() > frame.capacity) return false;
  std::memcpy(frame.data + at, out.message.data(), out.message.size());
  return dp::write_datagram(frame, flow, at, out.message.size(), config_.mtu, offload_checksums);
}

bool Framing::write_esp(const Outgoing& out, const dp::Flow& flow, dp::Frame& frame) const {
  const bool in_udp = flow.peer_port == dp::kNatPort;
  const std::size_t udp_len = in_udp ? dp::kUdpLen : 0;
  const std::size_t l4_len = udp_len + out.message.size();
  const std::size_t l4_at = flow.l2_len() + flow.l3_len();
  if (l4_at + l4_len > frame.capacity || flow.l3_len() + l4_len > config_.mtu) return false;
  std::uint8_t* l4 = frame.data + l4_at;
  std::memcpy(l4 + udp_len, out.message.data(), out.message.size());
  if (in_udp) {
    crypto::store_be16(l4, flow.local_port);
    crypto::store_be16(l4 + 2, flow.peer_port);
    crypto::store_be16(l4 + 4, static_cast<std::uint16_t>(l4_len));
    crypto::store_be16(l4 + 6, 0);  // RFC 3948 §2.1: zero over IPv4
    if (flow.is_ip6) {
      const dp::Path ends{.source = flow.local, .destination = flow.peer, .is_ip6 = true};
      const std::uint16_t checksum = dp::udp_checksum(ends, {l4, l4_len});
      crypto::store_be16(l4 + 6, checksum == 0 ? 0xffff : checksum);
    }
  }
  dp::put_headers(l4, flow, in_udp ? dp::kProtocolUdp : dp::kProtocolEsp, l4_len, 64);
  frame.len = static_cast<std::uint32_t>(l4_at + l4_len);
  frame.offload_checksums = false;
  return true;
}

Received Framing::read(dp::Frame& frame, Bytes& message) {
  std::size_t at = dp::kEtherLen;
  if (frame.len < l2_len()) return Received::other;
  const bool to_us = std::equal(config_.mac.begin(), config_.mac.end(), frame.data);
  if (!to_us && (frame.data[0] & 1) == 0) return Received::other;
  std::uint16_t type = load_be16(frame.data + 12);
  if (config_.vlan != 0) {
    if (type != dp::kEtherVlan || (load_be16(frame.data + 14) & 0xfff) != config_.vlan)
      return Received::other;
    type = load_be16(frame.data + 16);
    at += dp::kVlanTagLen;
  }
  if (type == dp::kEtherArp) return read_arp(frame, at);
  if (type == dp::kEtherIp4 && !paths_.is_ip6()) return read_ip(frame, at, message);
  if (type == dp::kEtherIp6 && paths_.is_ip6()) return read_ip(frame, at, message);
  return Received::other;
}

Received Framing::read_ip(dp::Frame& frame, std::size_t at, Bytes& message) {
  const std::uint8_t* p = frame.data + at;
  const std::size_t rest = frame.len - at;
  Layer3 ip;
  if (paths_.is_ip6()) {
    if (rest < dp::kIp6Len || p[0] >> 4 != 6) return Received::other;
    ip = {.source = p + 8,
          .destination = p + 24,
          .protocol = p[6],
          .l4_at = at + dp::kIp6Len,
          .l4_len = load_be16(p + 4)};
  } else {
    const std::size_t header_len = rest >= dp::kIp4Len ? (p[0] & 0xfu) * 4u : 0;
    if (header_len < dp::kIp4Len || p[0] >> 4 != 4 || load_be16(p + 2) < header_len ||
        rest < header_len || (load_be16(p + 6) & 0x3fff) != 0)
      return Received::other;
    if (!frame.ip_checksum_good && dp::checksum_fold(dp::checksum_add(0, {p, header_len})) != 0)
      return Received::wrong_checksum;
    ip = {.source = p + 12,
          .destination = p + 16,
          .protocol = p[9],
          .l4_at = at + header_len,
          .l4_len = load_be16(p + 2) - header_len};
  }
  if (ip.l4_len > frame.len - ip.l4_at) return Received::other;
  if (ip.protocol == dp::kProtocolUdp) return read_udp(frame, ip, message);
  if (ip.protocol == dp::kProtocolIcmp6 && paths_.is_ip6()) return read_icmp6(frame, ip);
  if (ip.protocol != dp::kProtocolEsp || !is_from_gateway(ip)) return Received::other;
  message = {frame.data + ip.l4_at, ip.l4_len};
  return read_esp(ip, std::nullopt, message);
}

bool Framing::is_from_gateway(const Layer3& ip) const {
  return paths_.owns(ip.destination) &&
         std::ranges::equal(Bytes(ip.source, paths_.gateway().len()), paths_.gateway().bytes());
}

Received Framing::read_esp(const Layer3& ip, std::optional<std::uint16_t> port,
                           Bytes message) const {
  if (message.size() < 4) return Received::other;
  const std::uint32_t client = client_of(ike::EspSpi(crypto::load_be32(message.data())));
  if (!paths_.has(client)) return Received::esp;  // somebody's who is nobody: counted as such
  return paths_.is_of(client, ip.destination, port.value_or(paths_.port(client)))
             ? Received::esp
             : Received::misaddressed;
}

Received Framing::read_udp(const dp::Frame& frame, const Layer3& ip, Bytes& message) const {
  const std::uint8_t* udp = frame.data + ip.l4_at;
  if (ip.l4_len < dp::kUdpLen || !is_from_gateway(ip)) return Received::other;
  const std::uint16_t source_port = load_be16(udp);
  const std::size_t len = load_be16(udp + 4);
  if (len < dp::kUdpLen || len > ip.l4_len ||
      (source_port != paths_.gateway_port(true) && source_port != paths_.gateway_port(false)))
    return Received::other;
  // RFC 768: 0 is no checksum; RFC 8200 §8.1: there is none without over IPv6.
  const bool unsummed = load_be16(udp + 6) == 0 && !paths_.is_ip6();
  if (!frame.l4_checksum_good && !unsummed &&
      dp::checksum_fold(ip.sum({udp, len}, paths_.is_ip6())) != 0)
    return Received::wrong_checksum;
  message = {udp + dp::kUdpLen, len - dp::kUdpLen};
  if (source_port == dp::kNatPort) {
    // RFC 3948 §2.2: four zero octets before IKE; anything else there is ESP.
    if (message.size() < ike::kNonEspMarkerLen) return Received::other;
    if (crypto::load_be32(message.data()) != 0) return read_esp(ip, load_be16(udp + 2), message);
    message = message.subspan(ike::kNonEspMarkerLen);
  }
  if (message.size() < ike::kHeaderLen) return Received::other;
  const std::uint32_t client = client_of(ike::IkeSpi(crypto::load_be64(message.data())));
  return paths_.is_of(client, ip.destination, load_be16(udp + 2)) ? Received::message
                                                                  : Received::misaddressed;
}

}  // namespace storm
