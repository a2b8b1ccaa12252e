// Reading inner IP headers and what a router changes in them.
#include "dataplane/esp_trip.h"
#include "dataplane/frame.h"

namespace dp {
namespace {

using crypto::Bytes;
using crypto::load_be16;
using crypto::store_be16;

constexpr std::uint8_t kProtocolTcp = 6, kProtocolUdpLite = 136, kProtocolSctp = 132;

// What the selectors want to know of the upper layer.
void read_ports(Bytes l4, SelectorSubject& subject) {
  switch (subject.protocol) {
    case kProtocolTcp:
    case kProtocolUdp:
    case kProtocolUdpLite:
    case kProtocolSctp:
      if (l4.size() < 4) return;
      subject.source_port = load_be16(l4.data());
      subject.destination_port = load_be16(l4.data() + 2);
      subject.has_ports = true;
      return;
    case kProtocolIcmp:
    case kProtocolIcmp6:  // type and code: RFC 4301 §4.4.1.1
      if (l4.size() < 2) return;
      subject.source_port = subject.destination_port = load_be16(l4.data());
      subject.has_ports = true;
      return;
    default:
      return;
  }
}

bool read_inner4(Bytes octets, InnerPacket& out) {
  if (octets.size() < kIp4Len) return false;
  const std::uint8_t* p = octets.data();
  const std::size_t header_len = std::size_t{p[0] & 0x0fu} * 4;
  const std::size_t total_len = load_be16(p + 2);
  if (header_len < kIp4Len || total_len < header_len || total_len > octets.size()) return false;
  const std::uint16_t checksum = header_len == kIp4Len
                                     ? ip4_header_checksum(p)
                                     : checksum_fold(checksum_add(0, octets.first(header_len)));
  if (checksum != 0) return false;
  const std::uint16_t word = load_be16(p + 6);
  out.len = static_cast<std::uint16_t>(total_len);
  out.l4_offset = static_cast<std::uint16_t>(header_len);
  out.is_ip6 = false;
  out.is_fragment = (word & 0x3fff) != 0;
  out.subject = {.protocol = p[9]};
  if ((word & 0x1fff) == 0)
    read_ports(octets.subspan(header_len, total_len - header_len), out.subject);
  return true;
}

// Steps over one extension header (RFC 8200 §4). False when it is cut short.
bool step_over(Bytes& l4, InnerPacket& out) {
  constexpr std::uint8_t kFragment = 44;
  if (l4.size() < 8) return false;
  const std::uint8_t type = out.subject.protocol;
  const std::size_t len = type == kFragment ? 8 : (std::size_t{l4[1]} + 1) * 8;
  if (len > l4.size()) return false;
  if (type == kFragment) out.is_fragment = true;
  out.subject.protocol = l4[0];
  l4 = l4.subspan(len);
  return true;
}

bool read_inner6(Bytes octets, InnerPacket& out) {
  constexpr std::uint8_t kHopByHop = 0, kRouting = 43, kFragment = 44, kOptions = 60;
  constexpr unsigned kHeadersMax = 8;
  if (octets.size() < kIp6Len) return false;
  const std::uint8_t* p = octets.data();
  const std::size_t payload_len = load_be16(p + 4);
  if (payload_len > octets.size() - kIp6Len) return false;
  out.len = static_cast<std::uint16_t>(kIp6Len + payload_len);
  out.is_ip6 = true;
  out.is_fragment = false;
  out.subject = {.is_ip6 = true, .protocol = p[6]};
  Bytes l4 = octets.subspan(kIp6Len, payload_len);
  for (unsigned seen = 0;; ++seen) {
    const std::uint8_t type = out.subject.protocol;
    if (type != kHopByHop && type != kRouting && type != kFragment && type != kOptions) break;
    if (seen == kHeadersMax) return false;
    const bool later = type == kFragment && l4.size() >= 4 && load_be16(l4.data() + 2) >> 3 != 0;
    if (!step_over(l4, out)) return false;
    if (later) {
      l4 = {};  // what follows is not the upper-layer header
      break;
    }
  }
  out.l4_offset = static_cast<std::uint16_t>(out.len - l4.size());
  read_ports(l4, out.subject);
  return true;
}

// RFC 1624: the checksum after the 16-bit word at `word` has changed from `old`.
void update_checksum(std::uint8_t* header, std::uint16_t old, std::uint16_t now) {
  std::uint32_t sum = static_cast<std::uint16_t>(~load_be16(header + 10));
  sum += static_cast<std::uint16_t>(~old) + std::uint32_t{now};
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  store_be16(header + 10, static_cast<std::uint16_t>(~sum));
}

}  // namespace

bool read_inner(Bytes octets, InnerPacket& out) {
  if (octets.empty()) return false;
  if (octets[0] >> 4 == 4) return read_inner4(octets, out);
  return octets[0] >> 4 == 6 && read_inner6(octets, out);
}

void set_ecn(std::uint8_t* packet, bool is_ip6, std::uint8_t ecn) {
  if (is_ip6) {
    packet[1] = static_cast<std::uint8_t>((packet[1] & 0xcf) | ecn << 4);
    return;
  }
  const std::uint16_t old = load_be16(packet);
  packet[1] = static_cast<std::uint8_t>((packet[1] & 0xfc) | ecn);
  update_checksum(packet, old, load_be16(packet));
}

bool take_hop(std::uint8_t* packet, bool is_ip6) {
  std::uint8_t& hops = packet[is_ip6 ? 7 : 8];
  if (hops <= 1) return false;
  const std::uint16_t old = load_be16(packet + 8);
  --hops;  // the high octet of what `old` holds; reading that again would wait for the store
  if (!is_ip6) update_checksum(packet, old, static_cast<std::uint16_t>(old - 0x100));
  return true;
}

}  // namespace dp
