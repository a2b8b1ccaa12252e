// Datagrams longer than the link's MTU: an IKE message as IP fragments (RFC 791 §3.2, RFC 8200
// §4.5), for peers without IKE fragmentation (RFC 7383).
#pragma once

#include <cstdint>
#include <span>

#include "dataplane/frame.h"

namespace dp {

// Frames that an IKE message of `ike_len` octets takes on the way of `flow`: 1 when its datagram
// fits `mtu` (at least 576), else the number of its fragments.
std::size_t frames_of_datagram(const Flow& flow, std::size_t ike_len, std::size_t mtu);

// Writes the datagram round `message` into `frames` (frames_of_datagram() of them, more than one)
// as fragments with this identification (IPv4 takes its low 16 bits). Checksums are computed here:
// no device goes on from one frame to the next. False, with nothing to be sent, when a frame has no
// room.
[[nodiscard]] bool write_fragments(std::span<Frame> frames, const Flow& flow, crypto::Bytes message,
                                   std::size_t mtu, std::uint32_t identification);

}  // namespace dp
