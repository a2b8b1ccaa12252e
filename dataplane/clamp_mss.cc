// Keeps TCP from sending segments that a tunnel cannot carry: RFC 9293 §3.7.1, RFC 4459 §3.2.
#include "dataplane/inside.h"

namespace dp {
namespace {

using crypto::load_be16;
using crypto::store_be16;

constexpr std::size_t kTcpLen = 20;  // without options
constexpr std::uint8_t kSyn = 0x02;
constexpr std::uint8_t kEnd = 0, kNothing = 1, kMss = 2;
constexpr std::size_t kMssMin = 536;  // RFC 9293 §3.7.1: what needs no option

// Octets of the header before the value of the option; 0 = it is not there.
std::size_t find_mss(crypto::Bytes header) {
  for (std::size_t at = kTcpLen; at < header.size();) {
    if (header[at] == kEnd) return 0;
    if (header[at] == kNothing) {
      ++at;
      continue;
    }
    if (header.size() - at < 2 || header[at + 1] < 2 || header[at + 1] > header.size() - at)
      return 0;
    if (header[at] == kMss) return header[at + 1] == 4 ? at + 2 : 0;
    at += header[at + 1];
  }
  return 0;
}

// RFC 1624. A value at an odd offset lies across two words of the sum, which then are its octets
// swapped (RFC 1071 §2 (B)).
void update_sum(std::uint8_t* checksum, std::uint16_t old, std::uint16_t now, bool odd) {
  if (odd) {
    old = __builtin_bswap16(old);
    now = __builtin_bswap16(now);
  }
  std::uint32_t sum = static_cast<std::uint16_t>(~load_be16(checksum));
  sum += static_cast<std::uint16_t>(~old) + std::uint32_t{now};
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  store_be16(checksum, static_cast<std::uint16_t>(~sum));
}

}  // namespace

bool opens_tcp(const InnerPacket& inner, const std::uint8_t* packet) {
  constexpr std::uint8_t kProtocolTcp = 6;
  if (inner.subject.protocol != kProtocolTcp || inner.is_fragment) return false;
  const std::uint8_t* tcp = packet + inner.l4_offset;
  return inner.len >= inner.l4_offset + kTcpLen && (tcp[13] & kSyn) != 0;
}

void clamp_mss(const InnerPacket& inner, std::uint8_t* packet, std::size_t max) {
  if (!opens_tcp(inner, packet)) return;
  std::uint8_t* tcp = packet + inner.l4_offset;
  const std::size_t header_len = std::size_t{tcp[12]} >> 4 << 2;
  if (header_len < kTcpLen || header_len > std::size_t{inner.len} - inner.l4_offset) return;
  const std::size_t at = find_mss({tcp, header_len});
  const std::size_t headers = (inner.is_ip6 ? kIp6Len : kIp4Len) + kTcpLen;
  const auto wanted = static_cast<std::uint16_t>(std::max(max, headers + kMssMin) - headers);
  const std::uint16_t said = at == 0 ? 0 : load_be16(tcp + at);
  if (said <= wanted) return;
  store_be16(tcp + at, wanted);
  update_sum(tcp + 16, said, wanted, at % 2 != 0);
}

}  // namespace dp
