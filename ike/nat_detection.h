// NAT detection (RFC 7296 §2.23): the notifies as they came, and whether they match an endpoint.
//
//   N(NAT_DETECTION_SOURCE_IP)       one for each address the sender may send from
//   N(NAT_DETECTION_DESTINATION_IP)  one
//   data = SHA-1(SPIi | SPIr | address | port), 20 octets
#pragma once

#include <array>

#include "crypto/engine.h"
#include "ike/builder.h"
#include "ike/ids.h"
#include "ike/parse_error.h"
#include "ike/payload.h"

namespace ike {

inline constexpr std::size_t kNatHashLen = 20;
inline constexpr std::size_t kNatSourcesMax = 8;  // further ones are not looked at

using NatHash = std::array<std::uint8_t, kNatHashLen>;

// Views into the message. has_* tells that a notify of the kind stood there; what is counted has
// the right length.
struct NatDetection {
  bool has_nat_source = false;
  bool has_nat_destination = false;
  crypto::Bytes nat_destination;
  std::array<crypto::Bytes, kNatSourcesMax> nat_sources;
  std::size_t nat_source_count = 0;
};

// Takes a notify of either kind; anything else is left alone. bad_notify when the data has not 20
// octets, duplicate_payload for a second destination.
ParseError take_nat_detection(const NotifyView& notify, NatDetection& out);
// Writes what is not empty.
void write_nat_detection(ChainBuilder& chain, crypto::Bytes source, crypto::Bytes destination);

// The hash of one endpoint; `address` has 4 or 16 octets.
NatHash nat_hash(crypto::Engine& engine, IkeSpi spi_i, IkeSpi spi_r, crypto::Bytes address,
                 std::uint16_t port);
// Seen from the receiver: the sender is behind a NAT when no source hash is that of the address
// the packet came from; the receiver is when the destination hash is not that of the address it
// came to. False when the notify did not stand there.
bool sender_behind_nat(const NatDetection& seen, const NatHash& peer_endpoint);
bool receiver_behind_nat(const NatDetection& seen, const NatHash& own_endpoint);

}  // namespace ike
