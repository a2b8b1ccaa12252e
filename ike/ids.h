// Names that IKEv2 gives to things: SPIs, Message IDs, ticket issuer and serial.
#pragma once

#include <cstdint>

#include "crypto/base/strong.h"

namespace ike {

using IkeSpi = crypto::Strong<struct IkeSpiTag, std::uint64_t>;
using EspSpi = crypto::Strong<struct EspSpiTag, std::uint32_t>;
using MessageId = crypto::Strong<struct MessageIdTag, std::uint32_t>;
// Who sealed a ticket (random at each start of a worker) and which of its tickets it is.
using IssuerId = crypto::Strong<struct IssuerIdTag, std::uint64_t>;
using TicketSerial = crypto::Strong<struct TicketSerialTag, std::uint64_t>;

inline constexpr std::size_t kHeaderLen = 28;    // RFC 7296 §3.1
inline constexpr std::size_t kNonceLenMin = 16;  // RFC 7296 §3.9
inline constexpr std::size_t kNonceLenMax = 256;
inline constexpr std::size_t kNonceLen = 32;         // of the nonces we make
inline constexpr std::size_t kMessageLenMax = 3000;  // RFC 7296 §2: SHOULD handle
inline constexpr std::size_t kPayloadsMax = 64;      // per chain; more is refused
inline constexpr std::size_t kTicketLenMax = 1000;   // so that message 1 fits 1280 octets

}  // namespace ike
