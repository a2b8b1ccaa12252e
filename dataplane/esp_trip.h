// EspTrip: the per-lane state of packets on their way into or out of a tunnel, beside Burst.
#pragma once

#include <array>
#include <cstdint>

#include "crypto/base/bytes.h"
#include "dataplane/burst.h"
#include "dataplane/esp_sa.h"
#include "dataplane/lanes.h"
#include "dataplane/selector_pool.h"

namespace dp {

// An IP packet inside a lane's frame.
struct InnerPacket {
  std::uint16_t offset = 0;  // from Frame::data
  std::uint16_t len = 0;     // by its own header
  std::uint16_t l4_offset = 0;
  bool is_ip6 = false;
  bool is_fragment = false;
  SelectorSubject subject;

  const std::uint8_t* source(const std::uint8_t* packet) const {
    return packet + (is_ip6 ? 8 : 12);
  }
  const std::uint8_t* destination(const std::uint8_t* packet) const {
    return packet + (is_ip6 ? 24 : 16);
  }
};

// One ESP packet. `packet` is SPI | number | IV | text | ICV in place.
struct EspText {
  crypto::MutBytes packet;
  EspSa* sa = nullptr;
  std::uint64_t number = 0;

  crypto::MutBytes text() const {
    const std::size_t front = 8 + iv_len(sa->cipher);
    return packet.subspan(front, packet.size() - front - sa->icv_len());
  }
};

struct EspTrip {
  std::array<std::uint32_t, kBurstMax> place;   // of the Child SA it came by, or leaves by
  std::array<std::uint64_t, kBurstMax> number;  // sequence number, all 64 bits
  std::array<InnerPacket, kBurstMax> inner;
  std::array<EspText, kBurstMax> text;  // being opened or sealed

  std::uint8_t* packet(const Burst& burst, unsigned lane) const {
    return burst.frame[lane].data + inner[lane].offset;
  }
};

// Reads the header of an IP packet that stands at the front of `octets`, which may be longer. False
// when it is malformed. `out.offset` is left alone.
[[nodiscard]] bool read_inner(crypto::Bytes octets, InnerPacket& out);

// Copied from an IP header of either version: DSCP and ECN in one octet.
inline std::uint8_t traffic_class(const std::uint8_t* packet, bool is_ip6) {
  return is_ip6 ? static_cast<std::uint8_t>(crypto::load_be16(packet) >> 4) : packet[1];
}
// Sets the ECN field; the IPv4 checksum follows (RFC 1624).
void set_ecn(std::uint8_t* packet, bool is_ip6, std::uint8_t ecn);
// One hop less. False, with nothing changed, when none was left.
[[nodiscard]] bool take_hop(std::uint8_t* packet, bool is_ip6);

}  // namespace dp
