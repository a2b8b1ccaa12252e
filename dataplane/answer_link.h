// answer_link: what a host on a link must answer for itself. ARP requests (RFC 826), neighbour
// solicitations (RFC 4861) and echo requests (RFC 792, RFC 4443) for our addresses, in place.
// Worker thread only.
#pragma once

#include "dataplane/burst.h"
#include "dataplane/frame.h"

namespace dp {

// Other addresses that we answer ARP and neighbour solicitations for (proxy).
struct Proxied {
  const void* context = nullptr;
  bool (*has4)(const void* context, const std::uint8_t* address) = nullptr;
  bool (*has6)(const void* context, const std::uint8_t* address) = nullptr;
};

// Every lane of `in` (Families.link of classify) leaves with a reply, arp_bad or icmp_ignored.
// Returns the answered lanes; their frames are complete, checksums included, and need no
// turn_into_reply.
LaneSet answer_link(Burst& burst, LaneSet in, const Link& link, const Proxied* proxied = nullptr);

// One neighbour solicitation, in answer_neighbour.cc. Drop::none when the frame is the
// advertisement.
Drop answer_neighbour(Burst& burst, unsigned lane, const Link& link, const Proxied* proxied);

}  // namespace dp
