// classify: the first stage. Sorts a burst into families by Ethernet, IP, UDP and IKE header, and
// drops what is malformed, not for us, or of no use to us. Worker thread only.
#pragma once

#include "dataplane/burst.h"
#include "dataplane/frame.h"

namespace dp {

// Makes each lane of the burst live and then either drops it with a reason or puts it into one
// family. Never reads beyond frame.len, and never writes to a frame.
//
// Filled for IKE lanes: path, message (the IKE message without marker, Ethernet padding trimmed),
// header. Filled for ESP lanes: path (ports 0 when it came without UDP) and message. Filled for
// ICMP and ICMPv6 lanes of `link`: path with l4_offset and payload_offset at the ICMP header, and
// message = the ICMP message. ARP lanes of `link`: path.l3_offset at the ARP message, nothing else.
//
// IP fragments are a family of their own (stage reassemble): path without ports, l4_offset behind
// the IPv4 header or at the fragment header of IPv6, and message = the octets from there.
//
// Deliberate choices: a UDP length below the IP payload is honoured and the surplus ignored; UDP
// checksum 0 is accepted over IPv4 (RFC 768) and refused over IPv6 (RFC 8200 §8.1); any other wrong
// checksum is dropped (RFC 1122 §4.1.3.4 MUST).
Families classify(Burst& burst, const Link& link);

// The same for one lane whose packet stands in `octets`, which may lie outside its frame.
void classify_lane(Burst& burst, unsigned lane, crypto::Bytes octets, const Link& link,
                   Families& families);

}  // namespace dp
