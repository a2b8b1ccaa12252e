// What arrives: messages 2 and 4, challenges, refusals.
#include <algorithm>
#include <utility>

#include "crypto/base/secret.h"
#include "ike/proposal.h"
#include "tools/storm/initiator.h"
#include "tools/storm/initiator_batch.h"

namespace storm {
namespace {

constexpr std::uint8_t kChallengesMax = 3;
constexpr std::uint32_t kEspSpiMin = 256;  // RFC 4303 §2.1

bool same(crypto::Bytes a, crypto::Bytes b) { return std::ranges::equal(a, b); }

// True when every selector given lies within what was offered.
bool within(const ike::SelectorList& given, const ike::SelectorList& offered) {
  if (given.count == 0) return false;
  ike::SelectorList allowed;
  ike::narrow(given, offered, allowed);
  return allowed.count == given.count &&
         std::equal(allowed.items.begin(), allowed.items.begin() + allowed.count,
                    given.items.begin());
}

}  // namespace

void Initiator::receive(std::span<const crypto::Bytes> messages, std::uint64_t now_ns) {
  while (!messages.empty()) {
    const std::size_t count = std::min(messages.size(), kBatchMax);
    receive_batch(messages.first(count), now_ns);
    messages = messages.subspan(count);
  }
}

void Initiator::receive_batch(std::span<const crypto::Bytes> messages, std::uint64_t now_ns) {
  std::array<std::uint32_t, kBatchMax> places;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    places[i] = place_named_by(messages[i]);
    if (places[i] != kNoFlight) __builtin_prefetch(&flights_[places[i]]);
  }
  batch_->key_count = batch_->open_count = 0;
  totals_.received.add(messages.size());
  for (std::size_t i = 0; i < messages.size(); ++i) {
    if (places[i] == kNoFlight) {
      totals_.late.add();
    } else {
      take_answer(flights_[places[i]], messages[i]);
    }
  }
  write_messages3();
  open_protected(now_ns);
}

std::uint32_t Initiator::place_named_by(crypto::Bytes message) const {
  if (message.size() < ike::kHeaderLen) return kNoFlight;
  const std::uint32_t client = client_of(ike::IkeSpi(crypto::load_be64(message.data())));
  return client < place_.size() ? place_[client] : kNoFlight;
}

