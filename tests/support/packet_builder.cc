// Building and reading of test frames.
#include "tests/support/packet_builder.h"

#include <algorithm>
#include <cstring>

namespace dp {

using crypto::Bytes;
using crypto::load_be16;
using crypto::store_be16;
using Octets = PacketBuilder::Octets;

std::uint16_t plain_checksum(Bytes octets) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < octets.size(); ++i) {
    sum += i % 2 == 0 ? std::uint32_t{octets[i]} << 8 : octets[i];
    if (sum > 0xffff) sum -= 0xffff;
  }
  return static_cast<std::uint16_t>(~sum);
}

namespace {

void append(Octets& to, Bytes from) { to.insert(to.end(), from.begin(), from.end()); }
void append16(Octets& to, std::size_t value) {
  to.push_back(static_cast<std::uint8_t>(value >> 8));
  to.push_back(static_cast<std::uint8_t>(value));
}

// Checksum with the pseudo-header in front, the field as it stands.
std::uint16_t l4_checksum(Bytes source, Bytes destination, std::uint8_t protocol, Bytes l4) {
  std::uint32_t sum = 0;
  auto add = [&](Bytes part) {
    sum += static_cast<std::uint16_t>(~plain_checksum(part));
    if (sum > 0xffff) sum -= 0xffff;
  };
  const std::uint8_t tail[] = {0, protocol, static_cast<std::uint8_t>(l4.size() >> 8),
                               static_cast<std::uint8_t>(l4.size())};
  add(source);
  add(destination);
  add(tail);
  add(l4);
  return static_cast<std::uint16_t>(~sum);
}

Bytes source_of(const PacketBuilder& b) { return b.is_ip6 ? Bytes{b.source6} : Bytes{b.source4}; }
Bytes destination_of(const PacketBuilder& b) {
  return b.is_ip6 ? Bytes{b.destination6} : Bytes{b.destination4};
}

void set_udp_checksum(const PacketBuilder& b, crypto::MutBytes udp) {
  store_be16(udp.data() + 6, 0);
  if (!b.udp_checksum) return;
  const std::uint16_t sum = l4_checksum(source_of(b), destination_of(b), 17, udp);
  store_be16(udp.data() + 6, sum == 0 ? 0xffff : sum);
}

Octets ip4_packet(const PacketBuilder& b, std::uint8_t protocol, Bytes l4) {
  Octets options = b.ip4_options;
  options.resize((options.size() + 3) / 4 * 4);
  const std::size_t header_len = 20 + options.size();
  Octets p{static_cast<std::uint8_t>(0x40 | header_len / 4), 0};
  append16(p, header_len + l4.size());
  append16(p, 0x1234);
  append16(p, b.ip4_fragment_word);
  p.push_back(b.ttl);
  p.push_back(protocol);
  append16(p, 0);
  append(p, b.source4);
  append(p, b.destination4);
  append(p, options);
  store_be16(p.data() + 10, plain_checksum(p));
  append(p, l4);
  return p;
}

Octets ip6_packet(const PacketBuilder& b, std::uint8_t protocol, Bytes l4) {
  Octets chain;
  for (std::size_t i = 0; i < b.extension_headers.size(); ++i) {
    const bool last = i + 1 == b.extension_headers.size();
    chain.push_back(last ? protocol : b.extension_headers[i + 1].type);
    const Octets& body = b.extension_headers[i].body;
    chain.push_back(static_cast<std::uint8_t>((body.size() + 2) / 8 - 1));
    append(chain, body);
  }
  Octets p{0x60, 0, 0, 0};
  append16(p, chain.size() + l4.size());
  p.push_back(b.extension_headers.empty() ? protocol : b.extension_headers[0].type);
  p.push_back(b.ttl);
  append(p, b.source6);
  append(p, b.destination6);
  append(p, chain);
  append(p, l4);
  return p;
}

}  // namespace

Octets PacketBuilder::ether(std::uint16_t type, Bytes payload) const {
  Octets p(destination_mac.begin(), destination_mac.end());
  append(p, source_mac);
  if (vlan) {
    append16(p, 0x8100);
    append16(p, *vlan);
  }
  append16(p, type);
  append(p, payload);
  p.insert(p.end(), padding, 0xee);
  return p;
}

Octets PacketBuilder::ip(std::uint8_t protocol, Bytes l4) const {
  return is_ip6 ? ether(0x86dd, ip6_packet(*this, protocol, l4))
                : ether(0x0800, ip4_packet(*this, protocol, l4));
}

