// The inner payloads of messages 3 and 4.
#include "ike/auth_exchange.h"

#include <array>

#include "ike/proposal.h"
#include "ike/ticket_notify.h"

namespace ike {
namespace {

// Field by field: the two selector lists are large and are read only up to their counts.
void clear(AuthRequest& out) {
  out.has_id_i = out.has_id_r = out.has_auth = out.has_config = false;
  out.has_sa = out.has_ts_i = out.has_ts_r = false;
  out.id_i = {};
  out.id_r = {};
  out.auth = {};
  out.config = {};
  out.sa = {};
  out.ts_i.count = out.ts_r.count = 0;
  out.ticket_request = out.initial_contact = false;
  out.mobike_supported = out.tells_qcd_token = out.transport_mode = false;
}

ParseError take_request_notify(crypto::Bytes body, AuthRequest& out) {
  NotifyView notify;
  const ParseError e = parse_notify(body, notify);
  if (e != ParseError::none) return e;
  if (notify.is(Notify::ticket_request)) out.ticket_request = true;
  if (notify.is(Notify::initial_contact)) out.initial_contact = true;
  if (notify.is(Notify::mobike_supported)) out.mobike_supported = true;
  if (notify.is(Notify::quick_crash_detection)) out.tells_qcd_token = true;
  if (notify.is(Notify::use_transport_mode)) out.transport_mode = true;
  return ParseError::none;
}

ParseError take_sa(crypto::Bytes body, crypto::Bytes& out) {
  out = body;
  return check_sa(body);
}

ParseError take_request_config(crypto::Bytes body, AuthRequest& out) {
  bool is_request = false;
  ConfigRequest config;
  const ParseError e = parse_config(body, is_request, config);
  if (e != ParseError::none || !is_request) return e;
  if (!first_time(out.has_config)) return ParseError::duplicate_payload;
  out.config = config;
  return ParseError::none;
}

ParseError take_request_payload(const Payload& p, AuthRequest& out) {
  constexpr ParseError kTwice = ParseError::duplicate_payload;
  switch (p.type) {
    case PayloadType::id_i:
      return first_time(out.has_id_i) ? parse_id(p.body, out.id_i) : kTwice;
    case PayloadType::id_r:
      return first_time(out.has_id_r) ? parse_id(p.body, out.id_r) : kTwice;
    case PayloadType::auth:
      return first_time(out.has_auth) ? parse_auth(p.body, out.auth) : kTwice;
    case PayloadType::sa:
      return first_time(out.has_sa) ? take_sa(p.body, out.sa) : kTwice;
    case PayloadType::ts_i:
      return first_time(out.has_ts_i) ? parse_selectors(p.body, out.ts_i) : kTwice;
    case PayloadType::ts_r:
      return first_time(out.has_ts_r) ? parse_selectors(p.body, out.ts_r) : kTwice;
    case PayloadType::cp:
      return take_request_config(p.body, out);
    case PayloadType::notify:
      return take_request_notify(p.body, out);
    case PayloadType::sk:
    case PayloadType::skf:
      return ParseError::bad_sk;  // RFC 7296 §3.14: no SK inside SK.
    case PayloadType::none:
    case PayloadType::ke:
    case PayloadType::cert:
    case PayloadType::certreq:
    case PayloadType::nonce:
    case PayloadType::del:
    case PayloadType::vendor_id:
    case PayloadType::eap:
      return ParseError::none;
  }
  return ParseError::none;
}

std::array<std::uint8_t, 4> octets_of(EspSpi spi) {
  std::array<std::uint8_t, 4> octets;
  crypto::store_be32(octets.data(), spi.value());
  return octets;
}

void write_child(ChainBuilder& chain, std::uint8_t proposal_number, const Suite& suite, EspSpi spi,
                 const SelectorList* ts_i, const SelectorList* ts_r) {
  write_sa(chain, Protocol::esp, proposal_number, without_ke(suite), octets_of(spi));
  if (ts_i != nullptr) write_selectors(chain, PayloadType::ts_i, *ts_i);
  if (ts_r != nullptr) write_selectors(chain, PayloadType::ts_r, *ts_r);
}

void clear(AuthAnswer& out) {
  out.has_id_r = out.has_auth = out.has_config = out.has_sa = false;
  out.id_r = {};
  out.auth = {};
  out.config = {};
  out.sa = {};
  out.ts_i.count = out.ts_r.count = 0;
  out.error = 0;
  out.ticket = {};
  out.ticket_lifetime_s = 0;
}

ParseError take_answer_notify(crypto::Bytes body, AuthAnswer& out) {
  NotifyView notify;
  const ParseError e = parse_notify(body, notify);
  if (e != ParseError::none) return e;
  if (is_error(notify.type) && out.error == 0) out.error = notify.type;
  return take_ticket(notify, out.ticket, out.ticket_lifetime_s);
}

struct AnswerWalk {
  AuthAnswer& out;
  bool has_ts_i = false;
  bool has_ts_r = false;

