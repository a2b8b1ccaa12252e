// Stage parse_resume: IKE_SESSION_RESUME requests become views; broken ones leave. RFC 5723 §4.3.1.
#include "dataplane/stages.h"

namespace dp {
namespace {

Drop drop_of(ike::ParseError error) {
  using enum ike::ParseError;
  switch (error) {
    case none:
      return Drop::none;
    case runt:
      return Drop::ike_runt;
    case bad_version:
      return Drop::ike_bad_version;
    case bad_exchange:
    case bad_flags:
    case bad_message_id:
    case bad_spi:
      return Drop::ike_bad_header;
    case critical_unknown:
      return Drop::payload_critical_unknown;
    case bad_nonce_length:
      return Drop::resume_bad_nonce;
    case missing_payload:
    case duplicate_payload:
      return Drop::resume_no_ticket;
    case bad_length:
    case payload_overrun:
    case too_many_payloads:
    case bad_notify:
    case bad_sk:
    case bad_padding:
    case bad_proposal:
    case bad_selector:
    case bad_config:
    case bad_id:
    case bad_auth:
    case bad_ke:
    case bad_cert:
    case bad_delete:
    case bad_eap:
    case count:
      break;
  }
  return Drop::resume_malformed;
}

}  // namespace

LaneSet parse_resume(Burst& burst, LaneSet in, ResumeTrip& trip) {
  LaneSet parsed;
  for (unsigned lane : in) {
    // The offending payload type is not needed: garbage in clear is dropped, not answered.
    ike::PayloadType offending;
    const ike::ParseError error =
        ike::parse_resume_request(burst.message[lane], trip.request[lane], offending);
    if (error != ike::ParseError::none) {
      burst.drop(lane, drop_of(error));
      continue;
    }
    if (burst.message[lane].size() > kMessage1Max) {
      burst.drop(lane, Drop::resume_malformed);
      continue;
    }
    parsed.add(lane);
  }
  return parsed;
}

}  // namespace dp
