// What an authenticated client gets: addresses, the Child SA, a ticket. RFC 7296 §2.9, §2.19.
#include <algorithm>

#include "controlplane/handlers.h"
#include "ike/crash_detection.h"
#include "ike/key_schedule.h"
#include "ike/proposal.h"

namespace cp {
namespace {

// Sticky by identity without a table: the search for a free address begins at the same place.
std::uint32_t hint_of(crypto::Bytes identity) {
  std::uint32_t hash = 2166136261u;  // FNV-1a
  for (const std::uint8_t octet : identity) hash = (hash ^ octet) * 16777619u;
  return hash;
}

// The SA of the same client whose place this one takes, so that its addresses pass over.
const IkeSa* predecessor(const GrantInput& input, Plane& plane) {
  const bool takes_over =
      input.connection->unique == Unique::replace ||
      (input.request->initial_contact && input.connection->unique != Unique::never);
  if (!takes_over) return nullptr;
  for (const IkeSa* other : plane.sas.find_identity(input.peer_id))
    if (other->connection_id == input.connection->id && other->state == SaState::established &&
        !is_rival(*other) && other->is_same_user(input.peer_id, input.eap_identity))
      return other;
  return nullptr;
}

bool is_kept_out(const GrantInput& input, Plane& plane) {
  if (input.connection->unique != Unique::keep || input.request->initial_contact) return false;
  return std::ranges::any_of(plane.sas.find_identity(input.peer_id), [&](const IkeSa* other) {
    return other->connection_id == input.connection->id &&
           other->is_same_user(input.peer_id, input.eap_identity);
  });
}

struct Grant {
  std::optional<ike::Ip4> ip4;
  std::optional<ike::Ip6> ip6;
  ike::Notify child_error{};  // 0 = none
  bool has_child = false;
  ike::Choice choice;
  AddChild child;
};

void lease(const IkeSa& sa, const GrantInput& input, Plane& plane, Grant& out) {
  const ike::ConfigRequest& wants = input.request->config;
  const IkeSa* old = predecessor(input, plane);
  const ike::IkeSpi previous = old != nullptr ? old->our_spi() : ike::IkeSpi(0);
  const std::uint32_t hint = hint_of(input.peer_id);
  if (wants.wants_ip4 && input.connection->pool4) {
    const ike::Ip4* wish = old != nullptr && old->ip4 ? &*old->ip4
                           : wants.has_ip4_wish       ? &wants.ip4_wish
                                                      : nullptr;
    out.ip4 = plane.workers.lease4(wish, sa.our_spi(), previous, hint);
  }
  if (wants.wants_ip6 && input.connection->pool6) {
    const ike::Ip6* wish = old != nullptr && old->ip6 ? &*old->ip6
                           : wants.has_ip6_wish       ? &wants.ip6_wish
                                                      : nullptr;
    out.ip6 = plane.workers.lease6(wish, sa.our_spi(), previous, hint);
  }
  if ((wants.wants_ip4 || wants.wants_ip6) && !out.ip4 && !out.ip6)
    out.child_error = ike::Notify::internal_address_failure;
}

ike::SelectorList client_side(const Grant& grant, const dp::PeerPath& path) {
  if (grant.ip4 || grant.ip6) return leased_selectors(grant.ip4, grant.ip6);
  return outer_selectors(path);
}

void make_child(const IkeSa& sa, const Request& request, const GrantInput& input, Plane& plane,
                Grant& out) {
  const ike::FullAuthRequest& auth = *input.request;
  if (!ike::choose(auth.sa, ike::Protocol::esp, input.connection->esp_suites, out.choice) ||
      out.choice.spi.size() != 4) {
    out.child_error = ike::Notify::no_proposal_chosen;
    return;
  }
  ChildSa& child = out.child.child;
  ike::narrow(auth.ts_i, client_side(out, request.path), child.ts_remote);
  ike::narrow(auth.ts_r, input.connection->local_ts, child.ts_local);
  if (child.ts_remote.count == 0 || child.ts_local.count == 0) {
    out.child_error = ike::Notify::ts_unacceptable;
    return;
  }
  child.spi_in = plane.workers.new_child_spi(sa.worker, plane.random);
  if (child.spi_in.value() == 0) {
    out.child_error = ike::Notify::no_additional_sas;
    return;
  }
  child.spi_out = ike::EspSpi(crypto::load_be32(out.choice.spi.data()));
  child.suite = ike::without_ke(out.choice.suite);
  const Handshake& h = *sa.handshake;
  ike::derive_child_keys(
      plane.engine, sa.suite, sa.keys().sk_d, h.nonce_i, h.nonce_r,
      crypto::MutBytes(out.child.keymat.fill()).first(ike::child_keymat_len(child.suite)));
  out.has_child = true;
}

void put_child(const Grant& grant, const Plane& plane, ike::FullAuthResponse& response) {
  response.has_config = grant.ip4.has_value() || grant.ip6.has_value();
  if (grant.ip4) {
    response.config.has_ip4 = true;
    response.config.ip4 = *grant.ip4;
    response.config.ip4_dns = plane.workers_config.child.dns4;
  }
  if (grant.ip6) {
    response.config.has_ip6 = true;
    response.config.ip6 = *grant.ip6;
    response.config.ip6_dns = plane.workers_config.child.dns6;
  }
  response.child_error = static_cast<std::uint16_t>(grant.child_error);
  if (!grant.has_child) return;
  response.has_child = true;
  response.proposal_number = grant.choice.proposal_number;
  response.child_suite = grant.child.child.suite;
  response.child_spi = grant.child.child.spi_in;
  response.ts_i = &grant.child.child.ts_remote;
  response.ts_r = &grant.child.child.ts_local;
}

// RFC 5723 §4.1: a ticket, or the word that there is none.
TicketIssuer::Issued ticket_for(const IkeSa& sa, const GrantInput& input, const Grant& grant,
                                Plane& plane, ike::FullAuthResponse& response) {
  if (!input.request->ticket_request) return {};
  TicketIssuer::Issued issued;
  if (input.connection->tickets)
    issued = plane.tickets.issue({.peer_spi = sa.peer_spi(),
                                  .our_spi = sa.our_spi(),
                                  .suite = sa.suite,
                                  .sk_d = sa.keys().sk_d,
                                  .connection = input.connection->id,
                                  .peer_id = input.peer_id,
                                  .own_id = input.own_id,
                                  .eap_identity = input.eap_identity,
                                  .auth_method = input.method,
                                  .ip4 = grant.ip4,
                                  .ip6 = grant.ip6,
                                  .post_quantum = ike::is_post_quantum(sa.suite),
                                  .full_auth_s = plane.now.unix_s},
                                 plane.now.unix_s);
  if (issued.ticket.empty())
    response.ticket_refusal = static_cast<std::uint16_t>(ike::Notify::ticket_nack);
  response.ticket_lifetime_s = issued.lifetime_s;
  return issued;
}

}  // namespace

ike::SelectorList leased_selectors(const std::optional<ike::Ip4>& ip4,
                                   const std::optional<ike::Ip6>& ip6) {
  ike::SelectorList list;
  if (ip4) list.items[list.count++] = ike::selector_of(ike::TsType::ipv4_addr_range, *ip4, 32);
  if (ip6) list.items[list.count++] = ike::selector_of(ike::TsType::ipv6_addr_range, *ip6, 128);
  return list;
}

ike::SelectorList outer_selectors(const dp::PeerPath& path) {
  ike::SelectorList list;
  list.items[list.count++] =
      ike::selector_of(path.is_ip6 ? ike::TsType::ipv6_addr_range : ike::TsType::ipv4_addr_range,
                       path.peer_octets(), static_cast<unsigned>(path.peer_octets().size() * 8));
  return list;
}

Transition grant(const IkeSa& sa, const Request& request, GrantInput input, Plane& plane,
                 ike::ChainBuilder& answer) {
  if (is_kept_out(input, plane)) {
    ++plane.counters.auth_failed;
    return refuse_auth(ike::Notify::authentication_failed, answer);
  }
  if (!input.request->has_sa && !input.connection->childless) {
    ++plane.counters.auth_failed;
    return refuse_auth(ike::Notify::invalid_syntax, answer);
  }
  Grant given;
  if (input.request->has_config) lease(sa, input, plane, given);
  if (given.child_error == ike::Notify{} && input.request->has_sa)
    make_child(sa, request, input, plane, given);
  if (given.child_error != ike::Notify{}) ++plane.counters.child_failures;

  put_child(given, plane, input.response);
  input.response.mobike_supported = input.connection->mobike && input.request->mobike_supported;
  input.response.auth_lifetime_s = input.connection->reauth_time_s;
  std::array<std::uint8_t, ike::kQcdTokenLen> token;
  ike::derive_qcd_token(plane.engine, plane.qcd_secret, sa.spi_i, sa.spi_r, token.data());
  input.response.qcd_token = token;
  const TicketIssuer::Issued issued = ticket_for(sa, input, given, plane, input.response);
  input.response.ticket = issued.ticket;
  ike::write_full_auth_response(answer, input.response);

  Transition done{.next = SaState::established};
  done.then(Authenticate{.connection = input.connection->id,
                         .peer_id = std::move(input.peer_id),
                         .own_id = std::move(input.own_id),
                         .eap_identity = std::move(input.eap_identity),
                         .method = input.method,
                         .mobike = input.response.mobike_supported,
                         .initial_contact = input.request->initial_contact,
                         .ip4 = given.ip4,
                         .ip6 = given.ip6});
  if (given.has_child) done.then(std::move(given.child));
  if (!issued.ticket.empty()) done.then(NoteTicket{issued.issuer, issued.serial});
  return done;
}

}  // namespace cp