Octets PacketBuilder::udp(Bytes payload) const {
  Octets p;
  append16(p, source_port);
  append16(p, destination_port);
  append16(p, 8 + payload.size());
  append16(p, 0);
  append(p, payload);
  set_udp_checksum(*this, p);
  return ip(17, p);
}

Octets PacketBuilder::ike(Bytes message) const {
  Octets payload(destination_port == 4500 ? 4 : 0);
  append(payload, message);
  return udp(payload);
}

std::size_t PacketBuilder::write_ike(Bytes message, crypto::MutBytes out) const {
  if (!ip4_options.empty() || !extension_headers.empty() || padding != 0) {
    const Octets p = ike(message);
    if (p.size() > out.size()) return 0;
    std::ranges::copy(p, out.begin());
    return p.size();
  }
  const std::size_t marker_len = destination_port == 4500 ? 4 : 0;
  const std::size_t l2 = vlan ? 18 : 14, l3 = is_ip6 ? 40 : 20;
  const std::size_t udp_len = 8 + marker_len + message.size();
  if (l2 + l3 + udp_len > out.size()) return 0;
  std::uint8_t* p = out.data();
  std::ranges::copy(destination_mac, p);
  std::ranges::copy(source_mac, p + 6);
  if (vlan) {
    store_be16(p + 12, 0x8100);
    store_be16(p + 14, *vlan);
  }
  store_be16(p + l2 - 2, is_ip6 ? 0x86dd : 0x0800);
  std::uint8_t* ip = p + l2;
  std::memset(ip, 0, l3);
  if (is_ip6) {
    ip[0] = 0x60;
    store_be16(ip + 4, static_cast<std::uint16_t>(udp_len));
    ip[6] = 17;
    ip[7] = ttl;
    std::ranges::copy(source6, ip + 8);
    std::ranges::copy(destination6, ip + 24);
  } else {
    ip[0] = 0x45;
    store_be16(ip + 2, static_cast<std::uint16_t>(l3 + udp_len));
    store_be16(ip + 4, 0x1234);
    store_be16(ip + 6, ip4_fragment_word);
    ip[8] = ttl;
    ip[9] = 17;
    std::ranges::copy(source4, ip + 12);
    std::ranges::copy(destination4, ip + 16);
    store_be16(ip + 10, plain_checksum({ip, l3}));
  }
  std::uint8_t* udp = ip + l3;
  store_be16(udp, source_port);
  store_be16(udp + 2, destination_port);
  store_be16(udp + 4, static_cast<std::uint16_t>(udp_len));
  std::memset(udp + 8, 0, marker_len);
  std::ranges::copy(message, udp + 8 + marker_len);
  set_udp_checksum(*this, {udp, udp_len});
  return l2 + l3 + udp_len;
}

Octets PacketBuilder::icmp6(Octets message) const {
  store_be16(message.data() + 2, 0);
  store_be16(message.data() + 2, l4_checksum(source6, destination6, 58, message));
  return ip(58, message);
}

Octets PacketBuilder::echo_request(Bytes body) const {
  Octets p{static_cast<std::uint8_t>(is_ip6 ? 128 : 8), 0, 0, 0, 0x12, 0x34, 0, 1};
  append(p, body);
  if (is_ip6) return icmp6(p);
  store_be16(p.data() + 2, plain_checksum(p));
  return ip(1, p);
}

Octets PacketBuilder::arp(std::uint16_t operation, const ike::Ip4& target) const {
  Octets p{0, 1, 8, 0, 6, 4};
  append16(p, operation);
  append(p, source_mac);
  append(p, source4);
  append(p, Mac{});
  append(p, target);
  PacketBuilder b = *this;
  b.destination_mac.fill(0xff);
  return b.ether(0x0806, p);
}

Octets PacketBuilder::neighbour_solicitation(const ike::Ip6& target) const {
  PacketBuilder b = *this;
  b.is_ip6 = true;
  b.ttl = 255;
  b.destination6 = {0xff, 2, 0, 0, 0,    0,          0,          0,
                    0,    0, 0, 1, 0xff, target[13], target[14], target[15]};
  b.destination_mac = {0x33, 0x33, 0xff, target[13], target[14], target[15]};
  Octets p{135, 0, 0, 0, 0, 0, 0, 0};
  append(p, target);
  append(p, Octets{1, 1});
  append(p, source_mac);
  return b.icmp6(p);
}

PacketBuilder PacketBuilder::reversed() const {
  PacketBuilder b = *this;
  std::swap(b.source_mac, b.destination_mac);
  std::swap(b.source4, b.destination4);
  std::swap(b.source6, b.destination6);
  std::swap(b.source_port, b.destination_port);
  return b;
}

