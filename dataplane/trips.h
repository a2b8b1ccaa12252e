// The per-lane state of the two trips of a resumption, beside the packet state in Burst.
//
// Message 1 (IKE_SESSION_RESUME) and message 3 (IKE_AUTH) each have a struct of arrays that their
// stages fill from left to right. Everything that holds secrets points into Scratch or into a
// session record.
#pragma once

#include <array>

#include "dataplane/grant.h"
#include "dataplane/lanes.h"
#include "dataplane/session.h"
#include "dataplane/session_table.h"
#include "dataplane/ticket_mint.h"
#include "dataplane/used_set.h"
#include "ike/auth_exchange.h"
#include "ike/resume.h"
#include "ike/sk_payload.h"
#include "ike/ticket.h"

namespace dp {

template <class T>
using PerLane = std::array<T, kBurstMax>;

struct ResumeTrip {
  PerLane<ike::ResumeRequest> request;
  PerLane<std::uint64_t> request_hash;
  PerLane<ike::TicketHeader> ticket;
  PerLane<std::uint8_t*> plaintext;  // of the ticket, in Scratch
  PerLane<ike::TicketState> state;
  PerLane<IssuerUse*> issuer;
  PerLane<std::uint16_t> connection;  // index in WorkerConfig::connections
  PerLane<HalfOpen*> half;
  LaneSet refused;     // to be answered with TICKET_NACK; the reason stands in Burst::reason
  LaneSet repeated;    // message 2 of `half` is sent again
  LaneSet challenged;  // to be answered with a COOKIE challenge
  PerLane<std::array<std::uint8_t, 17>> cookie;
};

struct AuthTrip {
  PerLane<HalfOpen*> half;
  PerLane<ike::SkView> sk;
  PerLane<std::uint8_t*> plaintext;  // of message 3, in Scratch
  PerLane<ike::AuthRequest> request;
  PerLane<ike::AuthForm> form;
  PerLane<std::array<std::uint8_t, crypto::kPrfLenMax>> auth_r;
  PerLane<Grant> grant;
  PerLane<ike::EspSpi> child_spi;       // our inbound SPI
  PerLane<ike::Notify> error;           // of lanes in `failed`: the one notify of the answer
  PerLane<ike::PayloadType> offending;  // data of UNSUPPORTED_CRITICAL_PAYLOAD
  LaneSet failed;
};

}  // namespace dp
