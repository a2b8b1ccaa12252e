// IKE_SA_INIT: the parser of each side and the writers of its messages.
#include "ike/sa_init.h"

#include "ike/builder.h"
#include "ike/ke_payload.h"
#include "ike/payload.h"
#include "ike/proposal.h"

namespace ike {
namespace {

constexpr Header init_header(IkeSpi spi_i, IkeSpi spi_r, std::uint8_t flags) {
  Header header;
  header.spi_i = spi_i;
  header.spi_r = spi_r;
  header.exchange = Exchange::ike_sa_init;
  header.flags = flags;
  return header;
}

ParseError check_header(crypto::Bytes message, bool response, Header& header) {
  const ParseError e = parse_header(message, header);
  if (e != ParseError::none) return e;
  if (header.exchange != Exchange::ike_sa_init) return ParseError::bad_exchange;
  if (header.is_response() != response || header.from_initiator() == response)
    return ParseError::bad_flags;
  if (header.message_id != MessageId()) return ParseError::bad_message_id;
  if (!response && header.spi_r != IkeSpi()) return ParseError::bad_spi;
  return ParseError::none;
}

// The three payloads that both directions hold.
struct Exchanged {
  bool has_sa = false, has_ke = false, has_nonce = false;
  crypto::Bytes sa;
  KeView ke;
  crypto::Bytes nonce;

