// CREATE_CHILD_SA requests: new Child SAs, and rekeys by the peer. RFC 7296 §1.3, §2.8, §2.17-2.18,
// §2.25.
#include <algorithm>

#include "controlplane/handlers.h"
#include "controlplane/ke_groups.h"
#include "ike/create_child.h"
#include "ike/proposal.h"

namespace cp {
namespace {

// The responder's half of a key exchange, and the nonce.
struct Fresh {
  Octets nonce = Octets(ike::kNonceLen);
  Octets ke;
  crypto::SecretBytes shared;
};

// False when the peer's KE value is bad.
bool make_fresh(ike::KeId group, crypto::Bytes peer_ke, Plane& plane, Fresh& out) {
  plane.random.fill(out.nonce);
  if (group == ike::KeId::none) return true;
  const auto known = ke_group(group);
  if (!known) return false;
  out.shared = crypto::SecretBytes(crypto::ke_shared_len(*known));
  return crypto::KeyExchange::respond(*known, peer_ke, out.ke, out.shared.fill());
}

Transition refuse_child(const IkeSa& sa, ike::Notify why, ike::ChainBuilder& answer) {
  ike::write_create_child_refusal(answer, why);
  return {.next = sa.state};
}

Transition wants_group(const IkeSa& sa, ike::KeId group, Plane& plane, ike::ChainBuilder& answer) {
  ++plane.counters.invalid_ke;
  ike::write_create_child_invalid_ke(answer, group);
  return {.next = sa.state};
}

// RFC 7296 §2.25: what we are doing ourselves decides whether the peer must wait.
bool must_wait(const IkeSa& sa, const ike::CreateChildRequest& request, const ChildSa* old) {
  if (sa.state != SaState::established || sa.delete_wanted || is_rival(sa)) return true;
  switch (sa.own.asking) {
    case Asking::rekey_ike:  // its rekey crosses ours, once
      return request.kind != ike::CreateChildKind::rekey_ike ||
             sa.own.collided_ike != ike::IkeSpi();
    case Asking::delete_ike:
      return true;
    case Asking::rekey_child:
      return request.kind == ike::CreateChildKind::rekey_ike;
    case Asking::delete_child:
      return request.kind == ike::CreateChildKind::rekey_ike ||
             (old != nullptr && sa.own.child_in == old->spi_in);
    case Asking::nothing:
    case Asking::liveness:
      return false;
  }
  return true;
}

ike::SelectorList client_side(const IkeSa& sa) {
  if (sa.ip4 || sa.ip6) return leased_selectors(sa.ip4, sa.ip6);
  if (!sa.children.empty()) return sa.children.front().ts_remote;
  return outer_selectors(sa.path);
}

// What the peer's exchange makes: now, or after the additional key exchanges of `choice`.
std::unique_ptr<PendingKe> pending_ke(const ike::CreateChildRequest& request,
                                      const ike::Choice& choice, Fresh& fresh, Plane& plane) {
  auto pending = std::make_unique<PendingKe>();
  KeChain& kes = pending->kes;
  kes.suite = choice.suite;
  kes.next_ke = choice.suite.additional.next(0);
  if (!choice.suite.additional.empty()) kes.link = fresh_link(plane);
  kes.shared = std::move(fresh.shared);
  kes.nonce_i = copy_of(request.nonce);
  kes.nonce_r = fresh.nonce;
  kes.ends_at_ms = plane.now.ms + kFollowupKeMs;
  return pending;
}

Transition await_ke(const IkeSa& sa, std::unique_ptr<PendingKe> pending) {
  Transition begun{.next = sa.state};
  begun.then(AwaitKe{std::move(pending)});
  return begun;
}

Transition make_child(const IkeSa& sa, const Connection& connection,
                      const ike::CreateChildRequest& request, const ChildSa* old, Plane& plane,
                      ike::ChainBuilder& answer) {
  ike::Choice choice;
  bool ke_fits = false;
  if (!ike::choose_with_ke(request.sa, ike::Protocol::esp, usable_suites(connection.child_suites),
                           request.ke, ike::KePolicy::save_round_trip, choice, ke_fits) ||
      choice.spi.size() != 4)
    return refuse_child(sa, ike::Notify::no_proposal_chosen, answer);
  if (!ke_fits) return wants_group(sa, choice.suite.ke, plane, answer);
  Fresh fresh;
  if (!make_fresh(choice.suite.ke, request.ke_data, plane, fresh))
    return refuse_child(sa, ike::Notify::invalid_syntax, answer);
  auto pending = pending_ke(request, choice, fresh, plane);
  pending->replaces = old != nullptr ? old->spi_in : ike::EspSpi(0);
  ChildSa& child = pending->kes.child;
  ike::narrow(request.ts_i, client_side(sa), child.ts_remote);
  ike::narrow(request.ts_r, connection.local_ts, child.ts_local);
  if (child.ts_remote.count == 0 || child.ts_local.count == 0)
    return refuse_child(sa, ike::Notify::ts_unacceptable, answer);
  // A rekeyed one stays where it is: only there its successor is known for one.
  child.spi_in =
      plane.workers.new_child_spi(old != nullptr ? old->worker : sa.worker, plane.random);
  if (child.spi_in.value() == 0) return refuse_child(sa, ike::Notify::no_additional_sas, answer);
  child.spi_out = ike::EspSpi(crypto::load_be32(choice.spi.data()));
  child.suite = choice.suite;
  ike::write_create_child_response(answer, {.proposal_number = choice.proposal_number,
                                            .suite = choice.suite,
                                            .child_spi = child.spi_in,
                                            .nonce = fresh.nonce,
                                            .ke_data = fresh.ke,
                                            .ts_i = &child.ts_remote,
                                            .ts_r = &child.ts_local,
                                            .link = pending->kes.link});
  return choice.suite.additional.empty() ? child_made_by_peer(sa, *pending, {}, plane)
                                         : await_ke(sa, std::move(pending));
}

// RFC 7296 §1.3.2, §2.18.
Transition rekey_ike(const IkeSa& sa, const Connection& connection,
                     const ike::CreateChildRequest& request, Plane& plane,
                     ike::ChainBuilder& answer) {
  ike::Choice choice;
  bool ke_fits = false;
  if (!ike::choose_with_ke(request.sa, ike::Protocol::ike, usable_suites(connection.ike_suites),
                           request.ke, ike::KePolicy::save_round_trip, choice, ke_fits) ||
      choice.spi.size() != 8 || choice.suite.ke == ike::KeId::none)
    return refuse_child(sa, ike::Notify::no_proposal_chosen, answer);
  if (!ke_fits) return wants_group(sa, choice.suite.ke, plane, answer);
  Fresh fresh;
  if (!make_fresh(choice.suite.ke, request.ke_data, plane, fresh))
    return refuse_child(sa, ike::Notify::invalid_syntax, answer);
  auto pending = pending_ke(request, choice, fresh, plane);
  pending->is_ike = true;
  pending->ticket_request = request.ticket_request;
  pending->kes.peer_spi = ike::IkeSpi(crypto::load_be64(choice.spi.data()));
  pending->kes.own_spi = plane.workers.new_control_spi(plane.random);
  ike::CreateChildResponse response{.is_ike = true,
                                    .proposal_number = choice.proposal_number,
                                    .suite = choice.suite,
                                    .ike_spi = pending->kes.own_spi,
                                    .nonce = fresh.nonce,
                                    .ke_data = fresh.ke,
                                    .link = pending->kes.link};
  if (!choice.suite.additional.empty()) {
    ike::write_create_child_response(answer, response);
    return await_ke(sa, std::move(pending));
  }
  IkeMadeByPeer made = ike_made_by_peer(sa, connection, *pending, {}, plane);
  made.ticket.put_into(response);
  ike::write_create_child_response(answer, response);
  return std::move(made.done);
}

}  // namespace

Transition on_create_child(const IkeSa& sa, const Request& request, Plane& plane,
                           ike::ChainBuilder& answer) {
  ike::CreateChildRequest create;
  ike::PayloadType offending = ike::PayloadType::none;
  const ike::ParseError error =
      ike::parse_create_child_request(request.first, request.inner, create, offending);
  if (error != ike::ParseError::none) return refuse_malformed(sa, error, offending, plane, answer);
  const Connection* connection = plane.policy->connection(sa.connection_id);
  if (connection == nullptr) return refuse_child(sa, ike::Notify::no_additional_sas, answer);
  const ChildSa* old = create.kind == ike::CreateChildKind::rekey_child
                           ? sa.child_by_peer(create.rekey_spi)
                           : nullptr;
  if (must_wait(sa, create, old)) return refuse_child(sa, ike::Notify::temporary_failure, answer);
  if (create.kind == ike::CreateChildKind::rekey_ike)
    return rekey_ike(sa, *connection, create, plane, answer);
  if (create.kind == ike::CreateChildKind::rekey_child && old == nullptr) {
    ike::write_child_sa_not_found(answer, create.rekey_protocol, create.rekey_spi);
    return {.next = sa.state};
  }
  if (sa.children.size() >= kChildrenMax)
    return refuse_child(sa, ike::Notify::no_additional_sas, answer);
  return make_child(sa, *connection, create, old, plane, answer);
}

}  // namespace cp
