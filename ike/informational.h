// INFORMATIONAL (RFC 7296 §1.4): Delete, liveness, MOBIKE (RFC 4555), tickets, configuration. One
// view and one writer for requests and responses of both sides.
#pragma once

#include <array>

#include "ike/builder.h"
#include "ike/config_payload.h"
#include "ike/mobike.h"
#include "ike/nat_detection.h"
#include "ike/parse_error.h"

namespace ike {

inline constexpr std::size_t kDeleteSpisMax = 64;  // of one message, per protocol

// Views into the decrypted chain. An empty message (a liveness check or its answer) is `is_empty`.
struct Informational : NatDetection, AdditionalAddresses {
  bool is_empty = false;
  bool deletes_ike = false;
  std::array<EspSpi, kDeleteSpisMax> deleted_esp;  // inbound SPIs of the sender
  std::size_t deleted_esp_count = 0;
  bool deletes_ah = false;  // we have none; nothing is removed for it
  bool update_sa_addresses = false;
  bool has_cookie2 = false;
  crypto::Bytes cookie2;          // 8..64 octets; echoed in the response
  crypto::Bytes no_nats_allowed;  // data of the notify; empty = none
  bool ticket_request = false;
  crypto::Bytes ticket;  // of N(TICKET_LT_OPAQUE) in a response
  std::uint32_t ticket_lifetime_s = 0;
  std::uint32_t auth_lifetime_s = 0;
  bool has_config = false;             // a CFG_REQUEST
  ConfigRequest config;                // ... as read
  bool has_other_config = false;       // CFG_SET and others, which are not served
  std::uint16_t error = 0;             // first error notify
  std::uint32_t error_message_id = 0;  // of INVALID_MESSAGE_ID
};
// bad_delete when SPI size, count and length disagree or more than kDeleteSpisMax SPIs stand there;
// bad_notify for a known notify with data of a wrong length; bad_config; bad_sk for SK inside SK;
// duplicate_payload for a second COOKIE2 or CFG_REQUEST. `offending` as in ike/resume.h.
ParseError parse_informational(PayloadType first, crypto::Bytes inner, Informational& out,
                               PayloadType& offending);

// What is empty, null, zero or false is not written; nothing at all is a liveness check.
struct InformationalContent {
  bool deletes_ike = false;
  std::span<const EspSpi>
      deleted_esp;  // our inbound SPIs; at most kDeleteSpisMax, or the writer fails
  bool update_sa_addresses = false;
  crypto::Bytes nat_source;  // 20 octets each
  crypto::Bytes nat_destination;
  crypto::Bytes cookie2;
  const AdditionalAddresses* additional_addresses = nullptr;
  bool ticket_request = false;
  crypto::Bytes ticket;
  std::uint32_t ticket_lifetime_s = 0;
  std::uint16_t ticket_refusal = 0;  // TICKET_ACK or TICKET_NACK instead of a ticket
  std::uint32_t auth_lifetime_s = 0;
  bool has_config = false;
  ConfigReply config;
  std::uint16_t error = 0;  // a Notify error number ...
  crypto::Bytes error_data;
};
void write_informational(ChainBuilder& chain, const InformationalContent& content);

}  // namespace ike
