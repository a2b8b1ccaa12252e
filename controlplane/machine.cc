// The way of a message through the control thread.
#include "controlplane/machine.h"

#include <algorithm>

#include "controlplane/handlers.h"
#include "controlplane/path_text.h"
#include "ike/crash_detection.h"
#include "ike/sk_fragment.h"

namespace cp {
namespace {

using enum SaState;

constexpr std::array<bool, static_cast<std::size_t>(SaState::count)> to(
    std::initializer_list<SaState> states) {
  std::array<bool, static_cast<std::size_t>(SaState::count)> allowed{};
  for (const SaState s : states) allowed[static_cast<std::size_t>(s)] = true;
  return allowed;
}

// RFC 7296 §1.2-1.4, §2.16, §2.18; RFC 9242 §3.2; RFC 9370 §2.2. A pair that does not stand here is
// an unexpected exchange.
constexpr Edge kEdges[] = {
    {intermediate, ike::Exchange::ike_intermediate, on_intermediate,
     to({intermediate, half_open, closed})},
    {half_open, ike::Exchange::ike_intermediate, on_intermediate, to({half_open, closed})},
    {half_open, ike::Exchange::ike_auth, on_auth, to({eap, established, closed})},
    {eap, ike::Exchange::ike_auth, on_eap_auth, to({eap, established, closed})},
    {established, ike::Exchange::create_child_sa, on_create_child, to({established, replaced})},
    {established, ike::Exchange::ike_followup_ke, on_followup_ke, to({established, replaced})},
    {established, ike::Exchange::informational, on_informational, to({established, closed})},
    {replaced, ike::Exchange::create_child_sa, on_create_child, to({replaced})},
    {replaced, ike::Exchange::ike_followup_ke, on_followup_ke, to({replaced})},
    {replaced, ike::Exchange::informational, on_informational, to({replaced, closed})},
};

consteval bool edges_are_unique() {
  for (const Edge& a : kEdges)
    for (const Edge& b : kEdges)
      if (&a != &b && a.from == b.from && a.exchange == b.exchange) return false;
  return true;
}
static_assert(edges_are_unique());

// RFC 7383 §2.6.1: a repeated request is answered once, at its first fragment.
bool is_later_fragment(crypto::Bytes message, const ike::Header& header) {
  constexpr std::size_t kNumberAt = ike::kHeaderLen + 4;
  return header.next_payload == ike::PayloadType::skf && message.size() >= kNumberAt + 2 &&
         crypto::load_be16(message.data() + kNumberAt) != 1;
}

// The shortest protected request: an empty SK payload in an AEAD suite. An answer in clear to what
// is shorter would make us an amplifier.
constexpr std::size_t kProtectedMin = ike::kHeaderLen + 4 + 8 + 1 + 16;

bool is_protected(const ike::Header& header, crypto::Bytes message) {
  return (header.next_payload == ike::PayloadType::sk ||
          header.next_payload == ike::PayloadType::skf) &&
         message.size() >= kProtectedMin;
}

// RFC 7296 §2.6: the flag says whose SPI is ours.
ike::IkeSpi our_spi(const ike::Header& header) {
  return header.from_initiator() ? header.spi_r : header.spi_i;
}

bool is_of(const IkeSa& sa, const ike::Header& header) {
  return sa.spi_i == header.spi_i && sa.spi_r == header.spi_r &&
         header.from_initiator() != sa.we_initiated;
}

// Overwrites what was decrypted or written, when it has served.
class Wipe {
 public:
  explicit Wipe(crypto::MutBytes octets) : octets_(octets) {}
  ~Wipe() { crypto::secure_zero(octets_); }
  Wipe(const Wipe&) = delete;
  Wipe& operator=(const Wipe&) = delete;

