// Cutting a datagram and writing the headers of its pieces.
#include "dataplane/split_datagram.h"

#include <algorithm>

namespace dp {
namespace {

using crypto::store_be16;
using crypto::store_be32;

constexpr std::size_t kIp6FragmentLen = 8;
constexpr std::uint8_t kIp6Fragment = 44;
constexpr std::uint8_t kHopLimit = 64;

std::size_t udp_len(const Flow& flow, std::size_t ike_len) {
  return kUdpLen + (flow.non_esp_marker ? ike::kNonEspMarkerLen : 0) + ike_len;
}

// Octets of the datagram in one fragment: a multiple of 8 in all but the last.
std::size_t piece_len(const Flow& flow, std::size_t mtu) {
  return (mtu - flow.l3_len() - (flow.is_ip6 ? kIp6FragmentLen : 0)) / 8 * 8;
}

// UDP header and marker; their checksum covers the message behind them.
std::size_t write_front(const Flow& flow, crypto::Bytes message, std::uint8_t* out) {
  const std::size_t len = udp_len(flow, message.size());
  const std::size_t front_len = len - message.size();
  store_be16(out, flow.local_port);
  store_be16(out + 2, flow.peer_port);
  store_be16(out + 4, static_cast<std::uint16_t>(len));
  store_be16(out + 6, 0);
  std::fill(out + kUdpLen, out + front_len, std::uint8_t{0});
  Path path;
  path.is_ip6 = flow.is_ip6;
  path.source = flow.local;
  path.destination = flow.peer;
  std::uint64_t sum = pseudo_header_sum(path, kProtocolUdp, len);
  sum = checksum_add(checksum_add(sum, {out, front_len}), message);
  const std::uint16_t checksum = checksum_fold(sum);
  store_be16(out + 6, checksum == 0 ? 0xffff : checksum);  // RFC 768
  return front_len;
}

void write_ip4(Frame& frame, const Flow& flow, std::size_t offset, std::size_t len, bool more,
               std::uint32_t identification) {
  std::uint8_t* l4 = frame.data + flow.l2_len() + kIp4Len;
  put_headers(l4, flow, kProtocolUdp, len, kHopLimit);
  std::uint8_t* ip = l4 - kIp4Len;
  store_be16(ip + 4, static_cast<std::uint16_t>(identification));
  store_be16(ip + 6, static_cast<std::uint16_t>(offset / 8 | (more ? 0x2000u : 0u)));
  store_be16(ip + 10, 0);
  store_be16(ip + 10, ip4_header_checksum(ip));
  frame.len = static_cast<std::uint32_t>(flow.l2_len() + kIp4Len + len);
}

void write_ip6(Frame& frame, const Flow& flow, std::size_t offset, std::size_t len, bool more,
               std::uint32_t identification) {
  std::uint8_t* fragment = frame.data + flow.l2_len() + kIp6Len;
  put_headers(fragment, flow, kIp6Fragment, kIp6FragmentLen + len, kHopLimit);
  fragment[0] = kProtocolUdp;
  fragment[1] = 0;
  store_be16(fragment + 2, static_cast<std::uint16_t>(offset | (more ? 1u : 0u)));
  store_be32(fragment + 4, identification);
  frame.len = static_cast<std::uint32_t>(flow.l2_len() + kIp6Len + kIp6FragmentLen + len);
}

}  // namespace

std::size_t frames_of_datagram(const Flow& flow, std::size_t ike_len, std::size_t mtu) {
  const std::size_t len = udp_len(flow, ike_len);
  if (flow.l3_len() + len <= mtu) return 1;
  const std::size_t piece = piece_len(flow, mtu);
  return (len + piece - 1) / piece;
}

bool write_fragments(std::span<Frame> frames, const Flow& flow, crypto::Bytes message,
                     std::size_t mtu, std::uint32_t identification) {
  const std::size_t headers_len =
      flow.l2_len() + flow.l3_len() + (flow.is_ip6 ? kIp6FragmentLen : 0);
  const std::size_t piece = piece_len(flow, mtu);
  std::uint8_t front[kUdpLen + ike::kNonEspMarkerLen];
  const std::size_t front_len = write_front(flow, message, front);
  const std::size_t total = front_len + message.size();
  std::size_t offset = 0;
  for (Frame& frame : frames) {
    const std::size_t len = std::min(piece, total - offset);
    if (frame.capacity < headers_len + len) return false;
    std::uint8_t* out = frame.data + headers_len;
    if (offset == 0) {
      std::copy_n(front, front_len, out);
      std::copy_n(message.data(), len - front_len, out + front_len);
    } else {
      std::copy_n(message.data() + offset - front_len, len, out);
    }
    const bool more = offset + len < total;
    (flow.is_ip6 ? write_ip6 : write_ip4)(frame, flow, offset, len, more, identification);
    offset += len;
  }
  return offset == total;
}

}  // namespace dp
