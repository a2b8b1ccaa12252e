// Carrying out what handlers decided: the only code that changes an IKE SA.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "controlplane/handlers.h"
#include "controlplane/identity_text.h"
#include "controlplane/lifetimes.h"
#include "controlplane/machine.h"

namespace cp {
namespace {

// How long a rekeyed IKE SA waits for the Delete of the side that rekeyed it.
constexpr std::uint64_t kReplacedMs = 30'000;

}  // namespace

// One overload for each kind of action.
struct Machine::Applier {
  Machine& m;
  IkeSa& sa;
  void operator()(NoteIntermediate& a) const {
    Handshake& h = *sa.handshake;
    h.int_auth_i = std::move(a.int_auth_i);
    h.int_auth_r = std::move(a.int_auth_r);
    ++h.intermediates;
    ++m.plane_.counters.intermediates;
    if (!a.has_keys) return;
    h.next_ke = sa.suite.additional.next(h.next_ke + 1);
    h.former_id = ike::MessageId(h.intermediates);
    h.former_keymat = std::move(sa.keymat);
    sa.keymat = std::move(a.keymat);
  }
  void operator()(BeginEap& a) const {
    Handshake& h = *sa.handshake;
    h.first_inner = a.first_inner;
    h.inner = std::move(a.inner);
    h.proof_first = a.proof_first;
    h.proof = std::move(a.proof);
    h.eap = std::move(a.eap);
    h.eap_connection = a.connection;
    sa.peer_id = std::move(a.peer_id);
    sa.own_id = std::move(a.own_id);
    ++m.plane_.counters.eap_started;
  }
  void operator()(Authenticate& a) const { m.authenticate(sa, a); }
  void operator()(AddChild& a) const { m.install(sa, a); }
  void operator()(RemoveChild& a) const {
    const auto at = std::ranges::find(sa.children, a.spi_in, &ChildSa::spi_in);
    if (at == sa.children.end()) return;
    m.uninstall(sa, *at);
    sa.children.erase(at);
    ++m.plane_.counters.children_deleted;
  }
  void operator()(ReplaceChild& a) const {
    ChildSa* child = sa.child(a.spi_in);
    if (child == nullptr || child->replaced) return;
    child->replaced = true;
    child->rekey_at_ms = ExchangeWindow::kNever;
    ++m.plane_.counters.children_rekeyed;
  }
  void operator()(ReplaceIke& a) const { m.replace_ike(sa, a); }
  void operator()(NoteRival& a) const {
    IkeSa& rival = m.add_successor(std::move(a.rival));
    rival.ip4.reset();
    rival.ip6.reset();
    rival.rival_of = sa.our_spi();
    sa.own.collided_ike = rival.our_spi();
    sa.own.collided_nonce = std::move(a.lower_nonce);
    ++m.plane_.counters.rekeys_crossed;
    m.schedule(rival);
  }
  void operator()(YieldIke& a) const { m.yield_ike(sa, a.rival); }
  void operator()(TakeOver&) const {
    IkeSa* old = m.table_.find(sa.rival_of);
    if (old == nullptr) return;
    m.inherit(*old, sa);
    old->state = SaState::replaced;
    m.schedule(*old);
  }
  void operator()(DropIke& a) const {
    IkeSa& redundant = m.add_successor(std::move(a.redundant));
    redundant.ip4.reset();
    redundant.ip6.reset();
    redundant.delete_wanted = true;
    m.ask_next(redundant);
    m.schedule(redundant);
  }
  void operator()(AwaitKe& a) const { sa.pending_ke = std::move(a.pending); }
  void operator()(AdvanceKe& a) const {
    KeChain& kes = sa.pending_ke->kes;
    kes.more = join_secrets(kes.more.reveal(), a.secret.reveal());
    kes.link = std::move(a.link);
    kes.next_ke = kes.suite.additional.next(kes.next_ke + 1);
  }
  void operator()(ForgetKe&) const { sa.pending_ke.reset(); }
  void operator()(AskKe& a) const {
    if (!sa.window.may_ask()) return;  // the last Message ID is used up
    m.ask(sa, ike::Exchange::ike_followup_ke, std::move(a.own), a.first, a.inner);
  }
  void operator()(NoteTicket& a) const {
    sa.issuer = a.issuer;
    sa.serial = a.serial;
    ++m.plane_.counters.tickets;
  }
  void operator()(Move& a) const {
    sa.path = a.path;
    if (a.nat_told) {
      sa.nat_here = a.nat_here;
      sa.nat_there = a.nat_there;
    }
    ++m.plane_.counters.moved;
    m.move_children(sa);
  }
  void operator()(NoteCollision& a) const {
    sa.own.collided_in = a.new_in;
    sa.own.collided_nonce = std::move(a.lower_nonce);
    ++m.plane_.counters.rekeys_crossed;
  }
  void operator()(DeleteChild& a) const {
    if (ChildSa* child = sa.child(a.spi_in)) child->delete_wanted = true;
  }
  void operator()(DeleteIke&) const { sa.delete_wanted = true; }
  void operator()(RevokeTicket&) const {
    m.plane_.tickets.revoke(sa);
    sa.serial = ike::TicketSerial(0);
    ++m.plane_.counters.tickets_revoked;
  }
  void operator()(RekeyLater& a) const {
    const std::uint64_t at = m.plane_.now.ms + a.after_ms;
    if (a.child.value() == 0) {
      sa.rekey_at_ms = at;
      sa.rekey_group = a.group;
    } else if (ChildSa* child = sa.child(a.child)) {
      child->rekey_at_ms = at;
      child->rekey_group = a.group;
    }
  }
};

void Machine::apply_one(IkeSa& sa, Action& action) { std::visit(Applier{*this, sa}, action); }

void Machine::apply(IkeSa& sa, Transition transition, const dp::PeerPath* answer_to) {
  for (Action& action : transition.actions) apply_one(sa, action);
  if (answer_to != nullptr) send_all(sa, *answer_to, sa.window.last_answer());
  sa.state = transition.next;
  if (sa.state == SaState::closed) {
    std::unique_ptr<IkeSa> ended = end(sa);
    if (answer_to == nullptr) return forget(std::move(ended));
    ended_.keep(std::move(ended), plane_.now.ms);
    return forget_ended();
  }
  ask_next(sa);
  schedule(sa);
}

void Machine::authenticate(IkeSa& sa, Authenticate& action) {
  const Connection& connection = *plane_.policy->connection(action.connection);
  sa.connection = connection.name;
  sa.connection_id = connection.id;
  sa.peer_id = std::move(action.peer_id);
  sa.own_id = std::move(action.own_id);
  sa.eap_identity = std::move(action.eap_identity);
  sa.auth_method = action.method;
  sa.mobike = action.mobike;
  sa.post_quantum = ike::is_post_quantum(sa.suite);
  sa.ip4 = action.ip4;
  sa.ip6 = action.ip6;
  sa.full_auth_s = plane_.now.unix_s;
  sa.established_ms = plane_.now.ms;
  sa.handshake.reset();
  set_lifetimes(sa, connection, plane_);
  table_.authenticated(sa);
  ++plane_.counters.handshakes;
  plane_.log.debug("{:016x}: {} authenticated in {}", sa.our_spi().value(),
                   identity_text(sa.peer_id), sa.connection);
  enforce_uniqueness(sa, action.initial_contact);
}

// RFC 7296 §2.4 and the connection's `unique`. Other SAs of the identity end without a word: their
// peer has said, or shown, that it lost them.
void Machine::enforce_uniqueness(const IkeSa& sa, bool initial_contact) {
  const Connection* connection = plane_.policy->connection(sa.connection_id);
  if (connection == nullptr || connection->unique == Unique::never) return;
  if (connection->unique != Unique::replace && !initial_contact) return;
  for (IkeSa* other : table_.find_identity(sa.peer_id)) {
    if (other == &sa || other->connection_id != sa.connection_id ||
        !other->is_same_user(sa.peer_id, sa.eap_identity))
      continue;
    other->state = SaState::closed;
    forget(end(*other));
  }
}

// A letter about what belongs to the SA. It is late when the ring is full, but it arrives.
void Machine::post(const IkeSa& sa, unsigned worker, dp::OrderKind kind, dp::ChildInstall child) {
  OrderBox::Letter letter{
      .kind = kind, .path = sa.path, .spi_r = sa.our_spi(), .child = std::move(child)};
  crypto::secure_zero(child.keymat);
  letter.path.non_esp_marker = sa.encapsulates();
  if (!orders_.post(worker, letter)) ++plane_.counters.orders_kept;
}

void Machine::install(IkeSa& sa, AddChild& action) {
  ChildSa& child = sa.children.emplace_back(action.child);
  // The answer leaves by that worker too, behind the order: before the peer can send.
  sa.worker = child.worker = static_cast<std::uint8_t>(plane_.workers.worker_of(child.spi_in));
  const Connection* connection = plane_.policy->connection(sa.connection_id);
  if (connection != nullptr) set_lifetimes(child, *connection, plane_);
  ++plane_.counters.children_made;
  dp::ChildInstall install{.spi_in = child.spi_in,
                           .spi_out = child.spi_out,
                           .suite = child.suite,
                           .we_initiated = child.we_initiated,
                           .ike_spi_r = sa.our_spi(),
                           .ip4_lease = sa.ip4 ? plane_.workers.index4(*sa.ip4) : dp::kNoLease,
                           .ip6_lease = sa.ip6 ? plane_.workers.index6(*sa.ip6) : dp::kNoLease,
                           .limits = connection ? connection->child_limits() : dp::ChildLimits{},
                           .ts_local = child.ts_local,
                           .ts_remote = child.ts_remote};
  std::ranges::copy(action.keymat.reveal(), install.keymat.begin());
  post(sa, child.worker, dp::OrderKind::install_child, install);
  crypto::secure_zero(install.keymat);
}

void Machine::uninstall(const IkeSa& sa, const ChildSa& child) {
  post(sa, child.worker, dp::OrderKind::remove_child, {.spi_in = child.spi_in});
}

void Machine::move_children(const IkeSa& sa) {
  for (const ChildSa& child : sa.children)
    post(sa, child.worker, dp::OrderKind::move_child, {.spi_in = child.spi_in});
}

// The worker forgets the place of a resumed SA that it handed over.
void Machine::release_at_worker(const IkeSa& sa) {
  post(sa, sa.adopted_from, dp::OrderKind::release, {});
}

IkeSa& Machine::add_successor(std::unique_ptr<IkeSa> successor) {
  IkeSa& added = table_.add(std::move(successor));
  table_.authenticated(added);
  return added;
}

void Machine::replace_ike(IkeSa& sa, ReplaceIke& action) {
  IkeSa& fresh = add_successor(std::move(action.successor));
  IkeSa* rival = table_.find(action.rival);
  inherit(rival != nullptr && !is_rival(*rival) ? *rival : sa, fresh);
  if (rival == nullptr) return;
  // RFC 7296 §2.8.2: redundant; the peer made it and deletes it.
  rival->rival_of = {};
  rival->state = SaState::replaced;
  rival->ends_at_ms = plane_.now.ms + kReplacedMs;
  schedule(*rival);
}

void Machine::yield_ike(IkeSa& sa, ike::IkeSpi to) {
  IkeSa* rival = table_.find(to);
  if (rival != nullptr && rival->rival_of == sa.our_spi()) inherit(sa, *rival);
}

// RFC 7296 §2.18: the new SA inherits all Child SAs; the old one waits for its Delete.
void Machine::inherit(IkeSa& from, IkeSa& to) {
  to.children = std::exchange(from.children, {});
  const ike::IkeSpi before = from.our_spi(), after = to.our_spi();
  to.ip4.reset();
  to.ip6.reset();
  if (from.ip4) to.ip4 = plane_.workers.lease4(&*from.ip4, after, before, 0);
  if (from.ip6) to.ip6 = plane_.workers.lease6(&*from.ip6, after, before, 0);
  // The client has resumed meanwhile, and what it had is that SA's: no other address stands for it.
  if (to.ip4 && to.ip4 != from.ip4) {
    plane_.workers.release4(*to.ip4, after);
    to.ip4.reset();
  }
  if (to.ip6 && to.ip6 != from.ip6) {
    plane_.workers.release6(*to.ip6, after);
    to.ip6.reset();
  }
  from.ip4.reset();
  from.ip6.reset();
  if (to.serial.value() == 0) {
    to.issuer = from.issuer;
    to.serial = from.serial;
  }
  from.serial = ike::TicketSerial(0);
  if (const Connection* connection = plane_.policy->connection(to.connection_id))
    set_lifetimes(to, *connection, plane_);
  from.pending_ke.reset();
  to.rival_of = {};
  move_children(to);  // their workers know them by the IKE SA that they belong to
  from.rekey_at_ms = ExchangeWindow::kNever;
  from.ends_at_ms = plane_.now.ms + kReplacedMs;
  ++plane_.counters.ike_rekeyed;
  // Somebody ended the old SA while we rekeyed it.
  to.delete_wanted = from.delete_wanted;
  schedule(to);
}

// What hangs on the SA goes, and it leaves the table.
std::unique_ptr<IkeSa> Machine::end(IkeSa& sa) {
  drop_fragments(sa);
  for (const ChildSa& child : sa.children) uninstall(sa, child);
  const ike::IkeSpi spi = sa.our_spi();
  if (IkeSa* old = table_.find(sa.rival_of)) {
    old->own.collided_ike = {};
    old->own.collided_nonce.clear();
  }
  if (IkeSa* rival = table_.find(sa.own.collided_ike)) rival->rival_of = {};
  if (sa.ip4) plane_.workers.release4(*sa.ip4, spi);
  if (sa.ip6) plane_.workers.release6(*sa.ip6, spi);
  if (sa.called_back) --called_back_;
  ++plane_.counters.ike_deleted;
  return table_.remove(spi);
}

// Until then its worker forwards messages of the SA.
void Machine::forget(std::unique_ptr<IkeSa> sa) {
  if (sa->adopted) release_at_worker(*sa);
}

void Machine::forget_ended() {
  while (std::unique_ptr<IkeSa> old = ended_.take_old(plane_.now.ms)) forget(std::move(old));
}

}  // namespace cp
