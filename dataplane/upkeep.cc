// Upkeep between bursts: half-open time-outs, sessions past their lifetime, sessions replaced
// elsewhere.
#include "dataplane/punt.h"
#include "dataplane/reassembler.h"

namespace dp {
namespace {

constexpr unsigned kExpirePerCall = 32;
constexpr unsigned kClosePerCall = 32;

void expire_half_opens(WorkerParts& w) {
  const std::uint64_t timeout = w.config.admission.half_open_timeout_ms;
  if (w.now.ms < timeout) return;
  for (unsigned i = 0; i < kExpirePerCall; ++i) {
    HalfOpen* half = w.sessions.expired_half(w.now.ms - timeout);
    if (half == nullptr) return;
    end_half(*half, w);
    w.counters.drops[static_cast<std::size_t>(Drop::half_open_expired)].add();
  }
}

void close_replaced(WorkerParts& w) {
  for (unsigned i = 0; i < kClosePerCall; ++i) {
    const ike::IkeSpi spi = w.close_boxes[w.index].take();
    if (spi.value() == 0) return;
    end_replaced(ike::IkeSpi(0), spi, w);
  }
}

// One slot a call: a million slots are looked at in a few seconds, and no burst feels it.
void end_one_old_session(WorkerParts& w) {
  const std::uint32_t slot = w.sweep_slot;
  w.sweep_slot = slot + 1 < w.sessions.sessions_max() ? slot + 1 : 0;
  w.sessions.prefetch_session(w.sweep_slot);  // for the next call
  if (w.sessions.state(slot) != SlotState::established) return;
  const Session& session = w.sessions.session(slot);
  const std::uint64_t lifetime_ms = std::uint64_t{w.config.tickets.lifetime_s} * 1000;
  if (w.now.ms - session.established_ms > lifetime_ms) end_session(slot, w);
}

}  // namespace

void end_half(HalfOpen& half, WorkerParts& w) {
  if (IssuerUse* use = w.used.find(half.issuer)) use->leave(half.serial);
  w.sources.leave(half.prefix_bucket);
  w.requests.erase(half.request_hash);
  w.fragments.forget(half);
  w.sessions.close_half(half);
}

void end_session(std::uint32_t slot, WorkerParts& w) {
  const Session& session = w.sessions.session(slot);
  if (session.ip4_lease != kNoIndex) w.leases.release4(session.ip4_lease, session.spi_r);
  if (session.ip6_lease != kNoIndex) w.leases.release6(session.ip6_lease, session.spi_r);
  w.requests.erase(session.request_hash);
  remove_child(slot, w);
  w.sessions.close(slot);
}

void end_replaced(ike::IkeSpi spi_i, ike::IkeSpi spi_r, WorkerParts& w) {
  const SessionTable::Found found = w.sessions.find(w.codec.decode(spi_r));
  if (found.state != SlotState::established && found.state != SlotState::adopted) return;
  const Session& session = w.sessions.session(found.slot);
  if (spi_i.value() != 0 && session.spi_i != spi_i) return;
  if (found.state == SlotState::established)
    end_session(found.slot, w);
  else
    punt_superseded(session.spi_i, spi_r, w);
}

void upkeep(WorkerParts& w) {
  expire_half_opens(w);
  close_replaced(w);
  post_waiting_ends(w);
  end_one_old_session(w);
  if (const unsigned given_up = w.reassembler.expire(w.now.ms))
    w.counters.drops[static_cast<std::size_t>(Drop::ip_fragment_expired)].add(given_up);
  w.counters.sessions.set(w.sessions.established_count());
  w.counters.children.set(w.esp.live_count());
  w.counters.half_opens.set(w.sessions.half_open_count());
  w.counters.cookie_mode.set(w.cookies.demanded() ? 1 : 0);
}

}  // namespace dp
