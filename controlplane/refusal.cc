// Answers that say no.
#include "controlplane/handlers.h"

namespace cp {

ike::Notify notify_of(ike::ParseError error) {
  return error == ike::ParseError::critical_unknown ? ike::Notify::unsupported_critical_payload
                                                    : ike::Notify::invalid_syntax;
}

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

}  // namespace cp
