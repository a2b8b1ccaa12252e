// CREATE_CHILD_SA requests: new Child SAs, and rekeys by the peer. RFC 7296 §1.3, §2.8, §2.17-2.18,
// §2.25.
#include <algorithm>

#include "controlplane/handlers.h"
#include "controlplane/ke_groups.h"
#include "ike/create_child.h"
#include "ike/key_schedule.h"
#include "ike/proposal.h"

namespace cp {
namespace {

constexpr std::size_t kChildrenMax = 16;  // of one IKE SA, replaced ones included

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
  if (sa.state != SaState::established || sa.delete_wanted) return true;
  switch (sa.own.asking) {
    case Asking::rekey_ike:  // the two rekeys would leave two SAs; whoever retries makes one
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

const Octets& lower(const Octets& a, const Octets& b) {
  return std::ranges::lexicographical_compare(a, b) ? a : b;
}

ike::SelectorList client_side(const IkeSa& sa) {
  if (sa.ip4 || sa.ip6) return leased_selectors(sa.ip4, sa.ip6);
  if (!sa.children.empty()) return sa.children.front().ts_remote;
  return outer_selectors(sa.path);
}

void note_new_child(const IkeSa& sa, const ChildSa* old, AddChild child, const Fresh& fresh,
                    const ike::CreateChildRequest& request, Transition& done) {
  const ike::EspSpi spi_in = child.child.spi_in;
  done.then(std::move(child));
  if (old == nullptr) return;
  if (sa.own.asking == Asking::rekey_child && sa.own.child_in == old->spi_in) {
    const Octets peer_nonce(request.nonce.begin(), request.nonce.end());
    done.then(NoteCollision{.new_in = spi_in, .lower_nonce = lower(fresh.nonce, peer_nonce)});
  } else {
    done.then(ReplaceChild{old->spi_in});
  }
}

Transition make_child(const IkeSa& sa, const Connection& connection,
                      const ike::CreateChildRequest& request, const ChildSa* old, Plane& plane,
                      ike::ChainBuilder& answer) {
  ike::Choice choice;
  bool ke_fits = false;
  if (!ike::choose_with_ke(request.sa, ike::Protocol::esp, connection.child_suites, request.ke,
                           ike::KePolicy::save_round_trip, choice, ke_fits) ||
      choice.spi.size() != 4)
    return refuse_child(sa, ike::Notify::no_proposal_chosen, answer);
  if (!ke_fits) return wants_group(sa, choice.suite.ke, plane, answer);
  Fresh fresh;
  if (!make_fresh(choice.suite.ke, request.ke_data, plane, fresh))
    return refuse_child(sa, ike::Notify::invalid_syntax, answer);
  AddChild made;
  ChildSa& child = made.child;
  ike::narrow(request.ts_i, client_side(sa), child.ts_remote);
  ike::narrow(request.ts_r, connection.local_ts, child.ts_local);
  if (child.ts_remote.count == 0 || child.ts_local.count == 0)
    return refuse_child(sa, ike::Notify::ts_unacceptable, answer);
  child.spi_in = plane.workers.new_child_spi(sa.worker, plane.random);
  if (child.spi_in.value() == 0) return refuse_child(sa, ike::Notify::no_additional_sas, answer);
  child.spi_out = ike::EspSpi(crypto::load_be32(choice.spi.data()));
  child.suite = choice.suite;
  ike::derive_child_keys_with_ke(
      plane.engine, sa.suite, sa.keys().sk_d, fresh.shared.reveal(), request.nonce, fresh.nonce,
      crypto::MutBytes(made.keymat.fill()).first(ike::child_keymat_len(child.suite)));
  ike::write_create_child_response(answer, {.proposal_number = choice.proposal_number,
                                            .suite = choice.suite,
                                            .child_spi = child.spi_in,
                                            .nonce = fresh.nonce,
                                            .ke_data = fresh.ke,
                                            .ts_i = &child.ts_remote,
                                            .ts_r = &child.ts_local});
  Transition done{.next = sa.state};
  note_new_child(sa, old, std::move(made), fresh, request, done);
  return done;
}

TicketIssuer::Issued ticket_for(const IkeSa& successor, const Connection& connection,
                                const ike::CreateChildRequest& request, Plane& plane,
                                ike::CreateChildResponse& response) {
  TicketIssuer::Issued issued;
  if (!request.ticket_request) return issued;
  if (connection.tickets)
    issued = plane.tickets.issue(TicketIssuer::subject_of(successor), plane.now.unix_s);
  if (issued.ticket.empty())
    response.ticket_refusal = static_cast<std::uint16_t>(ike::Notify::ticket_nack);
  response.ticket_lifetime_s = issued.lifetime_s;
  return issued;
}

// RFC 7296 §1.3.2, §2.18.
Transition rekey_ike(const IkeSa& sa, const Connection& connection,
                     const ike::CreateChildRequest& request, Plane& plane,
                     ike::ChainBuilder& answer) {
  ike::Choice choice;
  bool ke_fits = false;
  if (!ike::choose_with_ke(request.sa, ike::Protocol::ike, connection.ike_suites, request.ke,
                           ike::KePolicy::save_round_trip, choice, ke_fits) ||
      choice.spi.size() != 8 || choice.suite.ke == ike::KeId::none)
    return refuse_child(sa, ike::Notify::no_proposal_chosen, answer);
  if (!ke_fits) return wants_group(sa, choice.suite.ke, plane, answer);
  Fresh fresh;
  if (!make_fresh(choice.suite.ke, request.ke_data, plane, fresh))
    return refuse_child(sa, ike::Notify::invalid_syntax, answer);
  const ike::IkeSpi peer_spi(crypto::load_be64(choice.spi.data()));
  const ike::IkeSpi own_spi = plane.workers.new_control_spi(plane.random);
  std::unique_ptr<IkeSa> successor =
      successor_of(sa, false, peer_spi, own_spi, choice.suite, plane);
  derive_successor_keys(sa, fresh.shared.reveal(), request.nonce, fresh.nonce, plane, *successor);
  ike::CreateChildResponse response{.is_ike = true,
                                    .proposal_number = choice.proposal_number,
                                    .suite = choice.suite,
                                    .ike_spi = own_spi,
                                    .nonce = fresh.nonce,
                                    .ke_data = fresh.ke};
  const TicketIssuer::Issued issued = ticket_for(*successor, connection, request, plane, response);
  response.ticket = issued.ticket;
  if (!issued.ticket.empty()) {
    successor->issuer = issued.issuer;
    successor->serial = issued.serial;
  }
  ike::write_create_child_response(answer, response);
  Transition done{.next = SaState::replaced};
  done.then(ReplaceIke{std::move(successor)});
  return done;
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
