// The notifies that hand a ticket over, or refuse it (RFC 5723 §4.1, §7).
#pragma once

#include "ike/builder.h"
#include "ike/payload.h"

namespace ike {

// N(TICKET_LT_OPAQUE) = lifetime(4) | ticket when there is a ticket; otherwise N(`refusal`),
// TICKET_ACK or TICKET_NACK, unless that is 0.
void write_ticket_outcome(ChainBuilder& chain, crypto::Bytes ticket, std::uint32_t lifetime_s,
                          std::uint16_t refusal);
// Takes a TICKET_LT_OPAQUE; anything else is left alone. bad_notify without a ticket octet,
// duplicate_payload when `ticket` holds one already.
ParseError take_ticket(const NotifyView& notify, crypto::Bytes& ticket, std::uint32_t& lifetime_s);

}  // namespace ike
