// Cuts IPv4 packets that are too long for their way: RFC 791 §2.3.
#include <cstring>

#include "dataplane/inside.h"

namespace dp {
namespace {

using crypto::load_be16;
using crypto::store_be16;

constexpr std::size_t kRoomBefore = 32;  // beside the headroom, for the outer headers

// Pieces are of a multiple of 8 octets; a packet that is a piece itself is cut further.
void put_piece(const std::uint8_t* packet, std::size_t at, std::size_t len, bool last,
               std::uint8_t* out) {
  std::memcpy(out, packet, kIp4Len);
  std::memcpy(out + kIp4Len, packet + kIp4Len + at, len);
  store_be16(out + 2, static_cast<std::uint16_t>(kIp4Len + len));
  const std::uint16_t word = load_be16(packet + 6);
  const bool more = !last || (word & 0x2000) != 0;
  const std::size_t offset = (word & 0x1fffu) + at / 8;
  store_be16(out + 6, static_cast<std::uint16_t>((more ? 0x2000 : 0) | offset));
  store_be16(out + 10, 0);
  store_be16(out + 10, ip4_header_checksum(out));
}

}  // namespace

bool may_cut(const InnerPacket& inner, const std::uint8_t* packet) {
  return !inner.is_ip6 && inner.l4_offset == kIp4Len && (packet[6] & 0x40) == 0;
}

bool cut_packet(const Burst& burst, unsigned lane, const EspTrip& trip, std::size_t max,
                PacketPort& port, Pieces& pieces) {
  const InnerPacket& inner = trip.inner[lane];
  const std::uint8_t* packet = trip.packet(burst, lane);
  const std::size_t payload = inner.len - kIp4Len;
  const std::size_t step = (max - kIp4Len) / 8 * 8;
  const std::size_t count = (payload + step - 1) / step;
  Burst& to = pieces.burst;
  if (to.count + count > kBurstMax) return false;
  const std::span<Frame> frames = std::span(to.frame).subspan(to.count, count);
  if (const unsigned got = port.allocate(frames); got < count) {
    port.release(frames.first(got));
    return false;
  }
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = i * step, len = std::min(step, payload - at);
    const unsigned piece = to.count++;
    CHECK(kRoomBefore + kIp4Len + len <= frames[i].capacity);
    to.verdict[piece] = Verdict::live;
    to.reason[piece] = Drop::none;
    put_piece(packet, at, len, i + 1 == count, frames[i].data + kRoomBefore);
    pieces.trip.place[piece] = trip.place[lane];
    InnerPacket& made = pieces.trip.inner[piece];
    made = inner;
    made.offset = kRoomBefore;
    made.len = static_cast<std::uint16_t>(kIp4Len + len);
    made.is_fragment = true;
    if (at != 0) made.subject.has_ports = false;
  }
  return true;
}

}  // namespace dp
