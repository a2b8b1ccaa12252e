// CREATE_CHILD_SA (RFC 7296 §1.3): new Child SAs, rekeying of Child SAs and of the IKE SA, both
// directions. Either side may be the initiator of this exchange.
//
//   new child    SK{SA, Ni, [KEi,] TSi, TSr [, N+]}                       response the same with Nr
//   rekey child  SK{N(REKEY_SA), SA, Ni, [KEi,] TSi, TSr [, N+]}          response the same with Nr
//   rekey IKE    SK{SA, Ni, KEi [, N(TICKET_REQUEST)]}                    SPI of 8 octets in SA
//   refusal      SK{N(error)}
//
// With additional key exchanges (RFC 9370 §2.2.4) a response also has N(ADDITIONAL_KEY_EXCHANGE),
// and what it makes is there when the last IKE_FOLLOWUP_KE is done: ike/intermediate.h.
#pragma once

#include "ike/builder.h"
#include "ike/payload.h"
#include "ike/proposal.h"
#include "ike/suite.h"
#include "ike/traffic_selector.h"

namespace ike {

enum class CreateChildKind : std::uint8_t { new_child, rekey_child, rekey_ike };

// Views into the decrypted chain.
struct CreateChildRequest {
  CreateChildKind kind = CreateChildKind::new_child;
  crypto::Bytes sa;  // check_sa passed
  crypto::Bytes nonce;
  bool has_ke = false;
  KeId ke = KeId::none;  // none without KE payload
  crypto::Bytes ke_data;
  SelectorList ts_i;  // empty for rekey_ike
  SelectorList ts_r;
  Protocol rekey_protocol = Protocol::none;  // of N(REKEY_SA)
  EspSpi rekey_spi;                          // the sender's inbound SPI of the SA to be replaced
  bool transport_mode = false;
  bool tfc_padding_not_supported = false;
  bool non_first_fragments_also = false;
  bool ticket_request = false;  // counts for rekey_ike only (RFC 5723 §4.1)
};
// The kind is told by the protocol of the first proposal and by N(REKEY_SA). missing_payload
// without SA or Nonce, without TSi and TSr for a child, and without KE for rekey_ike; bad_notify
// for REKEY_SA with an SPI that has not 4 octets; duplicate_payload for a second SA, Nonce, KE,
// TSi, TSr or REKEY_SA; bad_sk for SK inside SK. `offending` as in ike/resume.h.
ParseError parse_create_child_request(PayloadType first, crypto::Bytes inner,
                                      CreateChildRequest& out, PayloadType& offending);

// Initiator of the exchange. For rekey_ike `ike_spi` goes into the proposals, otherwise
// `child_spi`, our inbound SPI.
struct CreateChildOffer {
  CreateChildKind kind = CreateChildKind::new_child;
  EspSpi rekey_spi;               // of rekey_child: our inbound SPI of the old SA
  std::span<const Suite> suites;  // best first; with ke other than none they ask for PFS
  EspSpi child_spi;
  IkeSpi ike_spi;
  crypto::Bytes nonce;
  KeId ke = KeId::none;  // none = no KE payload
  crypto::Bytes ke_data;
  const SelectorList* ts_i = nullptr;  // null for rekey_ike
  const SelectorList* ts_r = nullptr;
  bool transport_mode = false;
  bool ticket_request = false;
};
void write_create_child_offer(ChainBuilder& chain, const CreateChildOffer& offer);

// Responder of the exchange.
struct CreateChildResponse {
  bool is_ike = false;  // rekey_ike: `ike_spi` in the proposal, no selectors
  std::uint8_t proposal_number = 1;
  Suite suite;
  EspSpi child_spi;
  IkeSpi ike_spi;
  crypto::Bytes nonce;
  crypto::Bytes ke_data;  // empty = no KE payload; otherwise its group is suite.ke
  const SelectorList* ts_i = nullptr;
  const SelectorList* ts_r = nullptr;
  bool transport_mode = false;
  bool additional_ts_possible = false;
  crypto::Bytes ticket;  // empty = none
  std::uint32_t ticket_lifetime_s = 0;
  std::uint16_t ticket_refusal = 0;  // TICKET_ACK or TICKET_NACK instead of a ticket
  crypto::Bytes link;                // of ADDITIONAL_KEY_EXCHANGE; empty = none
};
void write_create_child_response(ChainBuilder& chain, const CreateChildResponse& response);

// Refusals: the error notify is all the response holds. NO_PROPOSAL_CHOSEN, TS_UNACCEPTABLE,
// NO_ADDITIONAL_SAS, TEMPORARY_FAILURE, SINGLE_PAIR_REQUIRED and INVALID_SYNTAX carry nothing.
void write_create_child_refusal(ChainBuilder& chain, Notify type);
void write_create_child_invalid_ke(ChainBuilder& chain, KeId wanted);
// CHILD_SA_NOT_FOUND names the SA as N(REKEY_SA) did (RFC 7296 §2.25).
void write_child_sa_not_found(ChainBuilder& chain, Protocol protocol, EspSpi spi);

// What came back. With an error the views may be empty.
struct CreateChildAnswer {
  std::uint16_t error = 0;      // first error notify; 0 = the SA was made
  KeId wanted_ke = KeId::none;  // of INVALID_KE_PAYLOAD
  EspSpi error_spi;             // of CHILD_SA_NOT_FOUND
  crypto::Bytes sa;             // read it with read_chosen()
  crypto::Bytes nonce;
  bool has_ke = false;
  KeId ke = KeId::none;
  crypto::Bytes ke_data;
  bool has_ts = false;
  SelectorList ts_i;
  SelectorList ts_r;
  bool transport_mode = false;
  crypto::Bytes ticket;
  std::uint32_t ticket_lifetime_s = 0;
  bool has_link = false;
  crypto::Bytes link;  // of ADDITIONAL_KEY_EXCHANGE
};
// bad_notify for a link of more than kKeLinkMax octets; missing_payload when neither an error nor
// SA and Nonce stand there.
ParseError parse_create_child_answer(PayloadType first, crypto::Bytes inner,
                                     CreateChildAnswer& out);

}  // namespace ike
