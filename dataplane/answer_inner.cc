// Stage answer_inner: echo requests to the gateway's own addresses that came through a tunnel
// become replies that go back through it.
#include <cstring>

#include "dataplane/stages.h"

namespace dp {
namespace {

using crypto::load_be16;
using crypto::store_be16;

constexpr std::uint8_t kHopLimit = 64;
constexpr std::size_t kIcmpLenMin = 8;

void swap_addresses(std::uint8_t* a, std::uint8_t* b, std::size_t len) {
  std::swap_ranges(a, a + len, b);
}

std::uint64_t pseudo_sum(const InnerPacket& inner, const std::uint8_t* packet, std::size_t len) {
  if (!inner.is_ip6) return 0;  // ICMP has none
  Path ends{.is_ip6 = true};
  std::memcpy(ends.source.data(), inner.source(packet), 16);
  std::memcpy(ends.destination.data(), inner.destination(packet), 16);
  return pseudo_header_sum(ends, kProtocolIcmp6, len);
}

bool is_echo_request(const InnerPacket& inner, crypto::Bytes icmp) {
  const std::uint8_t protocol = inner.is_ip6 ? kProtocolIcmp6 : kProtocolIcmp;
  const std::uint8_t request = inner.is_ip6 ? 128 : 8;
  return inner.subject.protocol == protocol && !inner.is_fragment && icmp.size() >= kIcmpLenMin &&
         icmp[0] == request && icmp[1] == 0;
}

// RFC 792, RFC 4443 §4.2. The packet keeps its length, its options too.
bool turn_into_echo_reply(const InnerPacket& inner, std::uint8_t* packet) {
  const crypto::MutBytes icmp(packet + inner.l4_offset, inner.len - inner.l4_offset);
  if (!is_echo_request(inner, icmp)) return false;
  const std::uint64_t pseudo = pseudo_sum(inner, packet, icmp.size());
  if (checksum_fold(checksum_add(pseudo, icmp)) != 0) return false;
  icmp[0] = inner.is_ip6 ? 129 : 0;
  store_be16(icmp.data() + 2, 0);
  store_be16(icmp.data() + 2, checksum_fold(checksum_add(pseudo, icmp)));
  if (inner.is_ip6) {
    swap_addresses(packet + 8, packet + 24, 16);
    packet[7] = kHopLimit;
    return true;
  }
  swap_addresses(packet + 12, packet + 16, 4);
  packet[8] = kHopLimit;
  store_be16(packet + 10, 0);
  store_be16(packet + 10, checksum_fold(checksum_add(0, {packet, inner.l4_offset})));
  return true;
}

}  // namespace

LaneSet answer_inner(Burst& burst, LaneSet in, EspTrip& trip, WorkerParts& w) {
  LaneSet answered;
  for (unsigned lane : in) {
    if (!turn_into_echo_reply(trip.inner[lane], trip.packet(burst, lane))) {
      burst.drop(lane, Drop::inner_ignored);
      continue;
    }
    w.counters.inner_echoes.add();
    answered.add(lane);
  }
  return answered;
}

}  // namespace dp
