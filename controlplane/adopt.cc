// Resumed SAs that their worker hands over, and SAs that a resumption elsewhere has replaced.
#include <algorithm>

#include "controlplane/handlers.h"
#include "controlplane/lifetimes.h"
#include "controlplane/machine.h"

namespace cp {
namespace {

// The part of keymat that a worker keeps is its beginning; SK_p* end with IKE_AUTH.
void take_keys(const dp::AdoptedSa& from, IkeSa& sa) {
  std::copy_n(from.keys.begin(), std::min<std::size_t>(from.keys_len, sa.keymat.fill().size()),
              sa.keymat.fill().begin());
}

void take_child(const dp::AdoptedSa& from, IkeSa& sa) {
  if (!from.has_child) return;
  ChildSa& child = sa.children.emplace_back();
  child.spi_in = from.child_in;
  child.spi_out = from.child_out;
  child.worker = sa.adopted_from;
  child.suite = from.child_suite;
  child.ts_local = from.ts_local;
  child.ts_remote = from.ts_remote.count != 0 ? from.ts_remote : leased_selectors(sa.ip4, sa.ip6);
}

}  // namespace

void Machine::adopt(unsigned worker, const dp::Punt& punt) {
  const dp::AdoptedSa& from = punt.sa;
  if (table_.find(from.spi_r) != nullptr) {
    ++plane_.counters.bad_header;  // handed over twice: the first one counts
    return;
  }
  auto made = std::make_unique<IkeSa>();
  made->spi_i = from.spi_i;
  made->spi_r = from.spi_r;
  made->state = SaState::established;
  made->suite = from.suite;
  take_keys(from, *made);
  made->tx_counter = from.tx_counter;
  made->window = ExchangeWindow(ike::MessageId(from.next_message_id));
  if (from.response_len != 0)
    made->window.keep_answer(
        {Octets(from.response.begin(), from.response.begin() + from.response_len)});
  made->path = punt.path;
  made->worker = static_cast<std::uint8_t>(worker);
  made->nat_there = punt.path.non_esp_marker;
  made->fragmentation = from.fragmentation;
  made->mobike = from.mobike;
  made->post_quantum = from.post_quantum;
  made->adopted = true;
  made->adopted_from = made->worker;
  made->peer_id.assign(from.id_i.begin(), from.id_i.begin() + from.id_i_len);
  made->own_id.assign(from.id_r.begin(), from.id_r.begin() + from.id_r_len);
  made->eap_identity.assign(from.eap_identity.begin(),
                            from.eap_identity.begin() + from.eap_identity_len);
  made->auth_method = from.auth_method;
  made->resumptions = from.resumptions;
  made->full_auth_s = from.full_auth_s;
  made->issuer = from.issuer;
  made->serial = from.serial;
  if (from.ip4_lease != dp::kNoLease) made->ip4 = plane_.workers.address4(from.ip4_lease);
  if (from.ip6_lease != dp::kNoLease) made->ip6 = plane_.workers.address6(from.ip6_lease);
  made->created_ms = made->established_ms = from.established_ms;
  made->heard_ms = plane_.now.ms;
  take_child(from, *made);
  name_connection(*made, from.connection_index);
  IkeSa& sa = table_.add(std::move(made));
  table_.authenticated(sa);
  ++plane_.counters.adopted;
  schedule(sa);
  if (recalls_.came(from.spi_r)) {
    sa.called_back = true;
    ++called_back_;
    return terminate(sa);
  }
  if (punt.message_len != 0) receive_message({worker, punt.path, punt.message_octets()});
}

void Machine::run_recalls() {
  for (unsigned i = 0; i < kRecallsPerRound; ++i) {
    const auto recall = recalls_.next(plane_.now.ms, called_back_);
    if (!recall) break;
    // It came of itself meanwhile.
    if (IkeSa* sa = table_.find(recall->spi_r)) {
      recalls_.came(recall->spi_r);
      terminate(*sa);
      continue;
    }
    OrderBox::Letter letter{
        .kind = dp::OrderKind::recall, .path = {}, .spi_r = recall->spi_r, .child = {}};
    if (!orders_.post(recall->worker, letter)) ++plane_.counters.orders_kept;
  }
  plane_.counters.recalls_lost = recalls_.lost();
}

// The connection that the ticket led to, which gives the SA and its Child SA their policy. It may
// be gone from the configuration since.
void Machine::name_connection(IkeSa& sa, std::uint16_t index) {
  const auto& connections = plane_.workers_config.connections;
  if (index >= connections.size()) return;
  sa.connection = connections[index].name;
  sa.connection_id = connections[index].id;
  const Connection* connection = plane_.policy->connection(sa.connection_id);
  if (connection == nullptr) return;
  set_lifetimes(sa, *connection, plane_);
  // Who we are in the tickets that this SA gets, if its worker does not know.
  if (sa.own_id.empty() && connection->full_handshakes)
    sa.own_id = plane_.policy->local_identity(*connection, {.local_address = sa.path.local_octets(),
                                                            .id_i = sa.peer_id,
                                                            .id_r = {},
                                                            .suite = &sa.suite});
  for (ChildSa& child : sa.children) set_lifetimes(child, *connection, plane_);
}

// RFC 5723 §4.3.4: the SA that the ticket came from ends without a word. Its leases passed to the
// resumed SA already.
void Machine::supersede(const dp::Punt& punt) {
  IkeSa* sa = table_.find(punt.spi_r);
  if (sa == nullptr || sa->peer_spi() != punt.spi_i) return;
  ++plane_.counters.superseded;
  sa->serial = ike::TicketSerial(0);
  if (IkeSa* rival = table_.find(sa->own.collided_ike)) close(*rival);
  close(*sa);
}

// RFC 7296 §2.23: authentic ESP came along another path, so our requests take it too.
void Machine::peer_moved(unsigned worker, const dp::Punt& punt) {
  IkeSa* sa = table_.find(punt.spi_r);
  if (sa == nullptr || sa->state != SaState::established) return;
  heard(*sa, {worker, punt.path, {}});
  schedule(*sa);
}

// A Child SA is rekeyed, or ends, before its time. What is outstanding already is waited for.
void Machine::child_worn(const dp::Punt& punt) {
  IkeSa* sa = table_.find(punt.spi_r);
  ChildSa* child = sa == nullptr ? nullptr : sa->child(punt.child_in);
  if (child == nullptr) return;
  (punt.kind == dp::PuntKind::child_spent ? child->ends_at_ms : child->rekey_at_ms) = plane_.now.ms;
  look_after(*sa);
}

}  // namespace cp
