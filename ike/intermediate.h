// IKE_INTERMEDIATE (RFC 9242) and IKE_FOLLOWUP_KE (RFC 9370): the inner payloads of both, which
// carry additional key exchanges, and IntAuth, by which AUTH covers IKE_INTERMEDIATE.
//
//   IKE_INTERMEDIATE   SK{[KEi(n)] [, N+]}              response SK{[KEr(n)] [, N+]}
//   IKE_FOLLOWUP_KE    SK{KEi(n), N(link)}              response SK{KEr(n) [, N(link)] [, N+]}
//   refusal            SK{N(error)}                     link: ADDITIONAL_KEY_EXCHANGE
//
//   IntAuth_xN = prf(SK_px, IntAuth_x(N-1) | A | P)     x: i for requests, r for responses
//     A   octets from the IKE header to the generic header of SK, with lengths as if there were no
//         IV, padding and ICV, and no fragments
//     P   the inner payloads
//   IntAuth    = IntAuth_iN | IntAuth_rN | Message ID of the first IKE_AUTH
#pragma once

#include "ike/builder.h"
#include "ike/header.h"
#include "ike/payload.h"

namespace ike {

inline constexpr std::size_t kKeLinkMax = 512;  // octets of a link that a peer may have us repeat

// Views into the decrypted chain of a request or a response.
struct KeMessage {
  bool has_ke = false;
  KeId ke = KeId::none;
  crypto::Bytes ke_data;
  bool has_link = false;
  crypto::Bytes link;       // data of N(ADDITIONAL_KEY_EXCHANGE)
  std::uint16_t error = 0;  // first error notify
};
// duplicate_payload for a second KE or link, bad_notify for a link of more than kKeLinkMax octets,
// bad_sk for SK inside SK; other payloads and notifies are ignored. `offending` as in ike/resume.h.
ParseError parse_ke_message(PayloadType first, crypto::Bytes inner, KeMessage& out,
                            PayloadType& offending);

// What is empty is not written; a group of none is no KE payload.
struct KeMessageContent {
  KeId ke = KeId::none;
  crypto::Bytes ke_data;
  crypto::Bytes link;
  crypto::Bytes ticket;
  std::uint32_t ticket_lifetime_s = 0;
  std::uint16_t ticket_refusal = 0;  // TICKET_NACK instead of a ticket
};
void write_ke_message(ChainBuilder& chain, const KeMessageContent& content);

// What IntAuth of one message is made of.
struct IntAuthInput {
  crypto::Bytes previous;        // IntAuth_x(N-1); empty for the first message
  crypto::Bytes head;            // what stands before SK or SKF; lengths and SKF are set right here
  std::uint8_t sk_reserved = 0;  // the octet behind Next Payload of SK, as sent
  PayloadType first_inner = PayloadType::none;
  crypto::Bytes inner;
};
// `head` and `sk_reserved` of a message as it came; of several fragments any one will do. False
// without SK or SKF.
[[nodiscard]] bool read_int_auth_head(crypto::Bytes message, const Header& header,
                                      IntAuthInput& out);
constexpr std::size_t int_auth_octets_len(const IntAuthInput& input) {
  return input.previous.size() + input.head.size() + 4 + input.inner.size();
}
// IntAuth_x(N-1) | A | P, the message of the prf. Returns the length, or 0 when `out` is too small
// or `head` is no header.
std::size_t write_int_auth_octets(const IntAuthInput& input, crypto::MutBytes out);

}  // namespace ike
