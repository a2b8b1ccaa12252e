// The packed octets of an established session: SK_d | SK_ai | SK_ar | SK_ei | SK_er | IDi body |
// IDr body | EAP identity | response.
#pragma once

#include "dataplane/session.h"
#include "ike/key_schedule.h"

namespace dp {

// SK_pi and SK_pr end with IKE_AUTH and are not kept, so the kept keys are the front of the prf+
// output.
constexpr std::size_t kept_keys_len(const ike::Suite& suite) {
  return ike::ike_keymat_len(suite) - 2 * ike::prf_len(suite);
}

struct SessionKeys {
  crypto::Bytes sk_d, sk_ai, sk_ar, sk_ei, sk_er;
};
inline SessionKeys session_keys(const Session& session, crypto::Bytes packed) {
  SessionKeys keys;
  std::size_t at = 0;
  const auto take = [&](std::size_t len) {
    const crypto::Bytes part = packed.subspan(at, len);
    at += len;
    return part;
  };
  keys.sk_d = take(ike::prf_len(session.suite));
  keys.sk_ai = take(ike::integ_key_len(session.suite));
  keys.sk_ar = take(ike::integ_key_len(session.suite));
  keys.sk_ei = take(ike::encr_key_len(session.suite));
  keys.sk_er = take(ike::encr_key_len(session.suite));
  return keys;
}
inline std::size_t id_offset(const Session& session) { return kept_keys_len(session.suite); }
// All three identities, as they follow each other.
inline std::size_t ids_len(const Session& session) {
  return std::size_t{session.id_i_len} + session.id_r_len + session.eap_identity_len;
}
inline std::size_t response_offset(const Session& session) {
  return id_offset(session) + ids_len(session);
}

}  // namespace dp
