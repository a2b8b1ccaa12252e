// Answers that say no.
#include "controlplane/handlers.h"

namespace cp {

Transition refuse(const IkeSa& sa, ike::Notify why, ike::ChainBuilder& answer,
                  crypto::Bytes octets) {
  answer.notify(why, octets);
  return {.next = sa.state};
}

Transition refuse_auth(ike::Notify why, ike::ChainBuilder& answer, crypto::Bytes octets,
                       crypto::Bytes eap) {
  ike::write_auth_refusal(answer, why, octets, eap);
  return {.next = SaState::closed};
}

MalformedAnswer::MalformedAnswer(ike::ParseError error, ike::PayloadType offending) {
  if (error != ike::ParseError::critical_unknown) return;
  why = ike::Notify::unsupported_critical_payload;
  data.push_back(static_cast<std::uint8_t>(offending));
}

Transition refuse_malformed(const IkeSa& sa, ike::ParseError error, ike::PayloadType offending,
                            Plane& plane, ike::ChainBuilder& answer) {
  ++plane.counters.malformed;
  const MalformedAnswer says(error, offending);
  if (is_authenticated(sa.state)) return refuse(sa, says.why, answer, says.data);
  return refuse_auth(says.why, answer, says.data);
}

}  // namespace cp
