// Stage establish: the ticket is spent, the session and its Child SA come into being, message 4
// goes out.
//
// Commit order: leases are claimed, then the ticket is spent by one atomic operation. The one
// session that spends it goes on; a loser gives its leases back and is told AUTHENTICATION_FAILED.
// Everything after that point succeeds. RFC 5723 §4.3.3-4.3.4, §6.2.
#include "crypto/prf_plus.h"
#include "dataplane/message4.h"
#include "dataplane/punt.h"
#include "dataplane/seal_batch.h"
#include "dataplane/session_keys.h"
#include "dataplane/stages.h"

namespace dp {
namespace {

// The lanes whose ticket was still unspent. It is theirs now.
LaneSet spend_tickets(Burst& burst, LaneSet in, AuthTrip& trip, PerLane<Grant>& grants,
                      WorkerParts& w) {
  LaneSet winners;
  for (unsigned lane : in) {
    HalfOpen& half = *trip.half[lane];
    IssuerUse* use = w.used.find(half.issuer);
    if (use != nullptr && use->spend(half.serial)) {
      use->extend_validity(half.ticket.expires_s);  // the bit must outlive the ticket
      use->leave(half.serial);
      winners.add(lane);
      continue;
    }
    withdraw_grant(grants[lane], half, w.leases);
    fail(burst, lane, Drop::ticket_lost_race, ike::Notify::authentication_failed, trip);
  }
  return winners;
}

// KEYMAT = prf+(SK_d, Ni | Nr) with the nonces of messages 1 and 2 (RFC 7296 §2.17).
void derive_child_keys(crypto::Prf prf, LaneSet in, AuthTrip& trip, const PerLane<Grant>& grants,
                       const PerLane<std::uint8_t*>& keymats, WorkerParts& w) {
  const std::size_t count = in.size();
  auto* keys = w.scratch.take_array<crypto::PrfKey>(count);
  std::array<crypto::PrfKeyLane, kBurstMax> key_lanes;
  std::array<crypto::PrfPlusLane, kBurstMax> plus_lanes;
  std::size_t i = 0;
  for (unsigned lane : in) {
    HalfOpen& half = *trip.half[lane];
    std::uint8_t* work = w.scratch.take(crypto::kPrfLenMax + half.nonce_i_len + ike::kNonceLen + 1);
    const std::size_t len =
        ike::write_child_seed(half.nonce_i(), half.nonce_r, crypto::seed_of(work));
    key_lanes[i] = {ike::split_ike_keymat(half.ticket.suite, half.keymat).sk_d, &keys[i]};
    plus_lanes[i] = {
        &keys[i], work, len, {keymats[lane], ike::child_keymat_len(grants[lane].choice.suite)}};
    ++i;
  }
  w.engine.prepare(prf, {key_lanes.data(), count});
  crypto::prf_plus(w.engine, prf, {plus_lanes.data(), count});
}

// The Child SA stands in the ESP table before message 4 leaves: the peer may use it at once.
bool install(const Burst& burst, unsigned lane, AuthTrip& trip, Grant& grant, crypto::Bytes keymat,
             WorkerParts& w) {
  static constexpr ike::SelectorList kLeasesOnly{};
  const HalfOpen& half = *trip.half[lane];
  trip.child_spi[lane] = w.esp.spis().fresh(w.index, half.slot, w.random);
  const EspInstall child{
      .spi_in = trip.child_spi[lane],
      .spi_out = ike::EspSpi(crypto::load_be32(grant.choice.spi.data())),
      .suite = grant.choice.suite,
      .ike_spi_r = half.spi_r,
      .ip4_lease = grant.ip4_lease,
      .ip6_lease = grant.ip6_lease,
      .ts_local = &grant.ts_r,
      .ts_remote = is_leases_only(grant.ts_i, grant.ip4_lease, grant.ip6_lease, w) ? &kLeasesOnly
                                                                                   : &grant.ts_i,
      .limits = w.config.connections[half.connection].child_limits,
      .keymat = keymat};
  return install_child(half.slot, child, peer_path(burst, lane), w);
}

void make_children(const Burst& burst, LaneSet in, AuthTrip& trip, PerLane<Grant>& grants,
                   WorkerParts& w) {
  LaneSet with_child;
  PerLane<std::uint8_t*> keymats;
  for (unsigned lane : in) {
    if (grants[lane].child_error != 0) {
      w.counters.child_failures.add();
      continue;
    }
    keymats[lane] = w.scratch.take(ike::kChildKeymatMax);
    with_child.add(lane);
  }
  for_each_prf(
      with_child, [&](unsigned lane) -> const ike::Suite& { return trip.half[lane]->ticket.suite; },
      [&](crypto::Prf prf, LaneSet same) {
        derive_child_keys(prf, same, trip, grants, keymats, w);
      });
  for (unsigned lane : with_child) {
    const std::size_t len = ike::child_keymat_len(grants[lane].choice.suite);
    if (install(burst, lane, trip, grants[lane], {keymats[lane], len}, w)) continue;
    grants[lane].child_error = static_cast<std::uint16_t>(ike::Notify::no_additional_sas);
    w.counters.child_failures.add();
  }
}

// Fills the established record with what the session needs from here on. SK_pi, SK_pr and the
// ticket's state go with the half-open record.
void record_session(Session& session, unsigned lane, const AuthTrip& trip, const Burst& burst,
                    const NewTicket& ticket, std::size_t response_len, WorkerParts& w) {
  const HalfOpen& half = *trip.half[lane];
  const Grant& grant = trip.grant[lane];
  session.spi_i = half.spi_i;
  session.spi_r = half.spi_r;
  session.request_hash = half.request_hash;
  if (ticket.stamp.issuer != nullptr) session.issuer = ticket.stamp.issuer->issuer();
  session.serial = ticket.stamp.serial;
  session.tx_counter = 1;
  session.established_ms = session.seen_ms = w.now.ms;
  session.full_auth_s = half.ticket.full_auth_s;
  session.ip4_lease = grant.ip4_lease;
  session.ip6_lease = grant.ip6_lease;
  session.connection = half.ticket.connection;
  session.connection_index = half.connection;
  session.resumptions = static_cast<std::uint16_t>(half.ticket.resumptions + 1);
  session.suite = half.ticket.suite;
  session.auth_method = half.ticket.auth_method;
  session.auth_form = trip.form[lane];
  session.post_quantum = half.ticket.flags.post_quantum;
  session.fragmentation = half.fragmentation;
  session.mobike = takes_mobike(half, trip.request[lane], w);
  note_path(session, burst, lane);
  const std::size_t keys_len = kept_keys_len(session.suite);
  const ike::TicketState& ticket_state = half.ticket;
  const std::array<crypto::Bytes, 3> ids = {ticket_state.id_i, ticket_state.id_r,
                                            ticket_state.eap_identity};
  const std::size_t ids_len = ids[0].size() + ids[1].size() + ids[2].size();
  crypto::MutBytes packed = w.sessions.blob(session, keys_len + ids_len + response_len);
  if (packed.empty()) {
    // No spill record left: the session lives without its last response and its identities.
    packed = w.sessions.blob(session, keys_len);
    std::memcpy(packed.data(), half.keymat.data(), keys_len);
    return;
  }
  std::memcpy(packed.data(), half.keymat.data(), keys_len);
  std::uint8_t* to = packed.data() + keys_len;
  for (const crypto::Bytes id : ids) to = std::copy(id.begin(), id.end(), to);
  session.id_i_len = static_cast<std::uint16_t>(ids[0].size());
  session.id_r_len = static_cast<std::uint16_t>(ids[1].size());
  session.eap_identity_len = static_cast<std::uint16_t>(ids[2].size());
  session.response_len = static_cast<std::uint16_t>(response_len);
}

// RFC 5723 §4.3.4: the SA that the ticket came from ends silently, found by its SPIs and not by
// identity.
void end_old_session(const HalfOpen& half, const SpiParts& old, WorkerParts& w) {
  if (old.owner == w.index) {
    if (w.sessions.find(old).state != SlotState::free)
      end_replaced(half.ticket.spi_i, half.ticket.spi_r, w);
  } else if (old.owner < w.config.worker_count) {
    w.close_boxes[old.owner].post(half.ticket.spi_r);
  } else if (is_control_spi(old)) {
    punt_superseded(half.ticket.spi_i, half.ticket.spi_r, w);
  }
}

void end_old_sessions(LaneSet in, const AuthTrip& trip, WorkerParts& w) {
  PerLane<ike::IkeSpi> spis;
  PerLane<SpiParts> old;
  std::size_t count = 0;
  for (unsigned lane : in) spis[count++] = trip.half[lane]->ticket.spi_r;
  w.codec.decode(std::span(spis).first(count), old);
  count = 0;
  for (unsigned lane : in) end_old_session(*trip.half[lane], old[count++], w);
}

// Sealed messages are kept for retransmission and become frames.
void send(Burst& burst, const SealBatch& batch, const PerLane<Session*>& sessions, WorkerParts& w) {
  for (unsigned lane : batch.lanes()) {
    const crypto::Bytes message = batch.message(lane);
    Session& session = *sessions[lane];
    if (session.response_len != 0)
      std::memcpy(w.sessions.blob(session, 0).data() + response_offset(session), message.data(),
                  message.size());
  }
  for (unsigned lane : batch.lanes()) {
    const std::size_t len = batch.message(lane).size();
    if (turn_into_reply(burst, lane, len, w.link, w.port.can_offload_checksums())) {
      burst.reply(lane);
      w.counters.resumptions.add();
    } else {
      burst.drop(lane, Drop::reply_too_large);
    }
  }
}

}  // namespace

LaneSet establish(Burst& burst, LaneSet in, AuthTrip& trip, WorkerParts& w) {
  if (in.empty()) return in;
  PerLane<Grant>& grants = trip.grant;
  for (unsigned lane : in) prefetch_leases(trip.request[lane], *trip.half[lane], w.leases);
  for (unsigned lane : in) {
    w.sessions.prefetch_records(trip.half[lane]->slot);
    decide_grant(trip.request[lane], *trip.half[lane], burst.path[lane],
                 w.config.child_of(trip.half[lane]->connection), w.leases, grants[lane]);
    w.esp.prefetch_whole(trip.half[lane]->slot);
    w.esp_routes.prefetch(EspRoutes::Family::ip4, grants[lane].ip4_lease);
    w.esp_routes.prefetch(EspRoutes::Family::ip6, grants[lane].ip6_lease);
  }
  const LaneSet winners = spend_tickets(burst, in, trip, grants, w);
  PerLane<Session*> sessions;
  for (unsigned lane : winners) sessions[lane] = &w.sessions.establish(*trip.half[lane]);
  make_children(burst, winners, trip, grants, w);
  PerLane<NewTicket> tickets;
  issue_tickets(winners, trip, grants, tickets, w);

  SealBatch batch;
  for (unsigned lane : winners) {
    const std::size_t len = write_message4(burst, lane, trip, grants[lane], tickets[lane], w);
    if (len == 0) burst.drop(lane, Drop::reply_too_large);
    record_session(*sessions[lane], lane, trip, burst, tickets[lane], len, w);
    if (len == 0) continue;
    const SessionKeys keys = session_keys(*sessions[lane], w.sessions.blob(*sessions[lane], 0));
    batch.add(lane, burst.reply_room(lane).first(len),
              {sessions[lane]->suite, keys.sk_er, keys.sk_ar});
  }
  batch.seal(w.engine);
  send(burst, batch, sessions, w);
  end_old_sessions(winners, trip, w);
  for (unsigned lane : winners) {
    HalfOpen& half = *trip.half[lane];
    w.sources.leave(half.prefix_bucket);
    w.fragments.forget(half);
    w.sessions.finish_half(half);
  }
  return winners;
}

}  // namespace dp
