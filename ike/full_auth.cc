// The inner payloads of IKE_AUTH in a full handshake.
#include "ike/full_auth.h"

#include "ike/eap.h"
#include "ike/proposal.h"
#include "ike/ticket_notify.h"

namespace ike {
namespace {

std::array<std::uint8_t, 4> octets_of(EspSpi spi) {
  std::array<std::uint8_t, 4> octets;
  crypto::store_be32(octets.data(), spi.value());
  return octets;
}

ParseError parse_cert(crypto::Bytes body, CertView& out) {
  if (body.empty()) return ParseError::bad_cert;
  out.encoding = static_cast<CertEncoding>(body[0]);
  out.data = body.subspan(1);
  return ParseError::none;
}

ParseError take_cert(crypto::Bytes body, AuthExtras& out) {
  CertView cert;
  const ParseError e = parse_cert(body, cert);
  if (e != ParseError::none) return e;
  if (cert.data.empty() || out.cert_count == kCertsMax) return ParseError::bad_cert;
  out.certs[out.cert_count++] = cert;
  return ParseError::none;
}

// Only a hint which certificate to send: what is too much is not looked at.
ParseError take_cert_request(crypto::Bytes body, AuthExtras& out) {
  CertView request;
  const ParseError e = parse_cert(body, request);
  if (e == ParseError::none && out.cert_request_count < kCertRequestsMax)
    out.cert_requests[out.cert_request_count++] = request;
  return e;
}

ParseError take_eap(crypto::Bytes body, AuthExtras& out) {
  if (!first_time(out.has_eap)) return ParseError::duplicate_payload;
  out.eap = body;
  EapView packet;
  return parse_eap(body, packet);
}

ParseError take_u32(crypto::Bytes data, std::uint32_t& out) {
  if (data.size() != 4) return ParseError::bad_notify;
  out = crypto::load_be32(data.data());
  return ParseError::none;
}

ParseError take_qcd_token(crypto::Bytes data, AuthExtras& out) {
  if (!out.qcd_token.empty()) return ParseError::duplicate_payload;
  if (data.size() < kQcdTokenLenMin || data.size() > kQcdTokenLenMax) return ParseError::bad_notify;
  out.qcd_token = data;
  return ParseError::none;
}

ParseError take_extra_notify(const NotifyView& notify, AuthExtras& out) {
  if (notify.is(Notify::esp_tfc_padding_not_supported)) out.tfc_padding_not_supported = true;
  if (notify.is(Notify::non_first_fragments_also)) out.non_first_fragments_also = true;
  if (notify.is(Notify::quick_crash_detection)) return take_qcd_token(notify.data, out);
  if (notify.is(Notify::set_window_size)) return take_u32(notify.data, out.window_size);
  return take_additional_address(notify, out);
}

ParseError take_notify(const NotifyView& notify, FullAuthRequest& out) {
  if (notify.is(Notify::eap_only_authentication)) out.eap_only = true;
  if (notify.is(Notify::ppk_identity)) {
    if (!first_time(out.has_ppk_identity)) return ParseError::duplicate_payload;
    out.ppk_identity = notify.data;
  }
  if (notify.is(Notify::no_ppk_auth)) {
    if (!first_time(out.has_no_ppk_auth)) return ParseError::duplicate_payload;
    out.no_ppk_auth = notify.data;
  }
  return take_extra_notify(notify, out);
}

ParseError take_notify(const NotifyView& notify, FullAuthAnswer& out) {
  if (notify.is(Notify::use_transport_mode)) out.transport_mode = true;
  if (notify.is(Notify::mobike_supported)) out.mobike_supported = true;
  if (notify.is(Notify::ppk_identity)) out.ppk_used = true;
  if (notify.is(Notify::ticket_ack) || notify.is(Notify::ticket_nack))
    out.ticket_refusal = notify.type;
  if (notify.is(Notify::auth_lifetime)) return take_u32(notify.data, out.auth_lifetime_s);
  return take_extra_notify(notify, out);
}

// What the lean parser leaves out. It has seen the whole chain already, which is thus well formed.
template <class Message>
ParseError take_extras(PayloadType first, crypto::Bytes inner, Message& out) {
  PayloadChain chain(first, inner);
  Payload p;
  ParseError e = ParseError::none;
  while (e == ParseError::none && chain.next(p)) {
    NotifyView notify;
    if (p.type == PayloadType::cert) e = take_cert(p.body, out);
    if (p.type == PayloadType::certreq) e = take_cert_request(p.body, out);
    if (p.type == PayloadType::eap) e = take_eap(p.body, out);
    if (p.type == PayloadType::notify) {
      e = parse_notify(p.body, notify);
      if (e == ParseError::none) e = take_notify(notify, out);
    }
  }
  return e;
}

void write_cert(ChainBuilder& chain, PayloadType type, CertEncoding encoding, crypto::Bytes data) {
  chain.open(type);
  chain.writer().u8(std::to_underlying(encoding));
  chain.writer().bytes(data);
  chain.close();
}

void write_certs(ChainBuilder& chain, std::span<const CertView> certs) {
  for (const CertView& cert : certs) write_cert(chain, PayloadType::cert, cert.encoding, cert.data);
}

void write_child(ChainBuilder& chain, const FullAuthResponse& response) {
  write_sa(chain, Protocol::esp, response.proposal_number, without_ke(response.child_suite),
           octets_of(response.child_spi));
  if (response.ts_i != nullptr) write_selectors(chain, PayloadType::ts_i, *response.ts_i);
  if (response.ts_r != nullptr) write_selectors(chain, PayloadType::ts_r, *response.ts_r);
  if (response.transport_mode) chain.notify(Notify::use_transport_mode);
  if (response.additional_ts_possible) chain.notify(Notify::additional_ts_possible);
}

// The suites without their KE: suites that differ in nothing else are offered once.
void write_child_offer(ChainBuilder& chain, const FullAuthOffer& offer) {
  std::array<Suite, kOfferSuitesMax> suites;
  std::size_t count = 0;
  const std::size_t few = std::min(offer.child_suites.size(), suites.size());
  for (const Suite& with_ke : offer.child_suites.first(few)) {
    const Suite suite = without_ke(with_ke);
    if (count == 0 || suites[count - 1] != suite) suites[count++] = suite;
  }
  write_sa_offer(chain, Protocol::esp, std::span(suites).first(count), octets_of(offer.child_spi));
  if (offer.ts_i != nullptr) write_selectors(chain, PayloadType::ts_i, *offer.ts_i);
  if (offer.ts_r != nullptr) write_selectors(chain, PayloadType::ts_r, *offer.ts_r);
  if (offer.transport_mode) chain.notify(Notify::use_transport_mode);
}

}  // namespace

ParseError parse_full_auth_request(PayloadType first, crypto::Bytes inner, FullAuthRequest& out,
                                   PayloadType& offending) {
  out = {};
  const ParseError e = parse_auth_request(first, inner, out, offending);
  return e != ParseError::none ? e : take_extras(first, inner, out);
}

void write_full_auth_response(ChainBuilder& chain, const FullAuthResponse& response) {
  if (!response.id_r_body.empty()) chain.payload(PayloadType::id_r, response.id_r_body);
  write_certs(chain, response.certs);
  if (!response.auth.empty()) chain.auth(response.auth_method, response.auth);
  if (!response.eap.empty()) chain.payload(PayloadType::eap, response.eap);
  if (response.has_config && response.child_error == 0) write_config_reply(chain, response.config);
  if (response.child_error != 0) {
    chain.notify(static_cast<Notify>(response.child_error));
  } else if (response.has_child) {
    write_child(chain, response);
  }
  if (response.mobike_supported) chain.notify(Notify::mobike_supported);
  if (response.additional_addresses != nullptr)
    write_additional_addresses(chain, *response.additional_addresses);
  if (!response.qcd_token.empty()) chain.notify(Notify::quick_crash_detection, response.qcd_token);
  if (response.auth_lifetime_s != 0)
    chain.notify_u32(Notify::auth_lifetime, response.auth_lifetime_s);
  if (response.ppk_used) chain.notify(Notify::ppk_identity);
  write_ticket_outcome(chain, response.ticket, response.ticket_lifetime_s, response.ticket_refusal);
}

void write_auth_refusal(ChainBuilder& chain, Notify type, crypto::Bytes data, crypto::Bytes eap) {
  if (!eap.empty()) chain.payload(PayloadType::eap, eap);
  chain.notify(type, data);
}

void write_full_auth_offer(ChainBuilder& chain, const FullAuthOffer& offer) {
  if (!offer.id_i_body.empty()) chain.payload(PayloadType::id_i, offer.id_i_body);
  write_certs(chain, offer.certs);
  if (offer.has_certreq)
    write_cert(chain, PayloadType::certreq, CertEncoding::x509_signature, offer.authorities);
  if (!offer.id_r_body.empty()) chain.payload(PayloadType::id_r, offer.id_r_body);
  if (!offer.auth.empty()) chain.auth(offer.auth_method, offer.auth);
  if (!offer.eap.empty()) chain.payload(PayloadType::eap, offer.eap);
  if (offer.has_config) write_config_request(chain, offer.config);
  if (!offer.child_suites.empty()) write_child_offer(chain, offer);
  if (offer.ticket_request) chain.notify(Notify::ticket_request);
  if (offer.initial_contact) chain.notify(Notify::initial_contact);
  if (offer.mobike_supported) chain.notify(Notify::mobike_supported);
  if (offer.additional_addresses != nullptr)
    write_additional_addresses(chain, *offer.additional_addresses);
  if (offer.eap_only) chain.notify(Notify::eap_only_authentication);
  if (!offer.qcd_token.empty()) chain.notify(Notify::quick_crash_detection, offer.qcd_token);
}

ParseError parse_full_auth_answer(PayloadType first, crypto::Bytes inner, FullAuthAnswer& out) {
  out = {};
  const ParseError e = parse_auth_answer(first, inner, out);
  return e != ParseError::none ? e : take_extras(first, inner, out);
}

}  // namespace ike
