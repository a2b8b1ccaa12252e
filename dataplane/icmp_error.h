// ICMP errors about packets that go no further. Worker thread only.
#pragma once

#include "dataplane/esp_trip.h"
#include "dataplane/frame.h"

namespace dp {

// What is wrong with a packet: "fragmentation needed" (RFC 1191) or Packet Too Big (RFC 4443 §3.2)
// with the MTU that is told; TTL or hop limit exceeded in transit (RFC 792, RFC 4443 §3.3).
struct IcmpError {
  enum class Kind : std::uint8_t { too_big, expired } kind = Kind::expired;
  std::size_t mtu = 0;  // of too_big
};

// The packet becomes the error about itself, from our address on `from` to its source. It stands at
// the front of the frame then, without Ethernet header. False, with nothing changed, when nobody
// may be told.
[[nodiscard]] bool turn_into_error(Frame& frame, InnerPacket& inner, const Link& from,
                                   const IcmpError& error);

}  // namespace dp
