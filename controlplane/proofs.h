// Proofs of IKE_AUTH: the octets both sides sign, checking a signature with the certificate that
// came with it, and making our own AUTH. RFC 7296 §2.15, §2.16, §3.6-3.8; RFC 7427.
#pragma once

#include <string>
#include <vector>

#include "controlplane/plane.h"
#include "ike/auth_octets.h"
#include "ike/full_auth.h"

namespace cp {

// What the peer signs: its message, our nonce, its identity; and what we sign.
Octets peer_octets(const IkeSa& sa, crypto::Bytes id_body, Plane& plane);
Octets own_octets(const IkeSa& sa, crypto::Bytes id_body, Plane& plane);

// Certificate, chain, identity and signature of a client. Empty = good; otherwise why not, for the
// log.
std::string verify_signature(const Connection& connection, const ike::FullAuthRequest& request,
                             crypto::Bytes octets, Plane& plane);

// Our AUTH with what belongs to it. `certs` views certificates of the credentials.
struct OwnProof {
  ike::AuthMethod method = ike::AuthMethod::shared_key;
  Octets auth;
  std::vector<ike::CertView> certs;
};
// False when the connection has neither secret nor key for it, or the peer takes no signature that
// our key can make.
[[nodiscard]] bool prove_ourselves(const IkeSa& sa, const Connection& connection,
                                   const IdBody& own_id, const ike::FullAuthRequest& request,
                                   Plane& plane, OwnProof& out);
// Puts IDr, CERT and AUTH into a response. Both arguments outlive it.
void put_proof(const OwnProof& proof, const Octets& own_id, ike::FullAuthResponse& response);

}  // namespace cp