  bool complete() const { return has_sa && has_ke && has_nonce; }
  ParseError take(const Payload& p) {
    constexpr ParseError kTwice = ParseError::duplicate_payload;
    if (p.type == PayloadType::sa) {
      sa = p.body;
      return first_time(has_sa) ? check_sa(p.body) : kTwice;
    }
    if (p.type == PayloadType::ke) return first_time(has_ke) ? parse_ke(p.body, ke) : kTwice;
    if (p.type == PayloadType::nonce)
      return first_time(has_nonce) ? parse_nonce(p.body, nonce) : kTwice;
    if (p.type == PayloadType::sk || p.type == PayloadType::skf) return ParseError::bad_sk;
    return ParseError::none;
  }
};

// RFC 7427 §4: a list of 16-bit ids; those that we cannot name are dropped.
ParseError take_hashes(crypto::Bytes data, std::uint16_t& out) {
  if (data.size() % 2 != 0) return ParseError::bad_notify;
  for (; !data.empty(); data = data.subspan(2))
    out = static_cast<std::uint16_t>(out | hash_bit(crypto::load_be16(data.data())));
  return ParseError::none;
}

// The notifies that both directions understand; `out` is the request or the answer.
template <class Message>
ParseError take_feature(const NotifyView& notify, Message& out) {
  if (notify.is(Notify::ikev2_fragmentation_supported)) out.fragmentation_supported = true;
  if (notify.is(Notify::childless_ikev2_supported)) out.childless_supported = true;
  if (notify.is(Notify::intermediate_exchange_supported)) out.intermediate_supported = true;
  if (notify.is(Notify::signature_hash_algorithms))
    return take_hashes(notify.data, out.signature_hashes);
  return take_nat_detection(notify, out);
}

ParseError take_request_notify(const Payload& p, SaInitRequest& out) {
  NotifyView notify;
  const ParseError e = parse_notify(p.body, notify);
  if (e != ParseError::none) return e;
  // RFC 7296 §2.6: the initiator puts the returned cookie first; elsewhere it is noise.
  if (notify.is(Notify::cookie) && p.whole.data() == out.message.data() + kHeaderLen) {
    out.has_cookie = true;
    out.cookie = notify.data;
  }
  if (notify.is(Notify::redirect_supported)) out.redirect_supported = true;
  if (notify.is(Notify::use_ppk)) out.use_ppk = true;
  return take_feature(notify, out);
}

void write_hashes(ChainBuilder& chain, std::uint16_t hashes) {
  if (hashes == 0) return;
  chain.open(PayloadType::notify);
  crypto::ByteWriter& writer = chain.writer();
  writer.be16(0);  // no protocol, no SPI
  writer.be16(std::to_underlying(Notify::signature_hash_algorithms));
  for (std::uint16_t id = 1; id < 16; ++id)
    if ((hashes & hash_bit(id)) != 0) writer.be16(id);
  chain.close();
}

}  // namespace

ParseError parse_sa_init_request(crypto::Bytes message, SaInitRequest& out,
                                 PayloadType& offending) {
  out = {};
  Header header;
  ParseError e = check_header(message, false, header);
  if (e != ParseError::none) return e;
  out.spi_i = header.spi_i;
  out.message = message;
  Exchanged parts;
  PayloadChain chain(header.next_payload, message.subspan(kHeaderLen));
  Payload p;
  while (chain.next(p)) {
    e = p.type == PayloadType::notify ? take_request_notify(p, out) : parts.take(p);
    if (e != ParseError::none) return e;
  }
  if (chain.error() != ParseError::none) {
    offending = chain.offending_type();
    return chain.error();
  }
  out.sa = parts.sa;
  out.nonce = parts.nonce;
  out.ke = parts.ke.group;
  out.ke_data = parts.ke.data;
  return parts.complete() ? ParseError::none : ParseError::missing_payload;
}

std::size_t write_sa_init_response(const SaInitResponse& response, crypto::MutBytes out) {
  MessageBuilder message(out, init_header(response.spi_i, response.spi_r, kFlagResponse));
  ChainBuilder& chain = message.chain();
  write_sa(chain, Protocol::ike, response.proposal_number, response.suite, {});
  write_ke(chain, response.suite.ke, response.ke_data);
  chain.payload(PayloadType::nonce, response.nonce);
  write_nat_detection(chain, response.nat_source, response.nat_destination);
  if (response.has_certreq) {
    chain.open(PayloadType::certreq);
    chain.writer().u8(std::to_underlying(CertEncoding::x509_signature));
    for (const auto& authority : response.authorities) chain.writer().bytes(authority);
    chain.close();
  }
  if (response.fragmentation_supported) chain.notify(Notify::ikev2_fragmentation_supported);
  write_hashes(chain, response.signature_hashes);
  if (response.childless_supported) chain.notify(Notify::childless_ikev2_supported);
  if (response.intermediate_supported) chain.notify(Notify::intermediate_exchange_supported);
  if (response.use_ppk) chain.notify(Notify::use_ppk);
  return message.finish();
}

std::size_t write_invalid_ke(const Header& request, KeId wanted, crypto::MutBytes out) {
  std::array<std::uint8_t, 2> group;
  crypto::store_be16(group.data(), std::to_underlying(wanted));
  MessageBuilder message(out, init_header(request.spi_i, request.spi_r, kFlagResponse));
  message.chain().notify(Notify::invalid_ke_payload, group);
  return message.finish();
}

std::size_t write_sa_init_request(const SaInitOffer& offer, crypto::MutBytes out) {
  MessageBuilder message(out, init_header(offer.spi_i, IkeSpi(), kFlagInitiator));
  ChainBuilder& chain = message.chain();
  if (!offer.cookie.empty()) chain.notify(Notify::cookie, offer.cookie);
  write_sa_offer(chain, Protocol::ike, offer.suites, {});
  write_ke(chain, offer.ke, offer.ke_data);
  chain.payload(PayloadType::nonce, offer.nonce);
  write_nat_detection(chain, offer.nat_source, offer.nat_destination);
  if (offer.fragmentation_supported) chain.notify(Notify::ikev2_fragmentation_supported);
  if (offer.redirect_supported) chain.notify(Notify::redirect_supported);
  write_hashes(chain, offer.signature_hashes);
  if (offer.intermediate_supported) chain.notify(Notify::intermediate_exchange_supported);
  return message.finish();
}

namespace {

// What the notifies of an answer say; the first of cookie, invalid_ke and error decides.
ParseError take_answer_notify(const Payload& p, SaInitAnswer& out) {
  NotifyView notify;
  const ParseError e = parse_notify(p.body, notify);
  if (e != ParseError::none) return e;
  if (out.kind != SaInitAnswerKind::response) return ParseError::none;
  if (notify.is(Notify::cookie)) {
    out.kind = SaInitAnswerKind::cookie;
    out.cookie = notify.data;
  } else if (notify.is(Notify::invalid_ke_payload)) {
    if (notify.data.size() != 2) return ParseError::bad_notify;
    out.kind = SaInitAnswerKind::invalid_ke;
    out.wanted_ke = static_cast<KeId>(crypto::load_be16(notify.data.data()));
  } else if (is_error(notify.type)) {
    out.kind = SaInitAnswerKind::error_notify;
    out.error = notify.type;
  }
  return take_feature(notify, out);
}

// RFC 7296 §3.7: other encodings are not ours; several X.509 requests are not expected, so the
// first counts.
ParseError take_certreq(crypto::Bytes body, SaInitAnswer& out) {
  if (body.empty()) return ParseError::bad_cert;
  if (body[0] != std::to_underlying(CertEncoding::x509_signature)) return ParseError::none;
  if ((body.size() - 1) % kAuthorityHashLen != 0) return ParseError::bad_cert;
  if (first_time(out.has_certreq)) out.authorities = body.subspan(1);
  return ParseError::none;
}

}  // namespace

ParseError parse_sa_init_answer(crypto::Bytes message, SaInitAnswer& out) {
  out = {};
  Header header;
  ParseError e = check_header(message, true, header);
  if (e != ParseError::none) return e;
  out.spi_r = header.spi_r;
  out.message = message;
  Exchanged parts;
  PayloadChain chain(header.next_payload, message.subspan(kHeaderLen));
  Payload p;
  while (chain.next(p)) {
    e = p.type == PayloadType::notify    ? take_answer_notify(p, out)
        : p.type == PayloadType::certreq ? take_certreq(p.body, out)
                                         : parts.take(p);
    if (e != ParseError::none) return e;
  }
  if (chain.error() != ParseError::none) return chain.error();
  if (out.kind != SaInitAnswerKind::response) return ParseError::none;
  if (!parts.complete()) return ParseError::missing_payload;
  if (out.spi_r == IkeSpi()) return ParseError::bad_spi;
  out.sa = parts.sa;
  out.nonce = parts.nonce;
  out.ke = parts.ke.group;
  out.ke_data = parts.ke.data;
  return ParseError::none;
}

}  // namespace ike
