// Stage reassemble: IP fragments wait for the rest of their datagram; the lane that completes one
// goes on as if the datagram had come whole.
//
// A datagram that fits the frame of its last piece is put there, a longer one into a long frame; it
// is an ordinary packet from then on. When there is no long frame, it stays where it was put
// together, until the burst ends: an IKE message can be read and punted, and its answer is built in
// the frame, but it cannot be handed to another worker, and ESP has no place to be opened.
#include "dataplane/reassembler.h"
#include "dataplane/stages.h"

namespace dp {
namespace {

using crypto::load_be16;
using crypto::load_be32;

constexpr std::size_t kIp6FragmentLen = 8;

IpFragment read4(const std::uint8_t* ip, crypto::Bytes octets) {
  const unsigned word = load_be16(ip + 6);
  return {.more = (word & 0x2000) != 0,
          .protocol = ip[9],
          .identification = load_be16(ip + 4),
          .offset = std::size_t{word & 0x1fff} * 8,
          .octets = octets};
}

IpFragment read6(crypto::Bytes octets) {
  const unsigned word = load_be16(octets.data() + 2);
  return {.is_ip6 = true,
          .more = (word & 1) != 0,
          .protocol = octets[0],
          .identification = load_be32(octets.data() + 4),
          .offset = word & 0xfff8,
          .octets = octets.subspan(kIp6FragmentLen)};
}

void go_on(Burst& burst, unsigned lane, crypto::Bytes whole, Families& families, WorkerParts& w) {
  Frame& frame = burst.frame[lane];
  if (Frame longer; whole.size() > frame.capacity && w.port.allocate_long({&longer, 1}) == 1) {
    w.port.release({&frame, 1});
    frame = longer;
  }
  // The device saw pieces.
  frame.ip_checksum_good = true;
  frame.l4_checksum_good = frame.l4_checksum_bad = false;
  if (whole.size() <= frame.capacity) {
    std::memcpy(frame.data, whole.data(), whole.size());
    frame.len = static_cast<std::uint32_t>(whole.size());
    whole = {frame.data, frame.len};
  } else {
    burst.outside_frame.add(lane);
  }
  classify_lane(burst, lane, whole, w.link, families);
}

}  // namespace

void reassemble(Burst& burst, Families& families, WorkerParts& w) {
  if (families.fragments.empty()) [[likely]]
    return;
  for (unsigned lane : families.fragments) {
    const Path& path = burst.path[lane];
    const Frame& frame = burst.frame[lane];
    IpFragment fragment = path.is_ip6 ? read6(burst.message[lane])
                                      : read4(frame.data + path.l3_offset, burst.message[lane]);
    fragment.source = path.source;
    fragment.destination = path.destination;
    if (fragment.protocol != kProtocolUdp && fragment.protocol != kProtocolEsp) {
      burst.drop(lane, Drop::ip_fragment_limit);
      continue;
    }
    crypto::Bytes whole;
    switch (w.reassembler.add(fragment, {frame.data, path.l3_offset}, w.now.ms, whole)) {
      case Reassembler::Added::waiting:
        burst.drop(lane, Drop::ip_fragment_waiting);
        break;
      case Reassembler::Added::bad:
        burst.drop(lane, Drop::ip_fragment_bad);
        break;
      case Reassembler::Added::limit:
        burst.drop(lane, Drop::ip_fragment_limit);
        break;
      case Reassembler::Added::complete:
        go_on(burst, lane, whole, families, w);
        break;
    }
  }
}

}  // namespace dp