void Initiator::take_answer(Flight& f, crypto::Bytes message) {
  ike::Header header;
  if (message.size() > kAnswerMax || ike::parse_header(message, header) != ike::ParseError::none ||
      !header.is_response() || header.from_initiator()) {
    totals_.unreadable.add();
  } else if (header.spi_i != f.spi_i) {
    totals_.late.add();
  } else if (header.exchange == ike::Exchange::ike_session_resume) {
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
      // RFC 7296 §2.6: 1 to 64 octets. A gateway that takes none of our cookies is not obeyed for
      // ever.
      if (answer.cookie.empty() || answer.cookie.size() > 64) return totals_.unreadable.add();
      totals_.cookies.add();
      if (f.challenges++ >= kChallengesMax) return;
      write_message1(f, answer.cookie);
      return enqueue(f);
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
  std::size_t count = 0;
  for (const KeyLane& lane : lanes) {
    Flight& f = *lane.flight;
    const Credential& c = lane.credential;
    f.child_spi = ike::EspSpi(kEspSpiMin +
                              static_cast<std::uint32_t>(random_.below(0xffffffffu - kEspSpiMin)));
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
    offer.ts_i = offer.ts_r = c.has_ip6 ? &any46_ : &any4_;
    offer.ticket_request = config_.ticket_request;

    ike::Header header;
    header.spi_i = f.spi_i;
    header.spi_r = f.spi_r;
    header.exchange = ike::Exchange::ike_auth;
    header.flags = ike::kFlagInitiator;
    header.message_id = ike::MessageId(1);
    ike::SkBuilder message(crypto::MutBytes(f.request).first(kRequestMax), header, c.suite);
    ike::write_auth_offer(message.chain(), offer);
    std::array<std::uint8_t, 16> iv;
    const std::size_t iv_len = write_iv(c.suite, 1, random_, iv);
    const std::size_t len = message.finish({iv.data(), iv_len});
    CHECK(len != 0);
    f.request_len = static_cast<std::uint16_t>(len);
    const ike::IkeKeys keys = ike::split_ike_keymat(c.suite, f.keymat);
    batch_->seals[count++] = {&f, c.suite, keys.sk_ei, keys.sk_ai, {f.request.data(), len}};
  }
  crypto_.seal(std::span(batch_->seals).first(count));
  for (const SealLane& lane : std::span(batch_->seals).first(count)) enqueue(*lane.flight);
}

void Initiator::take_protected(Flight& f, crypto::Bytes message, const ike::Header& header) {
  const bool auth = f.state == FlightState::message3 &&
                    header.exchange == ike::Exchange::ike_auth &&
                    header.message_id == ike::MessageId(1);
  const bool dpd = f.state == FlightState::dpd && header.exchange == ike::Exchange::informational &&
                   header.message_id == ike::MessageId(2);
  if (!(auth || dpd) || header.spi_r != f.spi_r) return totals_.late.add();
  const ike::Suite suite = bag_.at(f.client).suite;
  OpenLane& lane = batch_->opens[batch_->open_count];
  if (ike::find_sk(message, header, suite, lane.sk) != ike::ParseError::none || lane.sk.fragment)
    return totals_.unreadable.add();
  const ike::IkeKeys keys = ike::split_ike_keymat(suite, f.keymat);
  lane.flight = &f;
  lane.suite = suite;
  lane.sk_e = keys.sk_er;
  lane.sk_a = keys.sk_ar;
  lane.plaintext = batch_->plaintexts[batch_->open_count++].data();
  lane.ok = false;
}

void Initiator::open_protected(std::uint64_t now_ns) {
  const std::span<OpenLane> lanes = std::span(batch_->opens).first(batch_->open_count);
  if (lanes.empty()) return;
  crypto_.open(lanes);
  for (const OpenLane& lane : lanes) {
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
  if (!answer.has_auth && answer.error != 0)
    return answer.error == std::to_underlying(ike::Notify::authentication_failed)
               ? Outcome::auth_refused
               : Outcome::exchange_refused;
  if (!answer.has_id_r || !same(answer.id_r.body, old.id_r)) return Outcome::wrong_identity;
  // RFC 5723 §4.3.3: the value is computed as for a shared secret, and so is the method.
  if (!answer.has_auth || answer.auth.method != ike::AuthMethod::shared_key ||
      !crypto::ct_equal(answer.auth.data, {f.auth_r.data(), ike::prf_len(old.suite)}))
    return Outcome::wrong_auth;
  if (answer.error != 0) return Outcome::child_refused;
  return child_is_sane(old, answer, child_spi) ? Outcome::resumed : Outcome::wrong_child;
}

bool Initiator::child_is_sane(const Credential& old, const ike::AuthAnswer& answer,
                              ike::EspSpi& child_spi) const {
  ike::Choice choice;
  if (!answer.has_sa ||
      !ike::choose(answer.sa, ike::Protocol::esp, {&config_.child_suite, 1}, choice))
    return false;
  if (choice.proposal_number != 1 || choice.spi.size() != 4) return false;
  child_spi = ike::EspSpi(crypto::load_be32(choice.spi.data()));
  const ike::SelectorList& offered = old.has_ip6 ? any46_ : any4_;
  return child_spi.value() >= kEspSpiMin && within(answer.ts_i, offered) &&
         within(answer.ts_r, offered);
}

void Initiator::accept(Flight& f, const Credential& old, const ike::AuthAnswer& answer,
                       ike::EspSpi child_spi, std::uint64_t now_ns) {
  const ike::ConfigReply& given = answer.config;
  if (old.has_ip4 || old.has_ip6) {
    const bool kept = (!old.has_ip4 || (given.has_ip4 && given.ip4 == old.ip4)) &&
                      (!old.has_ip6 || (given.has_ip6 && given.ip6 == old.ip6));
    (kept ? totals_.address_kept : totals_.address_changed).add();
  }
  if (!answer.ticket.empty()) totals_.tickets.add();
  latency_->record(now_ns - f.scheduled_ns);
  totals_.last_resumed_ns.set(now_ns);
  if (config_.dpd) keep_for_dpd(f, old.suite);
  if (sink_ != nullptr) {
    Established session{.client = f.client,
                        .spi_i = f.spi_i,
                        .spi_r = f.spi_r,
                        .keys = ike::split_ike_keymat(old.suite, f.keymat),
                        .child_spi_in = f.child_spi,
                        .child_spi_out = child_spi,
                        .child_keys = ike::split_child_keymat(config_.child_suite, f.child_keymat),
                        .renewed = old,
                        .ticket_lifetime_s = answer.ticket_lifetime_s};
    session.renewed.spi_i = f.spi_i;
    session.renewed.spi_r = f.spi_r;
    session.renewed.sk_d = session.keys.sk_d;
    session.renewed.ticket = answer.ticket;
    session.renewed.expires_s = 0;
    session.renewed.has_ip4 = given.has_ip4;
    session.renewed.has_ip6 = given.has_ip6;
    session.renewed.ip4 = given.ip4;
    session.renewed.ip6 = given.ip6;
    sink_->established(session);
  }
  finish(f, Outcome::resumed);
}

}  // namespace storm
