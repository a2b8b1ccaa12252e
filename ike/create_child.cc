// The inner payloads of CREATE_CHILD_SA.
#include "ike/create_child.h"

#include <array>

#include "ike/intermediate.h"
#include "ike/ke_payload.h"
#include "ike/ticket_notify.h"

namespace ike {
namespace {

// The payloads that requests and responses share; `out` is either.
template <class Message>
struct Walk {
  Message& out;
  bool has_sa = false, has_nonce = false, has_ts_i = false, has_ts_r = false;

  ParseError take(const Payload& p) {
    constexpr ParseError kTwice = ParseError::duplicate_payload;
    if (p.type == PayloadType::sa) {
      out.sa = p.body;
      return first_time(has_sa) ? check_sa(p.body) : kTwice;
    }
    if (p.type == PayloadType::nonce)
      return first_time(has_nonce) ? parse_nonce(p.body, out.nonce) : kTwice;
    if (p.type == PayloadType::ke) return first_time(out.has_ke) ? take_ke(p.body) : kTwice;
    if (p.type == PayloadType::ts_i)
      return first_time(has_ts_i) ? parse_selectors(p.body, out.ts_i) : kTwice;
    if (p.type == PayloadType::ts_r)
      return first_time(has_ts_r) ? parse_selectors(p.body, out.ts_r) : kTwice;
    // RFC 7296 §3.14: no SK inside SK.
    const bool sk = p.type == PayloadType::sk || p.type == PayloadType::skf;
    return sk ? ParseError::bad_sk : ParseError::none;
  }
  ParseError take_ke(crypto::Bytes body) {
    KeView ke;
    const ParseError e = parse_ke(body, ke);
    out.ke = ke.group;
    out.ke_data = ke.data;
    return e;
  }
};

ParseError read_spi(const NotifyView& notify, EspSpi& out) {
  if (notify.spi.size() != 4) return ParseError::bad_notify;
  out = EspSpi(crypto::load_be32(notify.spi.data()));
  return ParseError::none;
}

ParseError take_request_notify(crypto::Bytes body, CreateChildRequest& out) {
  NotifyView notify;
  const ParseError e = parse_notify(body, notify);
  if (e != ParseError::none) return e;
  if (notify.is(Notify::use_transport_mode)) out.transport_mode = true;
  if (notify.is(Notify::esp_tfc_padding_not_supported)) out.tfc_padding_not_supported = true;
  if (notify.is(Notify::non_first_fragments_also)) out.non_first_fragments_also = true;
  if (notify.is(Notify::ticket_request)) out.ticket_request = true;
  if (!notify.is(Notify::rekey_sa)) return ParseError::none;
  if (out.kind == CreateChildKind::rekey_child) return ParseError::duplicate_payload;
  out.kind = CreateChildKind::rekey_child;
  out.rekey_protocol = notify.protocol;
  return read_spi(notify, out.rekey_spi);
}

struct Spi {
  std::array<std::uint8_t, 8> octets;
  std::size_t len;
  crypto::Bytes bytes() const { return crypto::Bytes(octets).first(len); }
};
Spi spi_for(bool is_ike, IkeSpi ike_spi, EspSpi child_spi) {
  Spi spi{{}, is_ike ? 8u : 4u};
  if (is_ike) {
    crypto::store_be64(spi.octets.data(), ike_spi.value());
  } else {
    crypto::store_be32(spi.octets.data(), child_spi.value());
  }
  return spi;
}
constexpr Protocol protocol_for(bool is_ike) { return is_ike ? Protocol::ike : Protocol::esp; }

}  // namespace

ParseError parse_create_child_request(PayloadType first, crypto::Bytes inner,
                                      CreateChildRequest& out, PayloadType& offending) {
  out = {};
  Walk<CreateChildRequest> walk{out};
  PayloadChain chain(first, inner);
  Payload p;
  while (chain.next(p)) {
    const ParseError e =
        p.type == PayloadType::notify ? take_request_notify(p.body, out) : walk.take(p);
    if (e != ParseError::none) return e;
  }
  if (chain.error() != ParseError::none) {
    offending = chain.offending_type();
    return chain.error();
  }
  if (!walk.has_sa || !walk.has_nonce) return ParseError::missing_payload;
  if (sa_protocol(out.sa) == Protocol::ike) {
    // RFC 7296 §1.3.2: the KE payload is not optional here.
    out.kind = CreateChildKind::rekey_ike;
    out.ts_i.count = out.ts_r.count = 0;
    return out.has_ke ? ParseError::none : ParseError::missing_payload;
  }
  return walk.has_ts_i && walk.has_ts_r ? ParseError::none : ParseError::missing_payload;
}

void write_create_child_offer(ChainBuilder& chain, const CreateChildOffer& offer) {
  const bool is_ike = offer.kind == CreateChildKind::rekey_ike;
  if (offer.kind == CreateChildKind::rekey_child)
    chain.notify_spi(Notify::rekey_sa, Protocol::esp, spi_for(false, {}, offer.rekey_spi).bytes(),
                     {});
  const Spi spi = spi_for(is_ike, offer.ike_spi, offer.child_spi);
  if (offer.transport_mode) chain.notify(Notify::use_transport_mode);
  write_sa_offer(chain, protocol_for(is_ike), offer.suites, spi.bytes());
  chain.payload(PayloadType::nonce, offer.nonce);
  if (offer.ke != KeId::none) write_ke(chain, offer.ke, offer.ke_data);
  if (offer.ts_i != nullptr) write_selectors(chain, PayloadType::ts_i, *offer.ts_i);
  if (offer.ts_r != nullptr) write_selectors(chain, PayloadType::ts_r, *offer.ts_r);
  if (offer.ticket_request) chain.notify(Notify::ticket_request);
}

void write_create_child_response(ChainBuilder& chain, const CreateChildResponse& response) {
  const Spi spi = spi_for(response.is_ike, response.ike_spi, response.child_spi);
  if (response.transport_mode) chain.notify(Notify::use_transport_mode);
  write_sa(chain, protocol_for(response.is_ike), response.proposal_number, response.suite,
           spi.bytes());
  chain.payload(PayloadType::nonce, response.nonce);
  if (!response.ke_data.empty()) write_ke(chain, response.suite.ke, response.ke_data);
  if (response.ts_i != nullptr) write_selectors(chain, PayloadType::ts_i, *response.ts_i);
  if (response.ts_r != nullptr) write_selectors(chain, PayloadType::ts_r, *response.ts_r);
  if (response.additional_ts_possible) chain.notify(Notify::additional_ts_possible);
  if (!response.link.empty()) chain.notify(Notify::additional_key_exchange, response.link);
  write_ticket_outcome(chain, response.ticket, response.ticket_lifetime_s, response.ticket_refusal);
}

void write_create_child_refusal(ChainBuilder& chain, Notify type) { chain.notify(type); }

void write_create_child_invalid_ke(ChainBuilder& chain, KeId wanted) {
  std::array<std::uint8_t, 2> group;
  crypto::store_be16(group.data(), std::to_underlying(wanted));
  chain.notify(Notify::invalid_ke_payload, group);
}

void write_child_sa_not_found(ChainBuilder& chain, Protocol protocol, EspSpi spi) {
  chain.notify_spi(Notify::child_sa_not_found, protocol, spi_for(false, {}, spi).bytes(), {});
}

namespace {

ParseError take_answer_notify(crypto::Bytes body, CreateChildAnswer& out) {
  NotifyView notify;
  const ParseError e = parse_notify(body, notify);
  if (e != ParseError::none) return e;
  if (notify.is(Notify::use_transport_mode)) out.transport_mode = true;
  if (notify.is(Notify::additional_key_exchange)) {
    if (!first_time(out.has_link)) return ParseError::duplicate_payload;
    out.link = notify.data;
    return out.link.size() <= kKeLinkMax ? ParseError::none : ParseError::bad_notify;
  }
  if (!is_error(notify.type)) return take_ticket(notify, out.ticket, out.ticket_lifetime_s);
  if (out.error != 0) return ParseError::none;
  out.error = notify.type;
  if (notify.is(Notify::child_sa_not_found)) return read_spi(notify, out.error_spi);
  if (!notify.is(Notify::invalid_ke_payload)) return ParseError::none;
  if (notify.data.size() != 2) return ParseError::bad_notify;
  out.wanted_ke = static_cast<KeId>(crypto::load_be16(notify.data.data()));
  return ParseError::none;
}

}  // namespace

ParseError parse_create_child_answer(PayloadType first, crypto::Bytes inner,
                                     CreateChildAnswer& out) {
  out = {};
  Walk<CreateChildAnswer> walk{out};
  PayloadChain chain(first, inner);
  Payload p;
  while (chain.next(p)) {
    const ParseError e =
        p.type == PayloadType::notify ? take_answer_notify(p.body, out) : walk.take(p);
    if (e != ParseError::none) return e;
  }
  if (chain.error() != ParseError::none) return chain.error();
  out.has_ts = walk.has_ts_i && walk.has_ts_r;
  return out.error != 0 || (walk.has_sa && walk.has_nonce) ? ParseError::none
                                                           : ParseError::missing_payload;
}

}  // namespace ike
