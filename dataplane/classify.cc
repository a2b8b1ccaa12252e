// From octets to families: guard clauses in the order of the layers, one function for each.
#include "dataplane/classify.h"

#include <cstring>

namespace dp {
namespace {

using crypto::Bytes;
using crypto::load_be16;
using crypto::load_be32;
using crypto::load_be64;

constexpr unsigned kExtensionHeadersMax = 4;

enum class Family : std::uint8_t {
  link,
  fragments,
  versions,
  resume,
  initiations,
  sessions,
  esp,
};

// What an outer layer tells the next one.
struct Ethernet {
  std::uint16_t type = 0;
  std::uint16_t header_len = 0;
};
struct Datagram {
  std::uint8_t protocol = 0;
  Bytes l4;  // up to the end that the IP header states
  bool is_fragment = false;
};

constexpr std::uint64_t kBroadcastMac = 0xffffffffffffULL;

std::uint64_t mac_bits(const std::uint8_t* p) {
  return std::uint64_t{load_be32(p)} << 16 | load_be16(p + 4);
}

Drop read_ethernet(Bytes octets, const Link& link, Ethernet& out) {
  if (octets.size() < kEtherLen) return Drop::eth_runt;
  const std::uint8_t* p = octets.data();
  const std::uint64_t destination = mac_bits(p);
  const bool broadcast = destination == kBroadcastMac;
  const bool multicast6 = destination >> 32 == 0x3333;  // RFC 2464 §7
  if (destination != mac_bits(link.mac.data()) && !broadcast && !multicast6)
    return Drop::eth_not_for_us;

  out.type = load_be16(p + 12);
  out.header_len = kEtherLen;
  std::uint16_t vlan = 0;
  if (out.type == kEtherVlan) {
    if (octets.size() < kEtherLen + kVlanTagLen) return Drop::eth_runt;
    vlan = load_be16(p + 14) & 0x0fff;  // 0: priority tag, the frame is of no VLAN
    out.type = load_be16(p + 16);
    out.header_len = kEtherLen + kVlanTagLen;
  }
  if (vlan != link.vlan) return Drop::vlan_unknown;
  // A unicast packet in a broadcast frame is not answered: RFC 1122 §3.3.6.
  if (broadcast && out.type != kEtherArp) return Drop::eth_not_for_us;
  if (multicast6 && out.type != kEtherIp6) return Drop::eth_not_for_us;
  if ((p[6] & 1) != 0) return Drop::ip_bad_source;  // we would answer to a group
  return Drop::none;
}

bool is_bad_source4(const std::uint8_t* a) {
  return a[0] == 0 || a[0] == 127 || a[0] >= 224;  // RFC 1122 §3.2.1.3
}

std::uint16_t header_checksum(Bytes header) {
  return header.size() == kIp4Len ? ip4_header_checksum(header.data())
                                  : checksum_fold(checksum_add(0, header));
}

Drop read_ip4(const Frame& frame, Bytes octets, const Link& link, Path& path, Datagram& out) {
  if (octets.size() < kIp4Len) return Drop::ip_runt;
  const std::uint8_t* p = octets.data();
  const std::size_t header_len = std::size_t{p[0] & 0x0fu} * 4;
  if (p[0] >> 4 != 4 || header_len < kIp4Len) return Drop::ip_bad_header;
  const std::size_t total_len = load_be16(p + 2);
  if (total_len < header_len) return Drop::ip_bad_header;
  if (total_len > octets.size()) return Drop::ip_runt;
  if (frame.ip_checksum_bad) return Drop::ip_bad_checksum;
  if (!frame.ip_checksum_good && header_checksum(octets.first(header_len)) != 0)
    return Drop::ip_bad_checksum;
  if (!link.owns4(p + 16)) return Drop::ip_not_for_us;
  if (is_bad_source4(p + 12) || link.owns4(p + 12)) return Drop::ip_bad_source;

  std::memcpy(path.source.data(), p + 12, 4);
  std::memcpy(path.destination.data(), p + 16, 4);
  path.l4_offset = static_cast<std::uint16_t>(path.l3_offset + header_len);
  // More to come, or not the first.
  const bool is_fragment = (load_be16(p + 6) & 0x3fff) != 0;
  out = {p[9], octets.subspan(header_len, total_len - header_len), is_fragment};
  return Drop::none;
}

// Unrecognised options whose two top bits are not 00 say that the packet must be discarded (RFC
// 8200 §4.2). We know none but the two kinds of padding.
bool options_allow(Bytes options) {
  while (!options.empty()) {
    if (options[0] == 0) {  // Pad1 has no length octet
      options = options.subspan(1);
      continue;
    }
    if (options[0] >> 6 != 0 || options.size() < 2) return false;
    const std::size_t len = std::size_t{options[1]} + 2;
    if (len > options.size()) return false;
    options = options.subspan(len);
  }
  return true;
}

bool is_atomic(Bytes fragment_header) {
  return fragment_header.size() >= 8 && (load_be16(fragment_header.data() + 2) & 0xfff9) == 0;
}

// Walks the extension headers of RFC 8200 §4 and leaves `out` at the upper-layer header, or at the
// header of a fragment. A fragment that is the whole datagram is none (RFC 6946 §4).
Drop skip_extension_headers(Datagram& out) {
  constexpr std::uint8_t kHopByHop = 0, kRouting = 43, kFragment = 44, kDestination = 60;
  for (unsigned seen = 0;; ++seen) {
    const std::uint8_t type = out.protocol;
    out.is_fragment = type == kFragment && !is_atomic(out.l4);
    if (out.is_fragment) return out.l4.size() < 8 ? Drop::ip_bad_header : Drop::none;
    if (type != kHopByHop && type != kRouting && type != kDestination && type != kFragment)
      return Drop::none;
    if (type == kHopByHop && seen != 0) return Drop::ip_bad_header;  // RFC 8200 §4.1: only first
    if (seen == kExtensionHeadersMax) return Drop::ip_bad_header;
    if (out.l4.size() < 8) return Drop::ip_bad_header;
    const std::size_t len = type == kFragment ? 8 : (std::size_t{out.l4[1]} + 1) * 8;
    if (len > out.l4.size()) return Drop::ip_bad_header;
    if (type == kFragment) {
      // Nothing in it concerns us.
    } else if (type == kRouting) {
      if (out.l4[3] != 0) return Drop::ip_bad_header;  // segments left: we do not forward
    } else if (!options_allow(out.l4.subspan(2, len - 2))) {
      return Drop::ip_bad_header;
    }
    out = {out.l4[0], out.l4.subspan(len)};
  }
}

bool is_unspecified6(const std::uint8_t* a) { return (load_be64(a) | load_be64(a + 8)) == 0; }

bool is_bad_source6(const std::uint8_t* a) {
  if (a[0] == 0xff) return true;
  if (load_be64(a) != 0) return false;
  const std::uint64_t low = load_be64(a + 8);
  return low == 1 || low >> 32 == 0xffff;  // loopback, IPv4-mapped
}

// ff02::1:ffXX:XXXX of one of our addresses (RFC 4291 §2.7.1).
bool is_our_solicited_node(const std::uint8_t* a, const Link& link) {
  if (load_be64(a) != 0xff02000000000000ULL || load_be64(a + 8) >> 24 != 0x1ff) return false;
  for (const ike::Ip6& ours : link.ip6)
    if ((load_be32(ours.data() + 12) & 0xffffff) == (load_be32(a + 12) & 0xffffff)) return true;
  return false;
}

Drop read_ip6(Bytes octets, const Link& link, Path& path, Datagram& out) {
  if (octets.size() < kIp6Len) return Drop::ip_runt;
  const std::uint8_t* p = octets.data();
  if (p[0] >> 4 != 6) return Drop::ip_bad_header;
  const std::size_t payload_len = load_be16(p + 4);
  if (payload_len > octets.size() - kIp6Len) return Drop::ip_runt;
  const bool unicast = link.owns6(p + 24);
  if (!unicast && !is_our_solicited_node(p + 24, link)) return Drop::ip_not_for_us;
  if (is_bad_source6(p + 8) || link.owns6(p + 8)) return Drop::ip_bad_source;

  out = {p[6], octets.subspan(kIp6Len, payload_len)};
  if (const Drop why = skip_extension_headers(out); why != Drop::none) return why;
  // Only neighbour discovery speaks to groups, or without an address (RFC 4861 §4.3).
  if (!unicast && out.protocol != kProtocolIcmp6) return Drop::ip_not_for_us;
  if (is_unspecified6(p + 8) && out.protocol != kProtocolIcmp6) return Drop::ip_bad_source;

  std::memcpy(path.source.data(), p + 8, 16);
  std::memcpy(path.destination.data(), p + 24, 16);
  path.is_ip6 = true;
  path.l4_offset = static_cast<std::uint16_t>(path.l3_offset + (out.l4.data() - p));
  return Drop::none;
}

Drop check_udp_checksum(const Frame& frame, const Path& path, Bytes udp) {
  if (load_be16(udp.data() + 6) == 0) return path.is_ip6 ? Drop::udp_bad_checksum : Drop::none;
  if (frame.l4_checksum_bad) return Drop::udp_bad_checksum;
  if (frame.l4_checksum_good) return Drop::none;
  return udp_checksum(path, udp) == 0 ? Drop::none : Drop::udp_bad_checksum;
}

// Leaves the IKE message or the ESP packet in `message`.
Drop read_udp(const Frame& frame, Bytes l4, Path& path, Bytes& message, Family& family) {
  if (l4.size() < kUdpLen) return Drop::udp_bad_length;
  const std::size_t len = load_be16(l4.data() + 4);
  if (len < kUdpLen || len > l4.size()) return Drop::udp_bad_length;
  path.source_port = load_be16(l4.data());
  path.destination_port = load_be16(l4.data() + 2);
  const bool nat_port = path.destination_port == kNatPort;
  if (path.destination_port != kIkePort && !nat_port) return Drop::udp_unknown_port;
  if (path.source_port == 0) return Drop::udp_bad_length;  // nobody could be answered

  const Bytes udp = l4.first(len);
  message = udp.subspan(kUdpLen);
  std::size_t offset = path.l4_offset + kUdpLen;
  if (nat_port) {
    if (message.size() == 1 && message[0] == 0xff) return Drop::nat_keepalive;  // RFC 3948 §2.3
    if (message.size() < ike::kNonEspMarkerLen) return Drop::ike_runt;
    if (load_be32(message.data()) != 0) {  // RFC 3948 §2.2
      family = Family::esp;
      path.payload_offset = static_cast<std::uint16_t>(offset);
      return Drop::none;  // whose UDP checksum says nothing: RFC 3948 §2.1
    }
    message = message.subspan(ike::kNonEspMarkerLen);
    offset += ike::kNonEspMarkerLen;
    path.non_esp_marker = true;
  }
  path.payload_offset = static_cast<std::uint16_t>(offset);
  return check_udp_checksum(frame, path, udp);
}

Drop drop_for(ike::ParseError error) {
  if (error == ike::ParseError::runt) return Drop::ike_runt;
  if (error == ike::ParseError::bad_length) return Drop::ike_bad_length;
  if (error == ike::ParseError::bad_version) return Drop::ike_bad_version;
  return Drop::ike_bad_header;
}

Drop read_ike(Bytes message, ike::Header& header, Family& family) {
  const ike::ParseError error = ike::parse_header(message, header);
  if (error != ike::ParseError::none) [[unlikely]] {
    family = Family::versions;
    const bool is_later = error == ike::ParseError::bad_version && header.version > ike::kVersion2;
    return is_later && !header.is_response() ? Drop::none : drop_for(error);
  }
  if (header.spi_r.value() != 0) {
    family = Family::sessions;
  } else if (header.is_response()) {
    return Drop::ike_response;  // we begin no SA
  } else if (header.exchange == ike::Exchange::ike_session_resume) {
    family = Family::resume;
  } else if (header.exchange == ike::Exchange::ike_sa_init) {
    family = Family::initiations;
  } else {
    return Drop::ike_other_exchange;
  }
  return Drop::none;
}

Drop read_lane(Burst& burst, unsigned lane, Bytes octets, const Link& link, Family& family) {
  const Frame& frame = burst.frame[lane];
  Path& path = burst.path[lane];
  path = {};
  Ethernet ethernet;
  if (const Drop why = read_ethernet(octets, link, ethernet); why != Drop::none) return why;
  path.l3_offset = ethernet.header_len;
  const Bytes l3 = octets.subspan(ethernet.header_len);

  family = Family::link;
  if (ethernet.type == kEtherArp) return Drop::none;
  Datagram ip;
  Drop why = Drop::eth_unknown_type;
  if (ethernet.type == kEtherIp4) why = read_ip4(frame, l3, link, path, ip);
  if (ethernet.type == kEtherIp6) why = read_ip6(l3, link, path, ip);
  if (why != Drop::none) return why;

  if (ip.is_fragment) {
    family = Family::fragments;
    burst.message[lane] = ip.l4;
    return Drop::none;
  }
  if (ip.protocol == kProtocolUdp) [[likely]] {
    why = read_udp(frame, ip.l4, path, burst.message[lane], family);
    if (why != Drop::none || family == Family::esp) return why;
    return read_ike(burst.message[lane], burst.header[lane], family);
  }
  if (ip.protocol == (path.is_ip6 ? kProtocolIcmp6 : kProtocolIcmp)) {
    path.payload_offset = path.l4_offset;
    burst.message[lane] = ip.l4;
    return Drop::none;
  }
  if (ip.protocol != kProtocolEsp) return Drop::ip_unknown_protocol;
  path.payload_offset = path.l4_offset;
  burst.message[lane] = ip.l4;
  family = Family::esp;
  return Drop::none;
}

LaneSet& set_of(Families& families, Family family) {
  switch (family) {
    case Family::link:
      break;
    case Family::fragments:
      return families.fragments;
    case Family::versions:
      return families.versions;
    case Family::resume:
      return families.resume;
    case Family::initiations:
      return families.initiations;
    case Family::sessions:
      return families.sessions;
    case Family::esp:
      return families.esp;
  }
  return families.link;
}

}  // namespace

void classify_lane(Burst& burst, unsigned lane, Bytes octets, const Link& link,
                   Families& families) {
  burst.verdict[lane] = Verdict::live;
  burst.reason[lane] = Drop::none;
  Family family = Family::link;
  if (const Drop why = read_lane(burst, lane, octets, link, family); why != Drop::none)
    burst.drop(lane, why);
  else
    set_of(families, family).add(lane);
}

Families classify(Burst& burst, const Link& link) {
  Families families;
  burst.outside_frame = {};
  for (unsigned lane = 0; lane < kPrefetchAhead; ++lane) burst.prefetch(lane);
  for (unsigned lane = 0; lane < burst.count; ++lane) {
    burst.prefetch(lane + kPrefetchAhead);
    classify_lane(burst, lane, {burst.frame[lane].data, burst.frame[lane].len}, link, families);
  }
  return families;
}

}  // namespace dp
