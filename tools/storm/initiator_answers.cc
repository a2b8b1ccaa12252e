// What arrives: messages 2 and 4, challenges, refusals.
#include <algorithm>
#include <utility>

#include "crypto/base/secret.h"
#include "tools/storm/initiator.h"
#include "tools/storm/initiator_batch.h"

namespace storm {
namespace {

bool same(crypto::Bytes a, crypto::Bytes b) { return std::ranges::equal(a, b); }

}  // namespace

void Initiator::begin_burst() {
  batch_->key_count = 0;
  lanes_.begin_burst();
}

void Initiator::end_burst(std::uint64_t now_ns) {
  write_messages3();
  open_protected(now_ns);
}

void Initiator::take_answer(Flight& f, crypto::Bytes message, const ike::Header& header) {
  if (header.exchange == ike::Exchange::ike_session_resume) {
    take_resume_answer(f, message);
  } else {
    take_protected(f, message, header);
  }
}

void Initiator::take_resume_answer(Flight& f, crypto::Bytes message) {
  if (f.state != FlightState::message1) return totals_.late.add();
  ike::ResumeAnswer answer;
  if (ike::parse_resume_answer(message, answer) != ike::ParseError::none)
    return totals_.unreadable.add();
  switch (answer.kind) {
    case ike::ResumeAnswerKind::nack:
      return finish(f, Outcome::nack);
    case ike::ResumeAnswerKind::error_notify:
      return finish(f, Outcome::error_notify);
    case ike::ResumeAnswerKind::cookie:
      return answer_cookie(f, answer.cookie);
    case ike::ResumeAnswerKind::response:
      break;
  }
  // A second message 2 for this flight, in this burst or later, is late.
  f.state = FlightState::message3;
  f.spi_r = answer.spi_r;
  KeyLane& lane = batch_->keys[batch_->key_count++];
  lane.flight = &f;
  lane.credential = bag_.at(f.client);
  lane.message2 = message;
  lane.nonce_r = answer.nonce;
}

void Initiator::write_messages3() {
  const std::span<KeyLane> lanes = std::span(batch_->keys).first(batch_->key_count);
  if (lanes.empty()) return;
  crypto_.derive(lanes);
  for (const KeyLane& lane : lanes) {
    Flight& f = *lane.flight;
    const Credential& c = lane.credential;
    f.child_spi = draw_child_spi(config_.first_client + f.client, random_);
    ike::AuthOffer offer;
    offer.id_i_body = c.id_i;
    offer.id_r_body = c.id_r;
    offer.auth = {lane.auth_i.data(), ike::prf_len(c.suite)};
    offer.has_config = true;
    offer.config.wants_ip4 = c.has_ip4 || !c.has_ip6;
    offer.config.has_ip4_wish = c.has_ip4;
    offer.config.ip4_wish = c.ip4;
    offer.config.wants_ip6 = offer.config.has_ip6_wish = c.has_ip6;
    offer.config.ip6_wish = c.ip6;
    offer.child_suite = config_.child_suite;
    offer.child_spi = f.child_spi;
    offer.ts_i = offer.ts_r = &child_.selectors(c.has_ip6);
    offer.ticket_request = config_.ticket_request;
    lanes_.write(f, c.suite, ike::Exchange::ike_auth, 1,
                 [&](ike::ChainBuilder& chain) { ike::write_auth_offer(chain, offer); });
  }
  for (const SealLane& lane : lanes_.seal()) enqueue(*lane.flight);
}

void Initiator::take_protected(Flight& f, crypto::Bytes message, const ike::Header& header) {
  const bool auth = f.state == FlightState::message3 &&
                    header.exchange == ike::Exchange::ike_auth &&
                    header.message_id == ike::MessageId(1);
  const bool dpd = f.state == FlightState::dpd && header.exchange == ike::Exchange::informational &&
                   header.message_id == ike::MessageId(2);
  if (!(auth || dpd) || header.spi_r != f.spi_r) return totals_.late.add();
  if (!lanes_.read(f, bag_.at(f.client).suite, message, header)) totals_.unreadable.add();
}

void Initiator::open_protected(std::uint64_t now_ns) {
  for (const OpenLane& lane : lanes_.open()) {
    Flight& f = *lane.flight;
    if (!lane.ok) {
      totals_.wrong_icv.add();  // RFC 7296 §2.21: changes nothing.
    } else if (f.state == FlightState::message3) {
      take_auth_answer(f, lane, now_ns);
    } else if (f.state == FlightState::dpd) {
      take_dpd_answer(f, lane, now_ns);
    } else {
      totals_.late.add();  // The same message twice in one burst.
    }
  }
}

void Initiator::take_auth_answer(Flight& f, const OpenLane& lane, std::uint64_t now_ns) {
  crypto::Bytes inner;
  ike::AuthAnswer& answer = batch_->answer;
  if (ike::strip_padding({lane.plaintext, lane.sk.ciphertext.size()}, inner) !=
          ike::ParseError::none ||
      ike::parse_auth_answer(lane.sk.first_inner, inner, answer) != ike::ParseError::none)
    return finish(f, Outcome::malformed);
  const Credential old = bag_.at(f.client);
  ike::EspSpi child_spi;
  const Outcome outcome = judge(f, old, answer, child_spi);
  if (outcome != Outcome::resumed) return finish(f, outcome);
  accept(f, old, answer, child_spi, now_ns);
}

Outcome Initiator::judge(const Flight& f, const Credential& old, const ike::AuthAnswer& answer,
                         ike::EspSpi& child_spi) const {
  if (!answer.has_auth && answer.error != 0) return refusal_of(answer);
  if (!answer.has_id_r || !same(answer.id_r.body, old.id_r)) return Outcome::wrong_identity;
  // RFC 5723 §4.3.3: the value is computed as for a shared secret, and so is the method.
  if (!answer.has_auth || answer.auth.method != ike::AuthMethod::shared_key ||
      !crypto::ct_equal(answer.auth.data, {f.auth_r.data(), ike::prf_len(old.suite)}))
    return Outcome::wrong_auth;
  if (answer.error != 0) return Outcome::child_refused;
  return child_.agrees_with(answer, old.has_ip6, child_spi) ? Outcome::resumed
                                                            : Outcome::wrong_child;
}

void Initiator::accept(Flight& f, const Credential& old, const ike::AuthAnswer& answer,
                       ike::EspSpi child_spi, std::uint64_t now_ns) {
  const ike::ConfigReply& given = answer.config;
  if (old.has_ip4 || old.has_ip6) {
    const bool kept = (!old.has_ip4 || (given.has_ip4 && given.ip4 == old.ip4)) &&
                      (!old.has_ip6 || (given.has_ip6 && given.ip6 == old.ip6));
    (kept ? totals_.address_kept : totals_.address_changed).add();
  }
  if (config_.dpd) keep_for_dpd(f, old.suite);
  establish(f, Outcome::resumed, child_, child_spi, answer, old, now_ns);
}

}  // namespace storm
