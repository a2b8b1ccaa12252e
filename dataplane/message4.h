// Message 4 (RFC 5723 §4.3.3): the new ticket and the response to IKE_AUTH, written into the frame.
#pragma once

#include "dataplane/grant.h"
#include "dataplane/stages.h"

namespace dp {

struct NewTicket {
  crypto::Bytes octets;       // in Scratch; empty = none
  std::uint16_t refusal = 0;  // TICKET_NACK when none could be made
  TicketMint::Stamp stamp;
};

// Tickets of the new SAs, for the clients that asked, sealed in one call.
void issue_tickets(LaneSet in, AuthTrip& trip, const PerLane<Grant>& grants,
                   PerLane<NewTicket>& tickets, WorkerParts& w);

// Whether client and connection both want MOBIKE (RFC 4555 §3.1).
bool takes_mobike(const HalfOpen& half, const ike::AuthRequest& request, const WorkerParts& w);

// Writes message 4, not sealed yet, into the lane's frame and returns its length. What makes it
// larger than the link takes is left out: the QCD token, then the ticket, which is put off with
// TICKET_ACK (RFC 5723 §4.1). 0 when it does not fit even so.
std::size_t write_message4(Burst& burst, unsigned lane, const AuthTrip& trip, const Grant& grant,
                           NewTicket& ticket, WorkerParts& w);

}  // namespace dp