 private:
  crypto::MutBytes octets_;
};

// Of the plaintext buffer, what opening a message may have written.
crypto::MutBytes written_part(crypto::MutBytes plaintext, crypto::Bytes message,
                              const ike::OpenedMessage& opened) {
  return plaintext.first(std::min(plaintext.size(), std::max(message.size(), opened.inner.size())));
}

Transition unexpected(const IkeSa& sa, Plane& plane, ike::ChainBuilder& answer) {
  ++plane.counters.unexpected;
  return refuse(sa, ike::Notify::invalid_syntax, answer);
}

}  // namespace

const Edge* find_edge(SaState from, ike::Exchange exchange) {
  for (const Edge& edge : kEdges)
    if (edge.from == from && edge.exchange == exchange) return &edge;
  return nullptr;
}

std::span<const Edge> all_edges() { return kEdges; }

void Machine::receive(unsigned worker, const dp::Punt& punt) {
  switch (punt.kind) {
    case dp::PuntKind::message:
      return receive_message({worker, punt.path, punt.message_octets()});
    case dp::PuntKind::adopted:
      return adopt(worker, punt);
    case dp::PuntKind::superseded:
      return supersede(punt);
    case dp::PuntKind::peer_moved:
      return peer_moved(worker, punt);
    case dp::PuntKind::child_worn:
    case dp::PuntKind::child_spent:
      return child_worn(punt);
    case dp::PuntKind::reported:
      return;  // nothing of an SA
  }
}

void Machine::receive_message(Arrival from) {
  ike::Header& header = from.header;
  if (ike::parse_header(from.message, header) != ike::ParseError::none) {
    ++plane_.counters.bad_header;
    return;
  }
  if (header.exchange == ike::Exchange::ike_sa_init) return receive_sa_init(from);
  IkeSa* sa = table_.find(our_spi(header));
  if (sa == nullptr || !is_of(*sa, header)) return receive_for_nobody(from);
  if (header.is_response()) return receive_answer(*sa, from);
  receive_request(*sa, from);
}

void Machine::receive_sa_init(const Arrival& from) {
  const ike::Header& header = from.header;
  if (header.is_response() || !header.from_initiator() || header.spi_r.value() != 0) {
    ++plane_.counters.bad_header;
    return;
  }
  ++plane_.counters.requests;
  // RFC 7296 §2.1: the same octets again get the same answer; others are a new exchange.
  if (const IkeSa* known = table_.find_initiator(header.spi_i, from.path);
      known != nullptr && std::ranges::equal(known->handshake->message1, from.message)) {
    ++plane_.counters.repeated;
    return send(from.worker, from.path, known->handshake->message2);
  }
  const dp::AdmissionConfig& admission = plane_.workers_config.admission;
  if (table_.half_open_count() >= admission.half_open_max ||
      (admission.half_open_per_prefix != 0 &&
       table_.half_open_count(from.path) >= admission.half_open_per_prefix)) {
    ++plane_.counters.half_open_limit;
    return;
  }
  if (table_.size() >=
      std::size_t{plane_.workers_config.sessions_max} * plane_.workers_config.worker_count) {
    ++plane_.counters.sas_limit;
    return;
  }
  SaInitOutcome outcome = on_sa_init(from.path, from.message, header, plane_);
  if (outcome.sa != nullptr) {
    outcome.sa->worker = static_cast<std::uint8_t>(from.worker);
    schedule(table_.add(std::move(outcome.sa)));
  } else {
    ++plane_.counters.sa_init_refused;
  }
  if (!outcome.answer.empty()) send(from.worker, from.path, outcome.answer);
}

void Machine::receive_request(IkeSa& sa, const Arrival& from) {
  ++plane_.counters.requests;
  switch (sa.window.sort_request(from.header.message_id)) {
    case ExchangeWindow::Turn::stale:
      ++plane_.counters.stale;
      return;
    case ExchangeWindow::Turn::repeated:
      return repeat_answer(sa, from);
    case ExchangeWindow::Turn::fresh:
      break;
  }
  if (!is_authenticated(sa.state) && find_edge(sa.state, from.header.exchange) == nullptr) {
    ++plane_.counters.unexpected;
    return;
  }
  if (sa.handshake != nullptr && !derive_handshake_keys(sa, plane_)) {
    ++plane_.counters.malformed;
    return close(sa);
  }
  receive_protected(sa, from);
}

// A message whose turn it is. What it holds is wiped when it has served.
void Machine::receive_protected(IkeSa& sa, const Arrival& from) {
  ike::OpenedMessage opened;
  const ike::SkOutcome outcome = unprotect(sa, from.message, from.header, opened);
  const Wipe wipe(written_part(plaintext_, from.message, opened));
  switch (outcome) {
    case ike::SkOutcome::dropped:
      ++plane_.counters.bad_icv;
      return;
    case ike::SkOutcome::stored:
    case ike::SkOutcome::redundant:
      return;
    case ike::SkOutcome::malformed:
    case ike::SkOutcome::opened:
      break;
  }
  heard(sa, from);
  const Request message{from.path, from.header, opened.first_inner, opened.inner, from.message};
  if (from.header.is_response()) return take_answer(sa, message, opened.error);
  serve(sa, message, opened.error);
}

// RFC 7296 §2.1. Only for an authentic repetition: whoever merely knows the SPIs gets nothing sent,
// least of all to an address that he made up.
void Machine::repeat_answer(const IkeSa& sa, const Arrival& from) {
  if (sa.window.answer_pending() || is_later_fragment(from.message, from.header)) return;
  if (!is_authentic(sa, from.message, from.header)) {
    ++plane_.counters.bad_icv;
    return;
  }
  ++plane_.counters.repeated;
  for (const Octets& datagram : sa.window.last_answer()) send(from.worker, from.path, datagram);
}

// An authentic message came. Before authentication is complete the client may still
// move to port 4500; afterwards its address follows it only through a NAT and without MOBIKE, which
// says so itself (RFC 7296 §2.23, RFC 4555 §3.8).
void Machine::heard(IkeSa& sa, const Arrival& from) {
  sa.heard_ms = plane_.now.ms;
  sa.worker = static_cast<std::uint8_t>(from.worker);
  if (from.path == sa.path) return;
  const bool moves = !is_authenticated(sa.state) || (sa.nat_there && !sa.mobike);
  if (!moves) return;
  sa.path = from.path;
  ++plane_.counters.moved;
  if (!sa.children.empty()) move_children(sa);
}

void Machine::serve(IkeSa& sa, const Request& request, ike::ParseError fault) {
  sa.window.begin_answer();
  crypto::ByteWriter writer(answer_);
  ike::ChainBuilder chain(writer);
  const Edge* edge = find_edge(sa.state, request.header.exchange);
  Transition decided;
  if (fault != ike::ParseError::none) {
    decided = refuse_malformed(sa, fault, ike::PayloadType::none, plane_, chain);
  } else if (edge == nullptr) {
    decided = unexpected(sa, plane_, chain);
  } else {
    decided = edge->serve(sa, request, plane_, chain);
    CHECK(edge->to[static_cast<std::size_t>(decided.next)]);
  }
  const bool now = !decided.deferred;
  if (now) keep_answer(sa, request.header, chain, writer);
  apply(sa, std::move(decided), now ? &request.path : nullptr);
}

void Machine::eap_progressed(ike::IkeSpi our_spi) {
  IkeSa* sa = table_.find(our_spi);
  if (sa == nullptr || sa->state != eap || !sa->window.answer_pending()) return;
  crypto::ByteWriter writer(answer_);
  ike::ChainBuilder chain(writer);
  Transition decided = on_eap_progress(*sa, plane_, chain);
  const ike::Header header{.spi_i = sa->spi_i,
                           .spi_r = sa->spi_r,
                           .exchange = ike::Exchange::ike_auth,
                           .message_id = sa->window.next_request()};
  const bool now = !decided.deferred;
  if (now) keep_answer(*sa, header, chain, writer);
  const dp::PeerPath path = sa->path;
  apply(*sa, std::move(decided), now ? &path : nullptr);
}

// Protects what the handler wrote; the window keeps it.
void Machine::keep_answer(IkeSa& sa, const ike::Header& request, const ike::ChainBuilder& chain,
                          crypto::ByteWriter& writer) {
  CHECK(writer.ok());
  const Wipe wipe(crypto::MutBytes(answer_).first(writer.size()));
  const ike::Header header = sa.answer_header(request.exchange, request.message_id);
  Datagrams datagrams = protect(sa, header, chain.first_type(), writer.written());
  if (datagrams.empty())
    plane_.log.error(
        "{:016x}: an answer of {} octets does not fit a message of this client, which "
        "takes no fragments: send fewer certificates",
        sa.our_spi().value(), writer.size());
  sa.window.answered(std::move(datagrams));
}

void Machine::receive_answer(IkeSa& sa, const Arrival& from) {
  ++plane_.counters.responses;
  if (!sa.window.is_awaited(from.header.message_id)) {
    ++plane_.counters.stale;
    return;
  }
  receive_protected(sa, from);
}

void Machine::take_answer(IkeSa& sa, const Answer& answer, ike::ParseError fault) {
  if (fault != ike::ParseError::none) {
    ++plane_.counters.malformed;
    return;
  }
  Transition decided = on_answer(sa, answer);
  sa.window.completed();
  sa.own = {};
  apply(sa, std::move(decided));
}

// A token kills an SA at its peer, so it must never be told for one that is alive: neither by the
// SPI that is ours by the I flag, nor by the other one, because a stranger who saw the SPIs can
// turn the flag round (RFC 6290 §9.3).
bool Machine::may_be_alive(const ike::Header& header) {
  for (const ike::IkeSpi spi : {header.spi_i, header.spi_r})
    if (const IkeSa* sa = table_.find(spi);
        sa != nullptr && sa->spi_i == header.spi_i && sa->spi_r == header.spi_r)
      return true;
  return false;
}

// The peer may not have got the answer that its SA ended with (RFC 7296 §2.1).
void Machine::receive_for_nobody(const Arrival& from) {
  const ike::Header& header = from.header;
  const IkeSa* ended = ended_.find(our_spi(header));
  if (ended != nullptr && is_of(*ended, header) && !header.is_response() &&
      ended->window.sort_request(header.message_id) == ExchangeWindow::Turn::repeated) {
    ++plane_.counters.requests;
    return repeat_answer(*ended, from);
  }
  ++plane_.counters.unknown_spi;
  answer_unknown_spi(from);
}

// RFC 7296 §2.21.4, RFC 6290: a peer whose SA we lost is told so, at a bounded rate. What a peer
// says in the responder's role may name an SA of a worker's, of which this thread cannot know:
// nothing is said to that.
void Machine::answer_unknown_spi(const Arrival& from) {
  const ike::Header& header = from.header;
  if (header.is_response() || !header.from_initiator()) return;
  if (!is_protected(header, from.message) || may_be_alive(header)) return;
  if (!crash_answers_.take(plane_.now.ms)) {
    ++plane_.counters.crash_answers_limited;
    return;
  }
  std::array<std::uint8_t, ike::kQcdTokenLen> token;
  ike::derive_qcd_token(plane_.engine, plane_.qcd_secret, header.spi_i, header.spi_r, token.data());
  std::array<std::uint8_t, ike::kCrashAnswerMax> message;
  const std::size_t len = ike::write_crash_answer(header, token, message);
  if (len == 0) return;
  ++plane_.counters.crash_answers;
  send(from.worker, from.path, crypto::Bytes(message).first(len));
}

}  // namespace cp
