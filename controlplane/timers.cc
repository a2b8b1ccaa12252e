// What is due of IKE SAs without a message: retransmissions, liveness, rekeys, ends.
#include <algorithm>

#include "controlplane/machine.h"

namespace cp {
namespace {

bool wants_delete(const IkeSa& sa) {
  return sa.delete_wanted || std::ranges::any_of(sa.children, &ChildSa::delete_wanted);
}

// A round of EAP may wait for somebody to type; how many rounds and how long all of them may be is
// the business of EapAuthenticator.
constexpr std::uint64_t kEapRoundMs = 60'000;

// When we ask whether the peer is alive: it was silent for dpd_delay, and nothing is asked anyway.
std::uint64_t liveness_at_ms(const IkeSa& sa, const Plane& plane) {
  // Whose connection a reload took away is still looked after, lest it stays for ever.
  static const Connection kGone;
  const Connection* connection = plane.policy->connection(sa.connection_id);
  const std::uint64_t delay_s = (connection != nullptr ? connection : &kGone)->dpd_delay_s;
  return delay_s == 0 ? ExchangeWindow::kNever : sa.heard_ms + delay_s * 1000;
}

}  // namespace

void Machine::run_timers(unsigned limit) {
  forget_ended();
  for (unsigned i = 0; i < limit; ++i) {
    IkeSa* sa = table_.take_due(plane_.now.ms);
    if (sa == nullptr) return;
    look_after(*sa);
  }
}

std::uint64_t Machine::handshake_end_ms(const IkeSa& sa) const {
  if (sa.state == SaState::eap) return sa.heard_ms + kEapRoundMs;
  return sa.created_ms + plane_.workers_config.admission.half_open_timeout_ms;
}

void Machine::schedule(IkeSa& sa) {
  std::uint64_t at = std::min(sa.window.retransmit_at_ms(), sa.ends_at_ms);
  if (!is_authenticated(sa.state)) at = std::min(at, handshake_end_ms(sa));
  if (sa.pending_ke != nullptr) at = std::min(at, sa.pending_ke->kes.ends_at_ms);
  if (sa.fragments != nullptr) at = std::min(at, sa.fragments->since_ms + kFragmentsMs);
  if (sa.state == SaState::established) {
    for (const ChildSa& child : sa.children) at = std::min(at, child.ends_at_ms);
    if (sa.window.may_ask()) {
      if (wants_delete(sa)) at = plane_.now.ms;  // what a rekeyed IKE SA left
      at = std::min({at, sa.rekey_at_ms, liveness_at_ms(sa, plane_)});
      for (const ChildSa& child : sa.children) at = std::min(at, child.rekey_at_ms);
    }
  }
  table_.schedule(sa, at);
}

// One thing at a time; what it leaves is due again at once.
void Machine::look_after(IkeSa& sa) {
  const std::uint64_t now = plane_.now.ms;
  if (sa.fragments != nullptr && now >= sa.fragments->since_ms + kFragmentsMs) drop_fragments(sa);
  if (sa.pending_ke != nullptr && now >= sa.pending_ke->kes.ends_at_ms) {
    ++plane_.counters.followup_ke_lost;
    sa.pending_ke.reset();
  }
  if (!is_authenticated(sa.state)) {
    if (now < handshake_end_ms(sa)) return schedule(sa);
    ++plane_.counters.half_open_expired;
    return close(sa);
  }
  if (now >= sa.window.retransmit_at_ms()) {
    if (!sa.window.again(now, plane_.retransmit)) return peer_is_dead(sa);
    ++plane_.counters.retransmissions;
    send_all(sa, sa.path, sa.window.own_request());
    return schedule(sa);
  }
  if (now >= sa.ends_at_ms) {
    if (sa.state == SaState::replaced) return close(sa);
    return terminate(sa);
  }
  if (sa.state == SaState::established) look_after_established(sa);
  schedule(sa);
}

void Machine::look_after_established(IkeSa& sa) {
  const std::uint64_t now = plane_.now.ms;
  for (ChildSa& child : sa.children)
    if (now >= child.ends_at_ms) {
      child.delete_wanted = true;
      child.ends_at_ms = ExchangeWindow::kNever;
    }
  ask_next(sa);
  if (!sa.window.may_ask()) return;
  if (now >= sa.rekey_at_ms) return start_rekey(sa);
  for (const ChildSa& child : sa.children)
    if (now >= child.rekey_at_ms) return start_child_rekey(sa, child.spi_in);
  if (now >= liveness_at_ms(sa, plane_)) ask_liveness(sa);
}

// RFC 7296 §2.4: nothing came back for a request, so the SA and all that hangs on it is gone. The
// ticket stays: a client that lost the network comes back with it.
void Machine::peer_is_dead(IkeSa& sa) {
  if (sa.own.asking != Asking::delete_ike) {
    ++plane_.counters.peers_dead;
    plane_.log.info("{:016x}: peer does not answer; closed", sa.our_spi().value());
  }
  // It may have gone on with the one that it made itself.
  yield_ike(sa, sa.own.collided_ike);
  close(sa);
}

void Machine::close(IkeSa& sa) {
  sa.state = SaState::closed;
  forget(end(sa));
}

// The gateway ends the SA, so its ticket dies too.
void Machine::terminate(IkeSa& sa) {
  if (!is_authenticated(sa.state)) return close(sa);
  if (IkeSa* old = table_.find(sa.rival_of))
    return terminate(*old);  // and with it whoever survives
  if (sa.serial.value() != 0) ++plane_.counters.tickets_revoked;
  plane_.tickets.revoke(sa);
  sa.serial = ike::TicketSerial(0);
  sa.ends_at_ms = ExchangeWindow::kNever;
  sa.delete_wanted = true;
  ask_next(sa);
  schedule(sa);
}

}  // namespace cp
