// Why a message cannot be read. A small closed list that the packet path maps to its drop reasons.
#pragma once

#include <cstdint>
#include <string_view>

namespace ike {

enum class ParseError : std::uint8_t {
  none,
  runt,               // shorter than the fixed header
  bad_length,         // header length differs from the datagram
  bad_version,        // major version is not 2
  bad_exchange,       // not the exchange that the parser was asked for
  bad_flags,          // Initiator or Response flag wrong for this message
  bad_message_id,     // not the Message ID this exchange must have
  bad_spi,            // an SPI is zero or non-zero where it must not be
  payload_overrun,    // a payload length below 4 or beyond its box
  too_many_payloads,  // more than kPayloadsMax
  critical_unknown,   // unknown payload with the critical bit
  duplicate_payload,  // a payload that may stand once stands twice
  missing_payload,    // a payload that must stand is absent
  bad_nonce_length,   // outside 16..256
  bad_notify,         // notify body shorter than its SPI size says, or malformed
  bad_sk,             // SK is not the last payload, too short, or misplaced
  bad_padding,        // Pad Length beyond the plaintext
  bad_proposal,       // SA payload: nested lengths or counts disagree
  bad_selector,       // TS payload: lengths or counts disagree
  bad_config,         // CP payload malformed
  bad_id,             // ID payload empty or too long
  bad_auth,           // AUTH payload malformed
  bad_ke,             // KE payload too short for its group number
  bad_cert,           // CERT or CERTREQ payload malformed, or too many of them
  bad_delete,         // Delete payload: SPI size or count wrong, or too many SPIs
  bad_eap,            // EAP payload: lengths disagree or an unknown code
  count,
};
std::string_view parse_error_name(ParseError e);

}  // namespace ike
