// Burst: up to 32 packets travelling through the stages together, as a struct of arrays.
//
// A lane leaves the burst exactly once, with a verdict: reply, forward to another worker, punt to
// the control thread, or drop with a reason. `check_conserved` asserts it. Worker thread only.
#pragma once

#include <array>
#include <cstdint>

#include "crypto/base/bytes.h"
#include "dataplane/drop.h"
#include "dataplane/lanes.h"
#include "dataplane/packet_port.h"
#include "ike/header.h"

namespace dp {

inline constexpr unsigned kPrefetchAhead = 4;

// reply leaves by the port it came from, forward by the other one, waiting when its next hop is
// known (neighbour_queue.h).
enum class Verdict : std::uint8_t { live, reply, forward, waiting, handed_over, punted, drop };

// Addresses of one packet, found by classify. IPv4 addresses are stored in the first 4 octets.
struct Path {
  std::array<std::uint8_t, 16> source{};
  std::array<std::uint8_t, 16> destination{};
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::uint16_t l3_offset = 0;       // of the IP header
  std::uint16_t l4_offset = 0;       // of the UDP header (or ICMP, ESP)
  std::uint16_t payload_offset = 0;  // of the IKE message (after the non-ESP marker), or of ESP
  bool is_ip6 = false;
  bool non_esp_marker = false;  // IKE that came to port 4500

  crypto::Bytes source_octets() const { return {source.data(), is_ip6 ? 16u : 4u}; }
  crypto::Bytes destination_octets() const { return {destination.data(), is_ip6 ? 16u : 4u}; }
};

// What classify found. Each lane is in one family, or already dropped.
struct Families {
  LaneSet link;         // ARP, ND, ICMP echo
  LaneSet fragments;    // IP fragments; `message` begins behind IPv4, at the header of IPv6
  LaneSet versions;     // IKE requests of a major version above ours
  LaneSet resume;       // IKE_SESSION_RESUME requests with SPIr = 0
  LaneSet initiations;  // IKE_SA_INIT requests with SPIr = 0
  LaneSet sessions;     // IKE messages with SPIr != 0, responses too
  LaneSet esp;          // ESP, plain or in UDP
};

struct Burst {
  bool from_inside = false;  // came by the inside port
  unsigned count = 0;
  std::array<Frame, kBurstMax> frame;
  std::array<Path, kBurstMax> path;
  std::array<crypto::Bytes, kBurstMax> message;  // IKE or ESP, from the first SPI octet
  std::array<ike::Header, kBurstMax> header;     // of that message
  LaneSet outside_frame;  // reassembled messages that are longer than a frame
  std::array<Verdict, kBurstMax> verdict;
  std::array<Drop, kBurstMax> reason;

  LaneSet all() const { return LaneSet::first(count); }
  void drop(unsigned lane, Drop why) {
    verdict[lane] = Verdict::drop;
    reason[lane] = why;
  }
  // The lane's message was copied for the control thread.
  void punt(unsigned lane) { verdict[lane] = Verdict::punted; }
  // The lane leaves with an answer although its request was refused: `why` is counted as well.
  void reply(unsigned lane, Drop why = Drop::none) {
    verdict[lane] = Verdict::reply;
    reason[lane] = why;
  }
  LaneSet with(Verdict v) const {
    LaneSet set;
    for (unsigned lane : all())
      if (verdict[lane] == v) set.add(lane);
    return set;
  }
  // What classifying that lane reads, to come while kPrefetchAhead lanes before it are read.
  void prefetch(unsigned lane) const {
    if (lane >= count) return;
    __builtin_prefetch(frame[lane].data);
    __builtin_prefetch(frame[lane].data + 64);
  }
  // Room for an IKE answer built in this lane's frame.
  crypto::MutBytes reply_room(unsigned lane) {
    const Frame& f = frame[lane];
    const std::uint32_t offset = path[lane].payload_offset;
    return {f.data + offset, f.capacity > offset ? f.capacity - offset : 0};
  }
};

}  // namespace dp
