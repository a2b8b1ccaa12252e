// ICMP errors about packets that go no further: RFC 792, RFC 1191, RFC 4443.
#include "dataplane/icmp_error.h"

#include <cstring>

#include "dataplane/frame.h"

namespace dp {
namespace {

using crypto::store_be16;

constexpr std::size_t kIcmpHeaderLen = 8;
constexpr std::size_t kErrorLen4 = 576, kErrorLen6 = 1280;  // of the whole answer, at most

// RFC 1122 §3.2.2, RFC 4443 §2.4 (e): never about an error, a later fragment, or to a group.
bool may_be_told(const InnerPacket& inner, const std::uint8_t* packet) {
  const std::uint8_t* source = inner.source(packet);
  const std::uint8_t* destination = inner.destination(packet);
  if (inner.is_fragment && !inner.subject.has_ports) return false;
  const std::uint8_t own = inner.is_ip6 ? kProtocolIcmp6 : kProtocolIcmp;
  if (inner.subject.protocol == own && !inner.subject.has_ports) return false;  // no type
  const auto type = static_cast<std::uint8_t>(inner.subject.source_port >> 8);
  if (inner.is_ip6)
    return source[0] != 0xff && destination[0] != 0xff &&
           (inner.subject.protocol != own || type >= 128);
  const bool is_icmp_query = type == 0 || type == 8 || (type >= 13 && type <= 18);
  return source[0] != 0 && source[0] < 224 && destination[0] < 224 &&
         (inner.subject.protocol != own || is_icmp_query);
}

// Type, code and what stands behind the checksum.
void put_header(std::uint8_t* icmp, bool is_ip6, const IcmpError& error) {
  std::memset(icmp, 0, kIcmpHeaderLen);
  const bool too_big = error.kind == IcmpError::Kind::too_big;
  if (is_ip6) {
    icmp[0] = too_big ? 2 : 3;
    // RFC 8200 §5: nobody needs to send less than 1280 octets.
    if (too_big)
      crypto::store_be32(icmp + 4,
                         static_cast<std::uint32_t>(std::max<std::size_t>(error.mtu, 1280)));
    return;
  }
  icmp[0] = too_big ? 3 : 11;
  icmp[1] = too_big ? 4 : 0;
  if (too_big) store_be16(icmp + 6, static_cast<std::uint16_t>(error.mtu));
}

}  // namespace

bool turn_into_error(Frame& frame, InnerPacket& inner, const Link& from, const IcmpError& error) {
  std::uint8_t* packet = frame.data + inner.offset;
  const std::size_t ip_len = inner.is_ip6 ? kIp6Len : kIp4Len;
  if (inner.is_ip6 ? from.ip6.empty() : from.ip4.empty()) return false;
  if (!may_be_told(inner, packet)) return false;
  if (inner.offset + std::size_t{frame.headroom} <
      ip_len + kIcmpHeaderLen + kEtherLen + kVlanTagLen)
    return false;
  const std::size_t room = (inner.is_ip6 ? kErrorLen6 : kErrorLen4) - ip_len - kIcmpHeaderLen;
  const std::size_t quoted = std::min<std::size_t>(inner.len, room);
  Flow flow{.is_ip6 = inner.is_ip6};
  std::memcpy(flow.peer.data(), inner.source(packet), inner.is_ip6 ? 16 : 4);
  if (inner.is_ip6)
    std::ranges::copy(from.ip6[0], flow.local.begin());
  else
    std::ranges::copy(from.ip4[0], flow.local.begin());
  std::uint8_t* icmp = packet - kIcmpHeaderLen;
  put_header(icmp, inner.is_ip6, error);
  const std::size_t len = kIcmpHeaderLen + quoted;
  const Path ends{.source = flow.local, .destination = flow.peer, .is_ip6 = true};
  const std::uint64_t pseudo = inner.is_ip6 ? pseudo_header_sum(ends, kProtocolIcmp6, len) : 0;
  store_be16(icmp + 2, checksum_fold(checksum_add(pseudo, {icmp, len})));
  const std::uint8_t protocol = inner.is_ip6 ? kProtocolIcmp6 : kProtocolIcmp;
  put_ip_header(icmp - ip_len, flow, protocol, len, 64);
  move_front(frame, icmp - ip_len);
  inner = {.offset = 0,
           .len = static_cast<std::uint16_t>(ip_len + len),
           .l4_offset = static_cast<std::uint16_t>(ip_len),
           .is_ip6 = inner.is_ip6,
           .subject = {.is_ip6 = inner.is_ip6,
                       .has_ports = true,
                       .protocol = protocol,
                       .source_port = crypto::load_be16(icmp),
                       .destination_port = crypto::load_be16(icmp)}};
  return true;
}

}  // namespace dp
