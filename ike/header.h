// The fixed IKE header (RFC 7296 §3.1) and the non-ESP marker of UDP 4500 (RFC 3948 §2.2).
//
//    0                   1                   2                   3
//   |                       IKE SA Initiator's SPI                  |  0
//   |                       IKE SA Responder's SPI                  |  8
//   |  Next Payload | MjVer | MnVer | Exchange Type |     Flags     | 16
//   |                          Message ID                           | 20
//   |                            Length                             | 24
#pragma once

#include "crypto/base/bytes.h"
#include "ike/ids.h"
#include "ike/parse_error.h"
#include "ike/registry.h"

namespace ike {

inline constexpr std::uint8_t kFlagInitiator = 0x08;
inline constexpr std::uint8_t kFlagResponse = 0x20;
inline constexpr std::uint8_t kVersion2 = 0x20;
inline constexpr std::size_t kNonEspMarkerLen = 4;

struct Header {
  IkeSpi spi_i;
  IkeSpi spi_r;
  PayloadType next_payload = PayloadType::none;
  std::uint8_t version = kVersion2;
  Exchange exchange = Exchange::informational;
  std::uint8_t flags = 0;
  MessageId message_id;
  std::uint32_t length = 0;

  bool from_initiator() const { return (flags & kFlagInitiator) != 0; }
  bool is_response() const { return (flags & kFlagResponse) != 0; }
};

// Reads the header of `message` (from the first SPI octet; no marker). Errors: runt, bad_length
// (must equal message.size()), bad_version (major != 2; the header is still filled in so that
// INVALID_MAJOR_VERSION can be answered), bad_spi (SPIi is zero). Minor version and reserved flag
// bits are ignored (RFC 7296 §2.5).
ParseError parse_header(crypto::Bytes message, Header& out);

// Writes 28 octets at `out`; Length as given in the header.
void write_header(const Header& header, std::uint8_t* out);
// Sets the Length field of a finished message.
inline void patch_length(std::uint8_t* message, std::size_t len) {
  crypto::store_be32(message + 24, static_cast<std::uint32_t>(len));
}

}  // namespace ike
