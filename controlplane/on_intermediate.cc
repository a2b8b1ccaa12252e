// IKE_INTERMEDIATE: the exchanges between IKE_SA_INIT and IKE_AUTH, which carry additional key
// exchanges and are covered by AUTH. RFC 9242, RFC 9370 §2.2.2.
//
// Nobody is authenticated yet, so whatever is wrong ends the half-open SA.
#include "controlplane/handlers.h"
#include "controlplane/ke_groups.h"
#include "crypto/base/error.h"
#include "crypto/prf_plus.h"
#include "ike/intermediate.h"
#include "ike/key_schedule.h"

namespace cp {
namespace {

// Seven additional key exchanges, and one exchange about something that we do not know.
constexpr std::uint32_t kIntermediatesMax = ike::AdditionalKes::kMax + 1;

Octets int_auth(const IkeSa& sa, crypto::Bytes sk_p, const ike::IntAuthInput& input, Plane& plane) {
  Octets octets(ike::int_auth_octets_len(input));
  CHECK(ike::write_int_auth_octets(input, octets) == octets.size());
  Octets mac(ike::prf_len(sa.suite));
  crypto::prf_once(plane.engine, ike::prf_of(sa.suite.prf), sk_p, octets, mac.data());
  crypto::secure_zero(octets);
  return mac;
}

// Under the keys that protect both messages, which are those before this exchange (RFC 9242
// §3.3.2).
void note_int_auth(const IkeSa& sa, const Request& request, ike::ChainBuilder& answer, Plane& plane,
                   NoteIntermediate& out) {
  const Handshake& h = *sa.handshake;
  ike::IntAuthInput asked{
      .previous = h.int_auth_i, .head = {}, .first_inner = request.first, .inner = request.inner};
  CHECK(ike::read_int_auth_head(request.message, request.header, asked));
  out.int_auth_i = int_auth(sa, sa.keys().sk_pi, asked, plane);
  ike::Header header = sa.answer_header(request.header.exchange, request.header.message_id);
  header.next_payload = ike::PayloadType::sk;
  std::array<std::uint8_t, ike::kHeaderLen> head;
  ike::write_header(header, head.data());
  const ike::IntAuthInput answered{.previous = h.int_auth_r,
                                   .head = head,
                                   .first_inner = answer.first_type(),
                                   .inner = answer.writer().written()};
  out.int_auth_r = int_auth(sa, sa.keys().sk_pr, answered, plane);
}

// Our half of the key exchange that is owed, and the keys after it. False when the peer's half is
// bad.
bool exchange_keys(const IkeSa& sa, const ike::KeMessage& message, Plane& plane, Octets& answer,
                   NoteIntermediate& out) {
  const Handshake& h = *sa.handshake;
  const auto group = ke_group(message.ke);
  if (!group) return false;
  crypto::SecretBytes shared(crypto::ke_shared_len(*group));
  if (!crypto::KeyExchange::respond(*group, message.ke_data, answer, shared.fill())) return false;
  const std::size_t len = ike::ike_keymat_len(sa.suite);
  ike::derive_updated_keys(plane.engine, sa.suite, sa.keys().sk_d, shared.reveal(), h.nonce_i,
                           h.nonce_r, sa.spi_i, sa.spi_r,
                           crypto::MutBytes(out.keymat.fill()).first(len));
  out.has_keys = true;
  return true;
}

}  // namespace

Transition on_intermediate(const IkeSa& sa, const Request& request, Plane& plane,
                           ike::ChainBuilder& answer) {
  const Handshake& h = *sa.handshake;
  ike::KeMessage message;
  ike::PayloadType offending = ike::PayloadType::none;
  const ike::ParseError error =
      ike::parse_ke_message(request.first, request.inner, message, offending);
  if (error != ike::ParseError::none) {
    ++plane.counters.intermediate_refused;
    return refuse_malformed(sa, error, offending, plane, answer);
  }
  const std::size_t next = h.next_ke;
  const bool is_owed = next != ike::AdditionalKes::kMax;
  const ike::KeId owed = is_owed ? sa.suite.additional.at(next) : ike::KeId::none;
  NoteIntermediate done;
  Octets ke;
  // RFC 9370 §2.2.2: the methods come in the order of their transform types.
  if (!h.has_intermediate || h.intermediates == kIntermediatesMax || message.has_ke != is_owed ||
      message.ke != owed || (is_owed && !exchange_keys(sa, message, plane, ke, done))) {
    ++plane.counters.intermediate_refused;
    return refuse_auth(ike::Notify::invalid_syntax, answer);
  }
  ike::write_ke_message(answer, {.ke = owed, .ke_data = ke});
  note_int_auth(sa, request, answer, plane, done);
  const bool more = sa.suite.additional.next(next + 1) < ike::AdditionalKes::kMax;
  Transition noted{.next = more ? SaState::intermediate : SaState::half_open};
  noted.then(std::move(done));
  return noted;
}

}  // namespace cp
