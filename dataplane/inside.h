// The inside port's stages: what comes from the private network, and how packets get there.
#pragma once

#include "dataplane/icmp_error.h"
#include "dataplane/neighbour_table.h"
#include "dataplane/stages.h"

namespace dp {

// What a burst from the inside is. Each lane is in one set, or has left.
struct InsideFamilies {
  LaneSet own;      // to our inside addresses
  LaneSet transit;  // to leased addresses
};
// Reads Ethernet and IP headers. ARP and neighbour discovery are answered here, for ourselves and
// for leased addresses that have a Child SA (proxy), and their answers are learned.
InsideFamilies classify_inside(Burst& burst, EspTrip& trip, WorkerParts& w);
// Echo requests from the inside to ourselves are answered; everything else to us is dropped.
void answer_own(Burst& burst, LaneSet in, EspTrip& trip, WorkerParts& w);

// Lanes that go into a Child SA.
struct Fit {
  LaneSet whole;
  LaneSet pieces;  // after they were cut
};
// Takes a hop from each packet, lowers the MSS of TCP, and finds out which packets fit their
// tunnel. IPv4 without DF and options may be cut; senders of others are told what would fit (RFC
// 1191, RFC 8201).
Fit fit_tunnel(Burst& burst, LaneSet in, EspTrip& trip, WorkerParts& w);
// The same for packets of our own.
Fit fit_answers(Burst& burst, LaneSet in, EspTrip& trip, WorkerParts& w);

// Where packets out of tunnels go: our own addresses answer, others go to clients or to the inside.
struct Delivery {
  Fit tunnel;
  LaneSet inside_pieces;  // to the inside, after they were cut
};
Delivery deliver(Burst& burst, LaneSet in, EspTrip& trip, WorkerParts& w);

// Packets in frames of their own.
struct Pieces {
  Burst burst;
  EspTrip trip;
};
bool may_cut(const InnerPacket& inner, const std::uint8_t* packet);
// Appends pieces of the lane's packet of at most `max` octets each, in frames of `port`. False,
// with nothing appended, when there is no room or are no buffers for them. The lane is left alone.
[[nodiscard]] bool cut_packet(const Burst& burst, unsigned lane, const EspTrip& trip,
                              std::size_t max, PacketPort& port, Pieces& pieces);

// The lane's packet becomes an error about itself. A sender on the inside gets it at once; with one
// at the other end of a tunnel the lane is added to `to_client`, to go through route_out. `why` is
// counted in any case. Senders who may not be told, or are told too much already, are not: the lane
// is dropped.
void tell_sender(Burst& burst, unsigned lane, EspTrip& trip, const IcmpError& error, Drop why,
                 LaneSet& to_client, WorkerParts& w);

// Whether this is a TCP segment with SYN.
bool opens_tcp(const InnerPacket& inner, const std::uint8_t* packet);
// Lowers the MSS option of such a segment to what packets of `max` octets carry.
void clamp_mss(const InnerPacket& inner, std::uint8_t* packet, std::size_t max);

// Next hop by ARP or neighbour discovery; lanes leave with Verdict::forward, or wait for an answer.
void forward_inside(Burst& burst, LaneSet in, EspTrip& trip, WorkerParts& w);
// Sends what waited for a next hop that is known, and gives up what waited too long.
void send_waiting(WorkerParts& w);

// Ethernet round the inner packet of a frame, from us.
void put_inside_ether(Frame& frame, const InnerPacket& inner, const Mac& to, const Link& link);
inline void put_inside_ether(Burst& burst, unsigned lane, const InnerPacket& inner, const Mac& to,
                             const Link& link) {
  put_inside_ether(burst.frame[lane], inner, to, link);
}

}  // namespace dp
