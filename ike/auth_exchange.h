// IKE_AUTH of a resumed SA (RFC 5723 §4.3.3): reading the inner payloads of message 3, writing
// those of message 4, and the initiator's side of both.
//
//   request   SK{IDi, [IDr,] AUTH, [CP(CFG_REQUEST),] SAi2, TSi, TSr [, N(TICKET_REQUEST)] [, N+]}
//   response  SK{IDr, AUTH, [CP(CFG_REPLY),] SAr2, TSi, TSr [, N(TICKET_LT_OPAQUE)] [, N+]}
#pragma once

#include "ike/builder.h"
#include "ike/config_payload.h"
#include "ike/payload.h"
#include "ike/suite.h"
#include "ike/traffic_selector.h"

namespace ike {

// Views into the decrypted chain. CERT, CERTREQ, EAP and unknown payloads are ignored, never used.
struct AuthRequest {
  bool has_id_i = false, has_id_r = false, has_auth = false, has_config = false, has_sa = false,
       has_ts_i = false, has_ts_r = false;
  IdView id_i;
  IdView id_r;
  AuthView auth;
  ConfigRequest config;
  crypto::Bytes sa;  // body of SAi2, check_sa passed
  SelectorList ts_i;
  SelectorList ts_r;
  bool ticket_request = false;
  bool initial_contact = false;
  bool mobike_supported = false;
  bool tells_qcd_token = false;  // so it knows what one is (RFC 6290 §4.2)
  bool transport_mode = false;
};
// Structure only; whether IDs and AUTH are right is the caller's business. bad_sk for an SK payload
// inside SK, duplicate_payload for a second IDi, IDr, AUTH, CFG_REQUEST, SA, TSi or TSr.
// `offending` as in resume.h.
ParseError parse_auth_request(PayloadType first, crypto::Bytes inner, AuthRequest& out,
                              PayloadType& offending);

// Message 4. Either a Child SA or `child_error`; IDr and AUTH stand in both cases.
struct AuthResponse {
  crypto::Bytes id_r_body;
  crypto::Bytes auth;
  bool has_config = false;
  ConfigReply config;
  std::uint16_t child_error = 0;  // a Notify error number, 0 = Child SA below
  std::uint8_t proposal_number = 1;
  Suite child_suite;
  EspSpi child_spi;  // our inbound SPI
  const SelectorList* ts_i = nullptr;
  const SelectorList* ts_r = nullptr;
  crypto::Bytes ticket;  // empty = none
  std::uint32_t ticket_lifetime_s = 0;
  std::uint16_t ticket_refusal = 0;  // TICKET_ACK or TICKET_NACK when there is no ticket; 0 = none
  bool mobike_supported = false;     // RFC 4555 §3.1
  crypto::Bytes qcd_token;           // RFC 6290 §4.2; empty = none
};
void write_auth_response(ChainBuilder& chain, const AuthResponse& response);

// Initiator: message 3, and message 4 as read.
struct AuthOffer {
  crypto::Bytes id_i_body;
  crypto::Bytes id_r_body;  // empty = none
  crypto::Bytes auth;
  bool has_config = false;
  ConfigRequest config;
  Suite child_suite;
  EspSpi child_spi;
  const SelectorList* ts_i = nullptr;
  const SelectorList* ts_r = nullptr;
  bool ticket_request = true;
  bool initial_contact = false;
};
void write_auth_offer(ChainBuilder& chain, const AuthOffer& offer);

struct AuthAnswer {
  bool has_id_r = false, has_auth = false, has_config = false, has_sa = false;
  IdView id_r;
  AuthView auth;
  ConfigReply config;
  crypto::Bytes sa;
  SelectorList ts_i;
  SelectorList ts_r;
  std::uint16_t error = 0;  // first error notify
  crypto::Bytes ticket;     // of N(TICKET_LT_OPAQUE); empty = none
  std::uint32_t ticket_lifetime_s = 0;
};
ParseError parse_auth_answer(PayloadType first, crypto::Bytes inner, AuthAnswer& out);

}  // namespace ike