  ParseError take(const Payload& p) {
    constexpr ParseError kTwice = ParseError::duplicate_payload;
    switch (p.type) {
      case PayloadType::id_r:
        return first_time(out.has_id_r) ? parse_id(p.body, out.id_r) : kTwice;
      case PayloadType::auth:
        return first_time(out.has_auth) ? parse_auth(p.body, out.auth) : kTwice;
      case PayloadType::sa:
        return first_time(out.has_sa) ? take_sa(p.body, out.sa) : kTwice;
      case PayloadType::ts_i:
        return first_time(has_ts_i) ? parse_selectors(p.body, out.ts_i) : kTwice;
      case PayloadType::ts_r:
        return first_time(has_ts_r) ? parse_selectors(p.body, out.ts_r) : kTwice;
      case PayloadType::cp:
        return first_time(out.has_config) ? parse_config_reply(p.body, out.config) : kTwice;
      case PayloadType::notify:
        return take_answer_notify(p.body, out);
      case PayloadType::sk:
      case PayloadType::skf:
        return ParseError::bad_sk;
      case PayloadType::none:
      case PayloadType::ke:
      case PayloadType::id_i:
      case PayloadType::cert:
      case PayloadType::certreq:
      case PayloadType::nonce:
      case PayloadType::del:
      case PayloadType::vendor_id:
      case PayloadType::eap:
        return ParseError::none;
    }
    return ParseError::none;
  }
};

}  // namespace

ParseError parse_auth_request(PayloadType first, crypto::Bytes inner, AuthRequest& out,
                              PayloadType& offending) {
  clear(out);
  PayloadChain chain(first, inner);
  Payload p;
  while (chain.next(p)) {
    const ParseError e = take_request_payload(p, out);
    if (e != ParseError::none) return e;
  }
  if (chain.error() != ParseError::none) offending = chain.offending_type();
  return chain.error();
}

void write_auth_response(ChainBuilder& chain, const AuthResponse& response) {
  chain.payload(PayloadType::id_r, response.id_r_body);
  chain.auth(AuthMethod::shared_key, response.auth);
  if (response.child_error != 0) {
    chain.notify(static_cast<Notify>(response.child_error));
  } else {
    if (response.has_config) write_config_reply(chain, response.config);
    write_child(chain, response.proposal_number, response.child_suite, response.child_spi,
                response.ts_i, response.ts_r);
  }
  write_ticket_outcome(chain, response.ticket, response.ticket_lifetime_s, response.ticket_refusal);
  if (response.mobike_supported) chain.notify(Notify::mobike_supported);
  if (!response.qcd_token.empty()) chain.notify(Notify::quick_crash_detection, response.qcd_token);
}

void write_auth_offer(ChainBuilder& chain, const AuthOffer& offer) {
  chain.payload(PayloadType::id_i, offer.id_i_body);
  if (!offer.id_r_body.empty()) chain.payload(PayloadType::id_r, offer.id_r_body);
  chain.auth(AuthMethod::shared_key, offer.auth);
  if (offer.has_config) write_config_request(chain, offer.config);
  write_child(chain, 1, offer.child_suite, offer.child_spi, offer.ts_i, offer.ts_r);
  if (offer.ticket_request) chain.notify(Notify::ticket_request);
  if (offer.initial_contact) chain.notify(Notify::initial_contact);
}

ParseError parse_auth_answer(PayloadType first, crypto::Bytes inner, AuthAnswer& out) {
  clear(out);
  AnswerWalk walk{out};
  PayloadChain chain(first, inner);
  Payload p;
  while (chain.next(p)) {
    const ParseError e = walk.take(p);
    if (e != ParseError::none) return e;
  }
  return chain.error();
}

}  // namespace ike
