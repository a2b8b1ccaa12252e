// Leasing addresses, choosing the ESP suite, narrowing selectors.
#include "dataplane/grant.h"

namespace dp {
namespace {

// The address of the ticket (RFC 5723 §5 note 5: SHOULD), else the wish when it is free, else any.
std::uint32_t lease4(const ike::AuthRequest& request, const HalfOpen& half, LeaseTable& leases) {
  const ike::TicketState& ticket = half.ticket;
  if (ticket.flags.has_ip4) {
    const std::uint32_t old = leases.index4(ticket.ip4);
    if (old != LeaseTable::kNone && leases.claim4(old, half.spi_r, ticket.spi_r)) return old;
  }
  if (request.config.has_ip4_wish) {
    const std::uint32_t wish = leases.index4(request.config.ip4_wish);
    if (wish != LeaseTable::kNone && leases.claim4(wish, half.spi_r, ike::IkeSpi(0))) return wish;
  }
  return leases.claim_any4(half.spi_r, half.slot);
}

std::uint32_t lease6(const ike::AuthRequest& request, const HalfOpen& half, LeaseTable& leases) {
  const ike::TicketState& ticket = half.ticket;
  if (ticket.flags.has_ip6) {
    const std::uint32_t old = leases.index6(ticket.ip6);
    if (old != LeaseTable::kNone && leases.claim6(old, half.spi_r, ticket.spi_r)) return old;
  }
  if (request.config.has_ip6_wish) {
    const std::uint32_t wish = leases.index6(request.config.ip6_wish);
    if (wish != LeaseTable::kNone && leases.claim6(wish, half.spi_r, ike::IkeSpi(0))) return wish;
  }
  return leases.claim_any6(half.spi_r, half.slot);
}

void grant_addresses(const ike::AuthRequest& request, const HalfOpen& half,
                     const ChildConfig& config, LeaseTable& leases, Grant& out) {
  const bool serves4 = request.config.wants_ip4 && config.pool4.count != 0;
  const bool serves6 = request.config.wants_ip6 && config.pool6.count != 0;
  if (serves4) out.ip4_lease = lease4(request, half, leases);
  if (serves6) out.ip6_lease = lease6(request, half, leases);
  if (out.ip4_lease == kNoIndex && out.ip6_lease == kNoIndex) {
    if (request.config.wants_ip4 || request.config.wants_ip6)
      out.child_error = static_cast<std::uint16_t>(ike::Notify::internal_address_failure);
    return;
  }
  out.has_config = true;
  if (out.ip4_lease != kNoIndex) {
    out.config.has_ip4 = true;
    out.config.ip4 = leases.address4(out.ip4_lease);
    out.config.ip4_dns = config.dns4;
  }
  if (out.ip6_lease != kNoIndex) {
    out.config.has_ip6 = true;
    out.config.ip6 = leases.address6(out.ip6_lease);
    out.config.ip6_dns = config.dns6;
  }
}

// What the client's side may be: its leases, or without any its outer address.
void allow_client(const Path& peer, Grant& grant) {
  using ike::TsType;
  ike::SelectorList& allowed = grant.client_ts;
  allowed.count = 0;
  const auto add = [&](TsType type, crypto::Bytes address) {
    allowed.items[allowed.count++] =
        ike::selector_of(type, address, static_cast<unsigned>(address.size() * 8));
  };
  if (grant.config.has_ip4) add(TsType::ipv4_addr_range, grant.config.ip4);
  if (grant.config.has_ip6) add(TsType::ipv6_addr_range, grant.config.ip6);
  if (!grant.has_config)
    add(peer.is_ip6 ? TsType::ipv6_addr_range : TsType::ipv4_addr_range, peer.source_octets());
}

void grant_child(const ike::AuthRequest& request, const Path& peer, const ChildConfig& config,
                 Grant& out) {
  if (!request.has_sa || request.sa.empty() ||
      !ike::choose(request.sa, ike::Protocol::esp, config.esp_suites, out.choice) ||
      out.choice.spi.size() != 4) {
    out.child_error = static_cast<std::uint16_t>(ike::Notify::no_proposal_chosen);
    return;
  }
  allow_client(peer, out);
  ike::narrow(request.ts_i, out.client_ts, out.ts_i);
  ike::narrow(request.ts_r, config.local_ts, out.ts_r);
  if (out.ts_i.count == 0 || out.ts_r.count == 0)
    out.child_error = static_cast<std::uint16_t>(ike::Notify::ts_unacceptable);
}

}  // namespace

void prefetch_leases(const ike::AuthRequest& request, const HalfOpen& half,
                     const LeaseTable& leases) {
  const ike::TicketState& ticket = half.ticket;
  if (request.config.wants_ip4) {
    if (ticket.flags.has_ip4)
      leases.prefetch4(leases.index4(ticket.ip4));
    else
      leases.prefetch_any4(half.slot);
  }
  if (request.config.wants_ip6) {
    if (ticket.flags.has_ip6)
      leases.prefetch6(leases.index6(ticket.ip6));
    else
      leases.prefetch_any6(half.slot);
  }
}

void decide_grant(const ike::AuthRequest& request, const HalfOpen& half, const Path& peer,
                  const ChildConfig& config, LeaseTable& leases, Grant& out) {
  // Field by field: the selector lists are large and are written whole when they are decided.
  out.ip4_lease = out.ip6_lease = kNoIndex;
  out.has_config = false;
  out.config = {};
  out.child_error = 0;
  out.choice = {};
  out.ts_i.count = out.ts_r.count = 0;
  if (request.has_config) grant_addresses(request, half, config, leases, out);
  if (out.child_error == 0) grant_child(request, peer, config, out);
}

void withdraw_grant(const Grant& grant, const HalfOpen& half, LeaseTable& leases) {
  if (grant.ip4_lease != kNoIndex) leases.release4(grant.ip4_lease, half.spi_r);
  if (grant.ip6_lease != kNoIndex) leases.release6(grant.ip6_lease, half.spi_r);
}

}  // namespace dp
