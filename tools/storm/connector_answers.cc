// What arrives for connecting clients: the answers of IKE_SA_INIT and IKE_AUTH, and refusals.
#include <algorithm>
#include <utility>

#include "controlplane/ke_groups.h"
#include "crypto/base/secret.h"
#include "ike/proposal.h"
#include "tools/storm/connector.h"
#include "tools/storm/connector_batch.h"

namespace storm {
namespace {

constexpr std::uint8_t kGroupChangesMax = 3;

bool holds(const auto& range, const auto& value) {
  return std::ranges::find(range, value) != std::ranges::end(range);
}

}  // namespace

void Connector::begin_burst() {
  batch_->secret_count = batch_->answer_count = 0;
  lanes_.begin_burst();
}

void Connector::end_burst(std::uint64_t now_ns) {
  write_messages3();
  open_protected();
  judge_opened(now_ns);
}

void Connector::take_answer(Flight& f, crypto::Bytes message, const ike::Header& header) {
  if (header.exchange == ike::Exchange::ike_sa_init) {
    take_init_answer(f, message);
  } else {
    take_protected(f, message, header);
  }
}

void Connector::take_init_answer(Flight& f, crypto::Bytes message) {
  if (f.state != FlightState::message1) return totals_.late.add();
  ike::SaInitAnswer answer;
  if (ike::parse_sa_init_answer(message, answer) != ike::ParseError::none)
    return totals_.unreadable.add();
  switch (answer.kind) {
    case ike::SaInitAnswerKind::cookie:
      return answer_cookie(f, answer.cookie);
    case ike::SaInitAnswerKind::invalid_ke:
      return take_wanted_group(f, answer.wanted_ke);
    case ike::SaInitAnswerKind::error_notify:
      return finish(f, answer.error == std::to_underlying(ike::Notify::no_proposal_chosen)
                           ? Outcome::no_proposal
                           : Outcome::error_notify);
    case ike::SaInitAnswerKind::response:
      break;
  }
  Handshake& h = handshake_of(f);
  ike::Choice choice;
  if (ike::read_chosen(answer.sa, ike::Protocol::ike, choice) != ike::ParseError::none ||
      !holds(config_.ike_suites, choice.suite))
    return finish(f, Outcome::no_proposal);
  const std::size_t at = batch_->secret_count;
  // RFC 7296 §2.7: the group chosen is that of the KE payloads of both sides.
  if (choice.suite.ke != h.ke || answer.ke != h.ke ||
      !h.key->derive(answer.ke_data, batch_->shared[at]))
    return finish(f, Outcome::wrong_ke);
  // A second message 2 for this flight, in this burst or later, is late.
  f.state = FlightState::message3;
  f.spi_r = answer.spi_r;
  h.suite = choice.suite;
  h.message2.assign(message.begin(), message.end());
  batch_->ids[at] = identity_.body(f.client);
  SecretLane& lane = batch_->secrets[batch_->secret_count++];
  lane.flight = &f;
  lane.suite = choice.suite;
  lane.shared = crypto::Bytes(batch_->shared[at]).first(crypto::ke_shared_len(h.key->group()));
  h.key.reset();
  lane.nonce_r = answer.nonce;
  lane.id_i = octets_of(batch_->ids[at]);
}

// RFC 7296 §1.2: the exchange is repeated with the group that the gateway wants, if it was offered.
void Connector::take_wanted_group(Flight& f, ike::KeId wanted) {
  Handshake& h = handshake_of(f);
  const bool offered = std::ranges::any_of(
      config_.ike_suites, [wanted](const ike::Suite& suite) { return suite.ke == wanted; });
  if (!offered || wanted == h.ke || f.challenges >= kGroupChangesMax)
    return finish(f, Outcome::wrong_ke);
  totals_.invalid_ke.add();
  ++f.challenges;
  h.ke = wanted;
  h.key = keys_.take(*cp::ke_group(wanted));
  write_message1(f, {});
  enqueue(f);
}

void Connector::write_messages3() {
  const std::span<SecretLane> lanes = std::span(batch_->secrets).first(batch_->secret_count);
  if (lanes.empty()) return;
  handshake_crypto_.derive(lanes);
  for (const SecretLane& lane : lanes) {
    Flight& f = *lane.flight;
    f.child_spi = draw_child_spi(config_.first_client + f.client, random_);
    ike::AuthOffer offer;
    offer.id_i_body = lane.id_i;
    offer.id_r_body = octets_of(config_.id_r);
    offer.auth = {lane.auth_i.data(), ike::prf_len(lane.suite)};
    offer.has_config = true;
    offer.config.wants_ip4 = true;
    offer.child_suite = config_.child_suite;
    offer.child_spi = f.child_spi;
    offer.ts_i = offer.ts_r = &child_.selectors(false);
    offer.ticket_request = config_.ticket_request;
    offer.initial_contact = true;
    lanes_.write(f, lane.suite, ike::Exchange::ike_auth, 1,
                 [&](ike::ChainBuilder& chain) { ike::write_auth_offer(chain, offer); });
  }
  for (const SealLane& lane : lanes_.seal()) enqueue(*lane.flight);
  crypto::secure_zero(batch_->shared.data(), lanes.size() * sizeof batch_->shared[0]);
}

void Connector::take_protected(Flight& f, crypto::Bytes message, const ike::Header& header) {
  if (f.state != FlightState::message3 || header.exchange != ike::Exchange::ike_auth ||
      header.message_id != ike::MessageId(1) || header.spi_r != f.spi_r)
    return totals_.late.add();
  if (!lanes_.read(f, handshake_of(f).suite, message, header)) totals_.unreadable.add();
}

void Connector::open_protected() {
  for (const OpenLane& lane : lanes_.open()) {
    Flight& f = *lane.flight;
    const std::span<Flight*> seen = std::span(batch_->flights).first(batch_->answer_count);
    if (!lane.ok) {
      totals_.wrong_icv.add();  // RFC 7296 §2.21: changes nothing.
    } else if (f.state != FlightState::message3 || holds(seen, &f)) {
      totals_.late.add();  // The same message twice in one burst.
    } else {
      sort_opened(f, lane);
    }
  }
}

void Connector::sort_opened(Flight& f, const OpenLane& lane) {
  crypto::Bytes inner;
  ike::AuthAnswer& answer = batch_->answers[batch_->answer_count];
  if (ike::strip_padding({lane.plaintext, lane.sk.ciphertext.size()}, inner) !=
          ike::ParseError::none ||
      ike::parse_auth_answer(lane.sk.first_inner, inner, answer) != ike::ParseError::none)
    return finish(f, Outcome::malformed);
  if (!answer.has_auth && answer.error != 0) return finish(f, refusal_of(answer));
  if (!answer.has_id_r ||
      (!config_.id_r.empty() && !std::ranges::equal(answer.id_r.body, octets_of(config_.id_r))))
    return finish(f, Outcome::wrong_identity);
  if (!answer.has_auth || answer.auth.method != ike::AuthMethod::shared_key)
    return finish(f, Outcome::wrong_auth);
  const Handshake& h = handshake_of(f);
  VerifyLane& verify = batch_->verifies[batch_->answer_count];
  verify.flight = &f;
  verify.suite = h.suite;
  verify.message2 = h.message2;
  verify.id_r = answer.id_r.body;
  verify.auth = answer.auth.data;
  verify.place = batch_->answer_count;
  batch_->flights[batch_->answer_count++] = &f;
}

void Connector::judge_opened(std::uint64_t now_ns) {
  const std::span<VerifyLane> lanes = std::span(batch_->verifies).first(batch_->answer_count);
  if (lanes.empty()) return;
  handshake_crypto_.verify(lanes);
  for (const VerifyLane& lane : lanes) {
    Flight& f = *lane.flight;
    const ike::AuthAnswer& answer = batch_->answers[lane.place];
    ike::EspSpi child_spi;
    if (!lane.ok) {
      finish(f, Outcome::wrong_auth);
    } else if (answer.error != 0) {
      finish(f, Outcome::child_refused);
    } else if (!child_.agrees_with(answer, false, child_spi)) {
      finish(f, Outcome::wrong_child);
    } else {
      accept(f, answer, child_spi, now_ns);
    }
  }
}

void Connector::accept(Flight& f, const ike::AuthAnswer& answer, ike::EspSpi child_spi,
                       std::uint64_t now_ns) {
  if (answer.config.has_ip4) totals_.addresses.add();
  const std::string id_i = identity_.body(f.client);
  const Credential client{
      .suite = handshake_of(f).suite, .id_i = octets_of(id_i), .id_r = answer.id_r.body};
  establish(f, Outcome::connected, child_, child_spi, answer, client, now_ns);
}

}  // namespace storm
