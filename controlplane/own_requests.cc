// Requests that the gateway sends on established SAs, one at a time, and their answers.
#include "controlplane/handlers.h"
#include "controlplane/machine.h"
#include "ike/informational.h"

namespace cp {
namespace {

constexpr std::uint64_t kNoPlaceRetryMs = 10'000;

// Inner payloads of a request, in a buffer of their own.
struct Inner {
  Octets buffer = Octets(dp::kSeamMessageMax);
  crypto::ByteWriter writer{buffer};
  ike::ChainBuilder chain{writer};
  crypto::Bytes octets() { return writer.written(); }
};

Transition stay(const IkeSa& sa) { return {.next = sa.state}; }

Transition on_child_deleted(const IkeSa& sa) {
  Transition done = stay(sa);
  done.then(RemoveChild{sa.own.child_in});
  return done;
}

}  // namespace

void Machine::ask(IkeSa& sa, ike::Exchange exchange, OwnRequest own, ike::PayloadType first,
                  crypto::Bytes inner) {
  CHECK(sa.window.may_ask());
  const ike::Header header{.spi_i = sa.spi_i,
                           .spi_r = sa.spi_r,
                           .exchange = exchange,
                           .flags = sa.we_initiated ? ike::kFlagInitiator : std::uint8_t{0},
                           .message_id = sa.window.own_id()};
  Datagrams datagrams = protect(sa, header, first, inner);
  CHECK(!datagrams.empty());
  send_all(sa, sa.path, datagrams);
  sa.own = std::move(own);
  sa.window.asked(std::move(datagrams), plane_.now.ms, plane_.retransmit);
}

void Machine::ask_liveness(IkeSa& sa) {
  ++plane_.counters.liveness_sent;
  ask(sa, ike::Exchange::informational, {.asking = Asking::liveness}, ike::PayloadType::none, {});
}

void Machine::ask_delete_ike(IkeSa& sa) {
  Inner inner;
  ike::write_informational(inner.chain, {.deletes_ike = true});
  ask(sa, ike::Exchange::informational, {.asking = Asking::delete_ike}, inner.chain.first_type(),
      inner.octets());
}

void Machine::ask_delete_child(IkeSa& sa, ike::EspSpi spi_in) {
  Inner inner;
  ike::write_informational(inner.chain, {.deleted_esp = {&spi_in, 1}});
  ask(sa, ike::Exchange::informational, {.asking = Asking::delete_child, .child_in = spi_in},
      inner.chain.first_type(), inner.octets());
}

void Machine::start_child_rekey(IkeSa& sa, ike::EspSpi spi_in) {
  ChildSa* child = sa.child(spi_in);
  if (sa.state != SaState::established || child == nullptr || !sa.window.may_ask()) return;
  if (sa.pending_ke != nullptr) {  // the peer is making something: afterwards
    child->rekey_at_ms = sa.pending_ke->kes.ends_at_ms;
    return schedule(sa);
  }
  child->rekey_at_ms = ExchangeWindow::kNever;
  // A reload may have taken the connection: what it gave lives until its end.
  const Connection* connection = plane_.policy->connection(sa.connection_id);
  if (connection == nullptr || child->replaced || child->delete_wanted) return;
  Inner inner;
  OwnRequest own = begin_child_rekey(*child, *connection, plane_, inner.chain);
  if (own.asking == Asking::nothing) return;
  if (own.new_spi.value() == 0) {  // all places are taken: later
    child->rekey_at_ms = plane_.now.ms + kNoPlaceRetryMs;
    return;
  }
  ask(sa, ike::Exchange::create_child_sa, std::move(own), inner.chain.first_type(), inner.octets());
}

void Machine::start_rekey(IkeSa& sa) {
  if (sa.state != SaState::established || is_rival(sa) || !sa.window.may_ask()) return;
  if (sa.pending_ke != nullptr) {
    sa.rekey_at_ms = sa.pending_ke->kes.ends_at_ms;
    return schedule(sa);
  }
  sa.rekey_at_ms = ExchangeWindow::kNever;
  const Connection* connection = plane_.policy->connection(sa.connection_id);
  if (connection == nullptr || sa.delete_wanted) return;
  Inner inner;
  OwnRequest own = begin_ike_rekey(sa, *connection, plane_, inner.chain);
  if (own.asking == Asking::nothing) return;
  ask(sa, ike::Exchange::create_child_sa, std::move(own), inner.chain.first_type(), inner.octets());
}

// What waits for its turn to be asked: ends first.
void Machine::ask_next(IkeSa& sa) {
  if (sa.state != SaState::established && sa.state != SaState::replaced) return;
  if (!sa.window.may_ask()) return;
  if (sa.delete_wanted) return ask_delete_ike(sa);
  for (ChildSa& child : sa.children)
    if (child.delete_wanted) {
      child.delete_wanted = false;
      return ask_delete_child(sa, child.spi_in);
    }
}

Transition Machine::on_answer(const IkeSa& sa, const Answer& answer) {
  if (sa.own.kes != nullptr) return on_followup_answered(sa, answer, plane_);
  switch (sa.own.asking) {
    case Asking::rekey_child:
      return on_child_rekeyed(sa, answer, plane_);
    case Asking::rekey_ike:
      return on_ike_rekeyed(sa, answer, plane_);
    case Asking::delete_child:
      return on_child_deleted(sa);
    case Asking::delete_ike:
      return {.next = SaState::closed};
    case Asking::liveness:
    case Asking::nothing:
      break;
  }
  return stay(sa);
}

}  // namespace cp
