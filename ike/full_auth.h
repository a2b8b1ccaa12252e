// IKE_AUTH of a full handshake (RFC 7296 §1.2, §2.16): all rounds, both directions.
//
//   request   SK{IDi, [CERT+,] [CERTREQ+,] [IDr,] AUTH, [CP(CFG_REQUEST),] SAi2, TSi, TSr [, N+]}
//   response  SK{IDr, [CERT+,] AUTH, [CP(CFG_REPLY),] SAr2, TSi, TSr [, N+]}
//   EAP       first request without AUTH; then SK{EAP} both ways, then SK{AUTH} --> <-- SK{AUTH,
//   ..}
//
// The worker reads the resumed form with parse_auth_request(), which knows less and costs less.
#pragma once

#include <array>

#include "ike/auth_exchange.h"
#include "ike/mobike.h"

namespace ike {

inline constexpr std::size_t kCertsMax = 8;         // CERT payloads of one message
inline constexpr std::size_t kCertRequestsMax = 8;  // CERTREQ payloads of one message
inline constexpr std::size_t kQcdTokenLenMin = 16;  // RFC 6290 §4.1
inline constexpr std::size_t kQcdTokenLenMax = 128;

// CERT (RFC 7296 §3.6) and CERTREQ (§3.7): encoding | data.
struct CertView {
  CertEncoding encoding = CertEncoding::x509_signature;
  crypto::Bytes data;
};

// What both directions of IKE_AUTH may carry beside AuthRequest and AuthAnswer. Views.
struct AuthExtras : AdditionalAddresses {
  std::array<CertView, kCertsMax> certs;  // the first holds the key that signed AUTH
  std::size_t cert_count = 0;
  std::array<CertView, kCertRequestsMax> cert_requests;
  std::size_t cert_request_count = 0;
  bool has_eap = false;
  crypto::Bytes eap;  // the EAP packet, parse_eap passed
  bool tfc_padding_not_supported = false;
  bool non_first_fragments_also = false;
  crypto::Bytes qcd_token;        // RFC 6290; empty = none
  std::uint32_t window_size = 0;  // of SET_WINDOW_SIZE; 0 = none
};

// has_sa and has_ts_* are false in a childless request (RFC 6023) and in EAP rounds; has_auth is
// false when EAP is asked for and while it runs.
struct FullAuthRequest : AuthRequest, AuthExtras {
  bool eap_only = false;  // EAP_ONLY_AUTHENTICATION (RFC 5998)
  bool has_ppk_identity = false;
  crypto::Bytes ppk_identity;  // type | identity (RFC 8784 §5.1)
  bool has_no_ppk_auth = false;
  crypto::Bytes no_ppk_auth;
};
// Structure only, as parse_auth_request(); beyond it duplicate_payload for a second EAP or QCD
// token, bad_cert for an empty CERT or more of them than the arrays hold, bad_eap, and bad_notify
// for a known notify with data of a wrong length. More CERTREQs than the array holds are not looked
// at.
ParseError parse_full_auth_request(PayloadType first, crypto::Bytes inner, FullAuthRequest& out,
                                   PayloadType& offending);

// A response: what is empty, null, zero or false is not written. Three uses:
//   EAP round   id_r_body, certs, auth (first round only), eap
//   last round  auth, the Child SA or child_error, tickets and notifies
//   refusal     write_auth_refusal()
struct FullAuthResponse {
  crypto::Bytes id_r_body;
  std::span<const CertView> certs;
  AuthMethod auth_method = AuthMethod::shared_key;
  crypto::Bytes auth;
  crypto::Bytes eap;
  bool has_config = false;
  ConfigReply config;
  std::uint16_t child_error = 0;  // a Notify error number instead of the Child SA
  bool has_child = false;
  std::uint8_t proposal_number = 1;
  Suite child_suite;  // its ke is not written (RFC 7296 §1.2: no KE in IKE_AUTH)
  EspSpi child_spi;   // our inbound SPI
  const SelectorList* ts_i = nullptr;
  const SelectorList* ts_r = nullptr;
  bool transport_mode = false;
  bool additional_ts_possible = false;
  bool mobike_supported = false;
  const AdditionalAddresses* additional_addresses = nullptr;
  crypto::Bytes qcd_token;
  std::uint32_t auth_lifetime_s = 0;
  crypto::Bytes ticket;
  std::uint32_t ticket_lifetime_s = 0;
  std::uint16_t ticket_refusal = 0;  // TICKET_ACK or TICKET_NACK instead of a ticket
  bool ppk_used = false;             // N(PPK_IDENTITY) without data
};
void write_full_auth_response(ChainBuilder& chain, const FullAuthResponse& response);
// The only thing in the answer when the IKE SA is not made: AUTHENTICATION_FAILED, INVALID_SYNTAX,
// UNSUPPORTED_CRITICAL_PAYLOAD (data: the type). For EAP failures with the EAP packet in front.
void write_auth_refusal(ChainBuilder& chain, Notify type, crypto::Bytes data = {},
                        crypto::Bytes eap = {});

// Initiator. What is empty, null, zero or false is not written; no AUTH asks for EAP.
struct FullAuthOffer {
  crypto::Bytes id_i_body;
  std::span<const CertView> certs;
  bool has_certreq = false;   // CERTREQ for X.509 with `authorities`
  crypto::Bytes authorities;  // 20 octets each
  crypto::Bytes id_r_body;
  AuthMethod auth_method = AuthMethod::shared_key;
  crypto::Bytes auth;
  crypto::Bytes eap;
  bool has_config = false;
  ConfigRequest config;
  std::span<const Suite> child_suites;  // empty = no Child SA in this message
  EspSpi child_spi;
  const SelectorList* ts_i = nullptr;
  const SelectorList* ts_r = nullptr;
  bool transport_mode = false;
  bool ticket_request = false;
  bool initial_contact = false;
  bool mobike_supported = false;
  const AdditionalAddresses* additional_addresses = nullptr;
  bool eap_only = false;
  crypto::Bytes qcd_token;
};
void write_full_auth_offer(ChainBuilder& chain, const FullAuthOffer& offer);

struct FullAuthAnswer : AuthAnswer, AuthExtras {
  bool transport_mode = false;
  bool mobike_supported = false;
  bool ppk_used = false;
  std::uint32_t auth_lifetime_s = 0;
  std::uint16_t ticket_refusal = 0;  // TICKET_ACK or TICKET_NACK; 0 = neither
};
ParseError parse_full_auth_answer(PayloadType first, crypto::Bytes inner, FullAuthAnswer& out);

}  // namespace ike
