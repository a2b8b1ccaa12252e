// EAP inside IKE_AUTH: the gateway carries it between client and RADIUS. RFC 7296 §2.16, RFC 3748
// §2.3.
//
//   first request without AUTH  ->  IDr, our AUTH, EAP request
//   EAP response                ->  EAP request, ... , EAP Success
//   AUTH with the MSK           ->  AUTH with the MSK, and what grant() gives
#include "controlplane/eap_authenticator.h"
#include "controlplane/handlers.h"
#include "controlplane/identity_text.h"
#include "controlplane/path_text.h"
#include "controlplane/proofs.h"

namespace cp {
namespace {

using Progress = EapAuthenticator::Progress;

constexpr std::size_t kProofMax = 32'000;  // IDr, certificates and AUTH

Transition refuse_eap(const IkeSa& sa, std::string_view why, crypto::Bytes packet, Plane& plane,
                      ike::ChainBuilder& answer) {
  ++plane.counters.eap_failed;
  ++plane.counters.auth_failed;
  plane.log.info("{:016x}: {} refused by EAP: {}", sa.our_spi().value(), identity_text(sa.peer_id),
                 why);
  return refuse_auth(ike::Notify::authentication_failed, answer, {}, packet);
}

// What EAP says next, as our answer.
Transition carry(const IkeSa& sa, EapAuthenticator& eap, Plane& plane, ike::ChainBuilder& answer) {
  switch (eap.progress()) {
    case Progress::waiting:
      return {.next = SaState::eap, .deferred = true};
    case Progress::failure:
      return refuse_eap(sa, eap_failure_text(eap.failure()), eap.request(), plane, answer);
    case Progress::send_request:
    case Progress::success:
      break;
  }
  // The first answer also holds our proof, which was made before the server spoke.
  const Handshake& h = *sa.handshake;
  if (sa.window.next_request() == h.first_auth()) {
    ike::PayloadChain chain(h.proof_first, h.proof);
    for (ike::Payload p; chain.next(p);) answer.payload(p.type, p.body);
  }
  answer.payload(ike::PayloadType::eap, eap.request());
  return {.next = SaState::eap};
}

// AUTH of both sides after EAP is made with the MSK (RFC 7296 §2.16).
Transition finish_eap(const IkeSa& sa, const Request& request, const ike::FullAuthRequest& last,
                      Plane& plane, ike::ChainBuilder& answer) {
  const Handshake& h = *sa.handshake;
  EapAuthenticator& eap = *h.eap;
  const crypto::Prf prf = ike::prf_of(sa.suite.prf);
  if (last.auth.method != ike::AuthMethod::shared_key ||
      !ike::verify_shared_key_auth(plane.engine, prf, eap.msk(), peer_octets(sa, sa.peer_id, plane),
                                   last.auth.data))
    return refuse_eap(sa, "AUTH is not made with the key of EAP", {}, plane, answer);
  const Connection* connection = plane.policy->connection(h.eap_connection);
  if (connection == nullptr || connection->remote.auth != AuthKind::eap_radius)
    return refuse_eap(sa, "its connection was taken out of the configuration", {}, plane, answer);
  ike::FullAuthRequest first;
  ike::PayloadType offending = ike::PayloadType::none;
  CHECK(ike::parse_full_auth_request(h.first_inner, h.inner, first, offending) ==
        ike::ParseError::none);
  Octets auth(ike::prf_len(sa.suite));
  ike::shared_key_auth(plane.engine, prf, eap.msk(), own_octets(sa, sa.own_id, plane), auth.data());
  GrantInput input{.connection = connection,
                   .request = &first,
                   .peer_id = sa.peer_id,
                   .own_id = sa.own_id,
                   .eap_identity = Octets(eap.identity().begin(), eap.identity().end()),
                   .method = ike::AuthMethod::shared_key};
  input.response.auth = auth;
  return grant(sa, request, std::move(input), plane, answer);
}

}  // namespace

Transition begin_eap(const IkeSa& sa, const Request& request, const Connection& connection,
                     const ike::FullAuthRequest& auth, const IdBody& own_id, const OwnProof& proof,
                     Plane& plane, ike::ChainBuilder& answer) {
  if (plane.radius == nullptr) return refuse_eap(sa, "no [radius] server", {}, plane, answer);
  EapSettings settings = plane.eap;
  settings.identity = connection.remote.eap_id;
  EapPeer peer{.calling_station_id = peer_text(request.path),
               .called_station_id = local_text(request.path)};
  auto eap = std::make_unique<EapAuthenticator>(settings, std::move(peer), *plane.radius,
                                                sa.our_spi().value());
  eap->start(plane.now.ms);
  if (eap->progress() == Progress::failure)
    return refuse_eap(sa, eap_failure_text(eap->failure()), {}, plane, answer);
  ike::FullAuthResponse response;
  put_proof(proof, own_id, response);
  // With a fixed identity the server speaks first: our proof waits for its EAP request.
  const bool waiting = eap->progress() == Progress::waiting;
  Octets kept(waiting ? kProofMax : 0);
  crypto::ByteWriter writer(kept);
  ike::ChainBuilder later(writer);
  if (!waiting) response.eap = eap->request();
  ike::write_full_auth_response(waiting ? later : answer, response);
  CHECK(writer.ok());
  kept.resize(writer.size());
  Transition begun{.next = SaState::eap, .deferred = waiting};
  begun.then(BeginEap{.proof_first = later.first_type(),
                      .proof = std::move(kept),
                      .first_inner = request.first,
                      .inner = copy_of(request.inner),
                      .eap = std::move(eap),
                      .connection = connection.id,
                      .peer_id = copy_of(auth.id_i.body),
                      .own_id = own_id});
  return begun;
}

Transition on_eap_auth(const IkeSa& sa, const Request& request, Plane& plane,
                       ike::ChainBuilder& answer) {
  EapAuthenticator& eap = *sa.handshake->eap;
  ike::FullAuthRequest auth;
  ike::PayloadType offending = ike::PayloadType::none;
  const ike::ParseError error =
      ike::parse_full_auth_request(request.first, request.inner, auth, offending);
  if (error != ike::ParseError::none) return refuse_malformed(sa, error, offending, plane, answer);
  if (eap.progress() == Progress::success) {
    if (!auth.has_auth) return refuse_eap(sa, "no AUTH after EAP", {}, plane, answer);
    return finish_eap(sa, request, auth, plane, answer);
  }
  if (!auth.has_eap) return refuse_eap(sa, "no EAP in this round", {}, plane, answer);
  eap.on_response(auth.eap, plane.now.ms);
  return carry(sa, eap, plane, answer);
}

// The answer of RADIUS has come for the request that waits.
Transition on_eap_progress(const IkeSa& sa, Plane& plane, ike::ChainBuilder& answer) {
  return carry(sa, *sa.handshake->eap, plane, answer);
}

}  // namespace cp
