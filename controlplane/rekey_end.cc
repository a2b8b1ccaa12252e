// How rekeys end: what an exchange of either side has made, and which of two SAs survives when both
// sides rekeyed the same one at once. RFC 7296 §2.8.1-2.8.2, §2.18, §2.25; RFC 9370 §2.2.4.
//
// Two exchanges cross when each side has asked before it heard the other's request. The one with
// the lowest of the four nonces is redundant: whoever began it deletes what it made. The other's SA
// takes the place of the old one, which is deleted by whoever began that. Until both are done,
// Child SAs, leases and ticket stay with the old IKE SA, and what the peer has made is its rival.
#include <algorithm>

#include "controlplane/handlers.h"
#include "ike/key_schedule.h"

namespace cp {
namespace {

const Octets& lower_of(const Octets& a, const Octets& b) {
  return std::ranges::lexicographical_compare(a, b) ? a : b;
}
const Octets& lower_nonce(const KeChain& kes) { return lower_of(kes.nonce_i, kes.nonce_r); }

bool has_child(const IkeSa& sa, ike::EspSpi spi_in) {
  return std::ranges::find(sa.children, spi_in, &ChildSa::spi_in) != sa.children.end();
}

// The lower nonce of the peer's rekey of what we are rekeying: done, or with key exchanges to come.
// Null when nothing crosses ours.
const Octets* crossing_nonce(const IkeSa& sa) {
  const OwnRequest& own = sa.own;
  if (!own.collided_nonce.empty()) return &own.collided_nonce;
  const PendingKe* pending = sa.pending_ke.get();
  const bool is_ike = own.asking == Asking::rekey_ike;
  if (pending == nullptr || pending->is_ike != is_ike) return nullptr;
  return is_ike || pending->replaces == own.child_in ? &lower_nonce(pending->kes) : nullptr;
}

// What `kes` of ours made is redundant.
bool loses(const IkeSa& sa, const KeChain& kes) {
  const Octets* theirs = crossing_nonce(sa);
  return theirs != nullptr && std::ranges::lexicographical_compare(lower_nonce(kes), *theirs);
}

AddChild new_child(const IkeSa& sa, const KeChain& kes, crypto::Bytes more, Plane& plane) {
  AddChild made;
  made.child = kes.child;
  ike::derive_child_keys_with_ke(
      plane.engine, sa.suite, sa.keys().sk_d, kes.shared.reveal(), kes.nonce_i, kes.nonce_r,
      crypto::MutBytes(made.keymat.fill()).first(ike::child_keymat_len(kes.suite)), more);
  return made;
}

// The IKE SA that takes the place of `sa`: the same peer and path, Message IDs from 0.
std::unique_ptr<IkeSa> successor_of(const IkeSa& sa, bool we_initiated, const KeChain& kes,
                                    crypto::Bytes more, Plane& plane) {
  auto next = std::make_unique<IkeSa>();
  next->we_initiated = we_initiated;
  next->spi_i = we_initiated ? kes.own_spi : kes.peer_spi;
  next->spi_r = we_initiated ? kes.peer_spi : kes.own_spi;
  next->state = SaState::established;
  next->suite = kes.suite;
  next->path = sa.path;
  next->worker = sa.worker;
  next->nat_here = sa.nat_here;
  next->nat_there = sa.nat_there;
  next->fragmentation = sa.fragmentation;
  next->mobike = sa.mobike;
  next->connection = sa.connection;
  next->connection_id = sa.connection_id;
  next->peer_id = sa.peer_id;
  next->own_id = sa.own_id;
  next->eap_identity = sa.eap_identity;
  next->auth_method = sa.auth_method;
  next->ip4 = sa.ip4;
  next->ip6 = sa.ip6;
  // SKEYSEED has the old SK_d in it (RFC 7296 §2.18).
  next->post_quantum = sa.post_quantum || ike::is_post_quantum(kes.suite);
  next->resumptions = sa.resumptions;
  next->full_auth_s = sa.full_auth_s;
  next->created_ms = next->established_ms = next->heard_ms = plane.now.ms;
  ike::derive_rekeyed_keys(
      plane.engine, sa.suite, sa.keys().sk_d, next->suite, kes.shared.reveal(), kes.nonce_i,
      kes.nonce_r, next->spi_i, next->spi_r,
      crypto::MutBytes(next->keymat.fill()).first(ike::ike_keymat_len(next->suite)), more);
  return next;
}

// RFC 5723 §4.1: a ticket holds SK_d, which is there only with the new SA.
SuccessorTicket ticket_for(IkeSa& successor, const Connection& connection, Plane& plane) {
  SuccessorTicket ticket;
  if (connection.tickets)
    ticket.issued = plane.tickets.issue(TicketIssuer::subject_of(successor), plane.now.unix_s);
  if (ticket.issued.ticket.empty()) {
    ticket.refusal = static_cast<std::uint16_t>(ike::Notify::ticket_nack);
    return ticket;
  }
  successor.issuer = ticket.issued.issuer;
  successor.serial = ticket.issued.serial;
  return ticket;
}

}  // namespace

Transition child_made_by_us(const IkeSa& sa, const KeChain& kes, Plane& plane) {
  const OwnRequest& own = sa.own;
  Transition done{.next = sa.state};
  done.then(new_child(sa, kes, kes.more.reveal(), plane));
  // The old SA went meanwhile, or the peer narrowed to nothing.
  const bool is_useless = kes.child.ts_local.count == 0 || kes.child.ts_remote.count == 0 ||
                          !has_child(sa, own.child_in);
  if (is_useless || loses(sa, kes)) {
    Transition yields =
        is_useless && !has_been_rekeyed(sa) ? Transition{.next = sa.state} : yield(sa);
    for (Action& action : yields.actions) done.then(std::move(action));
    done.then(DeleteChild{kes.child.spi_in});
    return done;
  }
  done.then(ReplaceChild{own.child_in});
  done.then(DeleteChild{own.child_in});
  return done;
}

Transition child_made_by_peer(const IkeSa& sa, const PendingKe& pending, crypto::Bytes more,
                              Plane& plane) {
  Transition done{.next = sa.state};
  done.then(new_child(sa, pending.kes, more, plane));
  if (pending.replaces.value() == 0) return done;
  if (sa.own.asking == Asking::rekey_child && sa.own.child_in == pending.replaces) {
    done.then(
        NoteCollision{.new_in = pending.kes.child.spi_in, .lower_nonce = lower_nonce(pending.kes)});
  } else {
    done.then(ReplaceChild{pending.replaces});
  }
  return done;
}

Transition ike_made_by_us(const IkeSa& sa, const KeChain& kes, Plane& plane) {
  std::unique_ptr<IkeSa> made = successor_of(sa, true, kes, kes.more.reveal(), plane);
  const ike::IkeSpi rival = sa.own.collided_ike;
  if (loses(sa, kes)) {
    Transition yields = yield(sa);
    yields.then(DropIke{std::move(made)});
    return yields;
  }
  Transition done{.next = SaState::replaced};
  done.then(ReplaceIke{.successor = std::move(made), .rival = rival});
  done.then(DeleteIke{});
  return done;
}

IkeMadeByPeer ike_made_by_peer(const IkeSa& sa, const Connection& connection,
                               const PendingKe& pending, crypto::Bytes more, Plane& plane) {
  std::unique_ptr<IkeSa> made = successor_of(sa, false, pending.kes, more, plane);
  IkeMadeByPeer out;
  if (pending.ticket_request) out.ticket = ticket_for(*made, connection, plane);
  if (sa.own.asking == Asking::rekey_ike) {
    out.done.next = sa.state;
    out.done.then(NoteRival{.rival = std::move(made), .lower_nonce = lower_nonce(pending.kes)});
  } else {
    out.done.next = SaState::replaced;
    out.done.then(ReplaceIke{.successor = std::move(made)});
  }
  return out;
}

bool has_been_rekeyed(const IkeSa& sa) {
  if (sa.own.asking == Asking::rekey_ike) return sa.own.collided_ike != ike::IkeSpi();
  return sa.own.collided_in.value() != 0 && has_child(sa, sa.own.collided_in);
}

Transition yield(const IkeSa& sa) {
  Transition done{.next = sa.state};
  if (!has_been_rekeyed(sa)) {
    // Its key exchanges are still to come, if they do.
    done.then(RekeyLater{.child = sa.own.child_in, .after_ms = kFollowupKeMs});
    return done;
  }
  if (sa.own.asking == Asking::rekey_ike) {
    done.next = SaState::replaced;
    done.then(YieldIke{sa.own.collided_ike});
  } else {
    done.then(ReplaceChild{sa.own.child_in});
  }
  return done;
}

}  // namespace cp