namespace {

// Fills addresses, protocol and l4; the reason when the header is wrong.
const char* read_ip4(Bytes ip, Packet& out) {
  if (ip.size() < 20) return "IPv4 header cut";
  out.ip_header_len = std::size_t{ip[0] & 0x0fu} * 4;
  const std::size_t total = load_be16(ip.data() + 2);
  if (ip[0] >> 4 != 4 || out.ip_header_len < 20 || total < out.ip_header_len || total > ip.size())
    return "IPv4 lengths";
  if (plain_checksum(ip.first(out.ip_header_len)) != 0) return "IPv4 header checksum";
  out.ip4_identification = load_be16(ip.data() + 4);
  out.ip4_fragment_word = load_be16(ip.data() + 6);
  out.ttl = ip[8];
  out.protocol = ip[9];
  out.source.assign(ip.begin() + 12, ip.begin() + 16);
  out.destination.assign(ip.begin() + 16, ip.begin() + 20);
  const Bytes l4 = ip.subspan(out.ip_header_len, total - out.ip_header_len);
  out.l4.assign(l4.begin(), l4.end());
  return nullptr;
}

const char* read_ip6(Bytes ip, Packet& out) {
  if (ip.size() < 40) return "IPv6 header cut";
  const std::size_t len = load_be16(ip.data() + 4);
  if (ip[0] >> 4 != 6 || len + 40 > ip.size()) return "IPv6 lengths";
  out.is_ip6 = true;
  out.ip_header_len = 40;
  out.protocol = ip[6];
  out.ttl = ip[7];
  out.source.assign(ip.begin() + 8, ip.begin() + 24);
  out.destination.assign(ip.begin() + 24, ip.begin() + 40);
  const Bytes l4 = ip.subspan(40, len);
  out.l4.assign(l4.begin(), l4.end());
  return nullptr;
}

const char* read_udp(Packet& out) {
  const Octets& udp = out.l4;
  if (udp.size() < 8 || load_be16(udp.data() + 4) != udp.size()) return "UDP length";
  out.source_port = load_be16(udp.data());
  out.destination_port = load_be16(udp.data() + 2);
  out.udp_checksum = load_be16(udp.data() + 6);
  if (out.udp_checksum == 0 && out.is_ip6) return "UDP checksum absent over IPv6";
  if (out.udp_checksum != 0 && l4_checksum(out.source, out.destination, 17, udp) != 0)
    return "UDP checksum";
  out.payload.assign(udp.begin() + 8, udp.end());
  out.ike = out.payload;
  if (out.source_port == 4500 || out.destination_port == 4500) {
    out.marker = out.payload.size() >= 4 && crypto::load_be32(out.payload.data()) == 0;
    if (out.marker) out.ike.erase(out.ike.begin(), out.ike.begin() + 4);
  }
  return nullptr;
}

const char* read_all(Bytes frame, Packet& out) {
  if (frame.size() < 14) return "Ethernet header cut";
  std::ranges::copy(frame.first(6), out.destination_mac.begin());
  std::ranges::copy(frame.subspan(6, 6), out.source_mac.begin());
  out.ether_type = load_be16(frame.data() + 12);
  Bytes rest = frame.subspan(14);
  if (out.ether_type == 0x8100) {
    if (rest.size() < 4) return "VLAN tag cut";
    out.vlan = load_be16(rest.data());
    out.ether_type = load_be16(rest.data() + 2);
    rest = rest.subspan(4);
  }
  const char* why = nullptr;
  if (out.ether_type == 0x0800) why = read_ip4(rest, out);
  if (out.ether_type == 0x86dd) why = read_ip6(rest, out);
  if (why != nullptr) return why;
  if (out.ether_type != 0x0800 && out.ether_type != 0x86dd) {
    out.l4.assign(rest.begin(), rest.end());
    return nullptr;
  }
  if (out.protocol == 17) return read_udp(out);
  if (out.protocol == 1 && plain_checksum(out.l4) != 0) return "ICMP checksum";
  if (out.protocol == 58 && l4_checksum(out.source, out.destination, 58, out.l4) != 0)
    return "ICMPv6 checksum";
  return nullptr;
}

}  // namespace

std::optional<Packet> read_packet(Bytes frame, std::string* why) {
  Packet packet;
  const char* reason = read_all(frame, packet);
  if (reason == nullptr) return packet;
  if (why != nullptr) *why = reason;
  return std::nullopt;
}

}  // namespace dp
