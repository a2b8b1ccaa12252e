// The first IKE_AUTH: who comes, and the proof by PSK or signature. RFC 7296 §2.15, RFC 7427.
#include <algorithm>

#include "controlplane/handlers.h"
#include "controlplane/identity_text.h"
#include "controlplane/proofs.h"
#include "ike/proposal.h"

namespace cp {
namespace {

Transition fail_auth(const IkeSa& sa, const ike::FullAuthRequest& request, std::string_view why,
                     Plane& plane, ike::ChainBuilder& answer) {
  ++plane.counters.auth_failed;
  plane.log.info("{:016x}: {} refused: {}", sa.our_spi().value(), identity_text(request.id_i.body),
                 why);
  return refuse_auth(ike::Notify::authentication_failed, answer);
}

bool is_signature(ike::AuthMethod method) {
  return method != ike::AuthMethod::shared_key && method != ike::AuthMethod::null_auth;
}

// The first candidate whose remote.auth is what the request brings. A client without AUTH asks for
// EAP (RFC 7296 §2.16).
const Connection* choose(const std::vector<const Connection*>& candidates,
                         const ike::FullAuthRequest& request) {
  const auto wanted = [&](const Connection* c) {
    if (!request.has_auth) return c->remote.auth == AuthKind::eap_radius;
    return c->remote.auth == (is_signature(request.auth.method) ? AuthKind::pubkey : AuthKind::psk);
  };
  const auto at = std::ranges::find_if(candidates, wanted);
  return at == candidates.end() ? nullptr : *at;
}

std::string verify_peer(const IkeSa& sa, const Connection& connection,
                        const ike::FullAuthRequest& request, crypto::Bytes own_id, Plane& plane) {
  const Octets octets = peer_octets(sa, request.id_i.body, plane);
  if (connection.remote.auth == AuthKind::pubkey)
    return verify_signature(connection, request, octets, plane);
  const Psk* psk = plane.policy->find_psk(own_id, request.id_i.body);
  if (psk == nullptr) return "no PSK for this identity";
  if (request.auth.method == ike::AuthMethod::shared_key &&
      ike::verify_shared_key_auth(plane.engine, ike::prf_of(sa.suite.prf), psk->secret.reveal(),
                                  octets, request.auth.data))
    return "";
  return "wrong AUTH";
}

}  // namespace

Transition on_auth(const IkeSa& sa, const Request& request, Plane& plane,
                   ike::ChainBuilder& answer) {
  ike::FullAuthRequest auth;
  ike::PayloadType offending = ike::PayloadType::none;
  const ike::ParseError error =
      ike::parse_full_auth_request(request.first, request.inner, auth, offending);
  if (error != ike::ParseError::none) return refuse_malformed(sa, error, offending, plane, answer);
  if (!auth.has_id_i) return refuse_auth(ike::Notify::invalid_syntax, answer);
  const ConnectionQuery query{.local_address = request.path.local_octets(),
                              .id_i = auth.id_i.body,
                              .id_r = auth.has_id_r ? auth.id_r.body : crypto::Bytes(),
                              .suite = &sa.suite};
  const Connection* connection = choose(plane.policy->candidates(query), auth);
  if (connection == nullptr)
    return fail_auth(sa, auth, "no connection for this identity and kind of proof", plane, answer);
  const IdBody own_id = plane.policy->local_identity(*connection, query);
  if (auth.has_auth)
    if (const std::string why = verify_peer(sa, *connection, auth, own_id, plane); !why.empty())
      return fail_auth(sa, auth, why, plane, answer);

  OwnProof proof;
  if (!prove_ourselves(sa, *connection, own_id, auth, plane, proof))
    return fail_auth(sa, auth, "we have no secret or key to prove ourselves with", plane, answer);
  if (!auth.has_auth)
    return begin_eap(sa, request, *connection, auth, own_id, proof, plane, answer);
  GrantInput input{.connection = connection,
                   .request = &auth,
                   .peer_id = copy_of(auth.id_i.body),
                   .own_id = own_id,
                   .method = auth.auth.method};
  put_proof(proof, input.own_id, input.response);
  return grant(sa, request, std::move(input), plane, answer);
}

}  // namespace cp
