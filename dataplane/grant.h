// Grant: what a resumed client gets, decided before anything is written: addresses, Child SA,
// selectors.
#pragma once

#include "dataplane/burst.h"
#include "dataplane/lease_table.h"
#include "dataplane/session.h"
#include "ike/auth_exchange.h"
#include "ike/proposal.h"

namespace dp {

struct Grant {
  std::uint32_t ip4_lease = kNoIndex;
  std::uint32_t ip6_lease = kNoIndex;
  bool has_config = false;
  ike::ConfigReply config;
  std::uint16_t child_error = 0;  // Notify error; the IKE SA stands nevertheless (RFC 7296 §2.21.2)
  ike::Choice choice;
  ike::SelectorList client_ts;  // what the client's side may be
  ike::SelectorList ts_i;
  ike::SelectorList ts_r;
};

// Before decide_grant() of a burst: what it will touch comes to the cache.
void prefetch_leases(const ike::AuthRequest& request, const HalfOpen& half,
                     const LeaseTable& leases);
// Leases are claimed for half.spi_r, or moved to it from the session that the ticket names. `peer`
// is the client's outer address, which is what it may use as inner address when it asks for none.
void decide_grant(const ike::AuthRequest& request, const HalfOpen& half, const Path& peer,
                  const ChildConfig& config, LeaseTable& leases, Grant& out);
// Gives the leases back (the ticket turned out to be spent).
void withdraw_grant(const Grant& grant, const HalfOpen& half, LeaseTable& leases);

}  // namespace dp
