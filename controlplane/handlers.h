// The handlers of the state machine: what a request means for an IKE SA in a state, and what the
// answers to our own requests mean. Each takes the SA as it is and returns a Transition; none
// changes anything. Control thread only.
#pragma once

#include "controlplane/plane.h"
#include "controlplane/proofs.h"
#include "controlplane/transition.h"
#include "ike/builder.h"
#include "ike/full_auth.h"
#include "ike/sa_init.h"

namespace cp {

// on_sa_init.cc. IKE_SA_INIT makes an SA (`sa`, half-open) or refuses; `answer` is the message to
// be sent either way, empty for silence. RFC 7296 §1.2, §2.23.
struct SaInitOutcome {
  std::unique_ptr<IkeSa> sa;
  Octets answer;
};
SaInitOutcome on_sa_init(const dp::PeerPath& path, crypto::Bytes message, const ike::Header& header,
                         Plane& plane);
// SKEYSEED and SK_* of an SA whose IKE_AUTH has come; false when the peer's KE value is bad. The
// one place beside the machine that writes to an SA: keys are needed before anything is authentic.
[[nodiscard]] bool derive_handshake_keys(IkeSa& sa, Plane& plane);

// on_intermediate.cc: IKE_INTERMEDIATE with an additional key exchange, or with nothing that we
// know. RFC 9242, RFC 9370 §2.2.2.
Transition on_intermediate(const IkeSa& sa, const Request& request, Plane& plane,
                           ike::ChainBuilder& answer);
// on_auth.cc: the first IKE_AUTH, and AUTH with a PSK or a certificate. RFC 7296 §2.15.
Transition on_auth(const IkeSa& sa, const Request& request, Plane& plane,
                   ike::ChainBuilder& answer);
// on_eap.cc: EAP begins, its further rounds, and what RADIUS answered. RFC 7296 §2.16.
Transition begin_eap(const IkeSa& sa, const Request& request, const Connection& connection,
                     const ike::FullAuthRequest& auth, const IdBody& own_id, const OwnProof& proof,
                     Plane& plane, ike::ChainBuilder& answer);
Transition on_eap_auth(const IkeSa& sa, const Request& request, Plane& plane,
                       ike::ChainBuilder& answer);
Transition on_eap_progress(const IkeSa& sa, Plane& plane, ike::ChainBuilder& answer);

// on_create_child.cc. RFC 7296 §1.3, §2.8, §2.17-2.18.
Transition on_create_child(const IkeSa& sa, const Request& request, Plane& plane,
                           ike::ChainBuilder& answer);
// on_followup_ke.cc: the additional key exchanges of the peer's CREATE_CHILD_SA. RFC 9370 §2.2.4.
Transition on_followup_ke(const IkeSa& sa, const Request& request, Plane& plane,
                          ike::ChainBuilder& answer);
// on_informational.cc. RFC 7296 §1.4, RFC 4555, RFC 5723 §4.1.
Transition on_informational(const IkeSa& sa, const Request& request, Plane& plane,
                            ike::ChainBuilder& answer);

// rekey.cc: our own CREATE_CHILD_SA, its answer, and those of its IKE_FOLLOWUP_KE. A request that
// asks nothing: the connection has no key exchange that this machine can do.
OwnRequest begin_child_rekey(const ChildSa& child, const Connection& connection, Plane& plane,
                             ike::ChainBuilder& request);
OwnRequest begin_ike_rekey(const IkeSa& sa, const Connection& connection, Plane& plane,
                           ike::ChainBuilder& request);
Transition on_child_rekeyed(const IkeSa& sa, const Answer& answer, Plane& plane);
Transition on_ike_rekeyed(const IkeSa& sa, const Answer& answer, Plane& plane);
Transition on_followup_answered(const IkeSa& sa, const Answer& answer, Plane& plane);

// rekey_end.cc: what exchanges of either side have made, the last key exchange included, and which
// SA survives when both sides rekeyed the same one. RFC 7296 §2.8.1-2.8.2, §2.18.
Transition child_made_by_us(const IkeSa& sa, const KeChain& kes, Plane& plane);
Transition ike_made_by_us(const IkeSa& sa, const KeChain& kes, Plane& plane);
// `more` is SK(1) | ... | SK(n) of the additional key exchanges.
Transition child_made_by_peer(const IkeSa& sa, const PendingKe& pending, crypto::Bytes more,
                              Plane& plane);
// The ticket of the IKE SA that a rekey makes, or why there is none (RFC 5723 §4.1).
struct SuccessorTicket {
  TicketIssuer::Issued issued;
  std::uint16_t refusal = 0;  // TICKET_NACK
  // `answer`, which sees our octets, is CreateChildResponse or KeMessageContent.
  void put_into(auto& answer) const {
    answer.ticket = issued.ticket;
    answer.ticket_lifetime_s = issued.lifetime_s;
    answer.ticket_refusal = refusal;
  }
};
struct IkeMadeByPeer {
  Transition done;
  SuccessorTicket ticket;
};
IkeMadeByPeer ike_made_by_peer(const IkeSa& sa, const Connection& connection,
                               const PendingKe& pending, crypto::Bytes more, Plane& plane);
// The peer has rekeyed what we are rekeying, and what it made is there.
bool has_been_rekeyed(const IkeSa& sa);
// What it made survives: ours has failed, or is redundant.
Transition yield(const IkeSa& sa);

// grant.cc: what an authenticated peer gets with its IKE_AUTH: addresses, Child SA, ticket.
struct GrantInput {
  const Connection* connection = nullptr;
  const ike::FullAuthRequest* request = nullptr;  // with SA, TS and CP
  Octets peer_id, own_id, eap_identity;
  ike::AuthMethod method = ike::AuthMethod::shared_key;
  ike::FullAuthResponse response;  // IDr, CERT and AUTH stand already
};
Transition grant(const IkeSa& sa, const Request& request, GrantInput input, Plane& plane,
                 ike::ChainBuilder& answer);

// Pieces that several handlers share.

inline constexpr std::size_t kChildrenMax = 16;  // of one IKE SA, replaced ones included
// on_followup_ke.cc. What the peer repeats in ADDITIONAL_KEY_EXCHANGE (RFC 9370 §2.2.4).
Octets fresh_link(Plane& plane);
crypto::SecretBytes join_secrets(crypto::Bytes a, crypto::Bytes b);
// The selectors a client may have on its own side: its leased addresses.
ike::SelectorList leased_selectors(const std::optional<ike::Ip4>& ip4,
                                   const std::optional<ike::Ip6>& ip6);
// ... or, without a lease, its outer address.
ike::SelectorList outer_selectors(const dp::PeerPath& path);
// Answers one notify and stays as it is.
Transition refuse(const IkeSa& sa, ike::Notify why, ike::ChainBuilder& answer,
                  crypto::Bytes data = {});
// Answers one notify; the unauthenticated SA ends.
Transition refuse_auth(ike::Notify why, ike::ChainBuilder& answer, crypto::Bytes data = {},
                       crypto::Bytes eap = {});
// What is said to a payload chain that could not be read: INVALID_SYNTAX, or
// UNSUPPORTED_CRITICAL_PAYLOAD with the type of the payload (RFC 7296 §2.21.2, §2.5).
struct MalformedAnswer {
  MalformedAnswer(ike::ParseError error, ike::PayloadType offending);
  ike::Notify why = ike::Notify::invalid_syntax;
  Octets data;
};
// ... said inside SK, and counted. An SA that is not authenticated ends with it.
Transition refuse_malformed(const IkeSa& sa, ike::ParseError error, ike::PayloadType offending,
                            Plane& plane, ike::ChainBuilder& answer);

}  // namespace cp
