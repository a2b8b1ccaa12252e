// IKE_SESSION_RESUME: the parser of each side and the writers of its messages.
#include "ike/resume.h"

#include "ike/builder.h"
#include "ike/ke_payload.h"
#include "ike/nat_detection.h"
#include "ike/payload.h"

namespace ike {
namespace {

constexpr Header resume_header(IkeSpi spi_i, IkeSpi spi_r, std::uint8_t flags) {
  Header header;
  header.spi_i = spi_i;
  header.spi_r = spi_r;
  header.exchange = Exchange::ike_session_resume;
  header.flags = flags;
  return header;
}

ParseError take_nonce(const Payload& p, crypto::Bytes& nonce) {
  if (!nonce.empty()) return ParseError::duplicate_payload;
  return parse_nonce(p.body, nonce);
}

ParseError check_request_header(crypto::Bytes message, Header& header) {
  const ParseError e = parse_header(message, header);
  if (e != ParseError::none) return e;
  if (header.exchange != Exchange::ike_session_resume) return ParseError::bad_exchange;
  if (!header.from_initiator() || header.is_response()) return ParseError::bad_flags;
  if (header.message_id != MessageId()) return ParseError::bad_message_id;
  if (header.spi_r != IkeSpi()) return ParseError::bad_spi;
  return ParseError::none;
}

struct RequestWalk {
  ResumeRequest& out;
  bool has_ticket = false;

  ParseError take_notify(const Payload& p) {
    NotifyView notify;
    const ParseError e = parse_notify(p.body, notify);
    if (e != ParseError::none) return e;
    switch (notify.type) {
      case static_cast<std::uint16_t>(Notify::ticket_opaque):
        if (has_ticket) return ParseError::duplicate_payload;
        has_ticket = true;
        out.ticket = notify.data;
        break;
      case static_cast<std::uint16_t>(Notify::cookie):
        // RFC 7296 §2.6: the initiator puts the returned cookie first; elsewhere it is noise.
        if (p.whole.data() == out.message.data() + kHeaderLen) {
          out.has_cookie = true;
          out.cookie = notify.data;
        }
        break;
      case static_cast<std::uint16_t>(Notify::nat_detection_source_ip):
      case static_cast<std::uint16_t>(Notify::nat_detection_destination_ip):
        out.has_nat_detection = true;
        break;
      case static_cast<std::uint16_t>(Notify::ikev2_fragmentation_supported):
        out.fragmentation_supported = true;
        break;
      case static_cast<std::uint16_t>(Notify::redirect_supported):
        out.redirect_supported = true;
        break;
      default:
        break;
    }
    return ParseError::none;
  }
};

}  // namespace

ParseError parse_resume_request(crypto::Bytes message, ResumeRequest& out, PayloadType& offending) {
  out = {};
  Header header;
  ParseError e = check_request_header(message, header);
  if (e != ParseError::none) return e;
  out.spi_i = header.spi_i;
  out.message = message;
  RequestWalk walk{out};
  PayloadChain chain(header.next_payload, message.subspan(kHeaderLen));
  Payload p;
  while (chain.next(p)) {
    if (p.type == PayloadType::notify) {
      e = walk.take_notify(p);
    } else if (p.type == PayloadType::nonce) {
      e = take_nonce(p, out.nonce);
    } else if (p.type == PayloadType::sk || p.type == PayloadType::skf) {
      e = ParseError::missing_payload;
    }
    if (e != ParseError::none) return e;
  }
  if (chain.error() != ParseError::none) {
    offending = chain.offending_type();
    return chain.error();
  }
  return walk.has_ticket && !out.nonce.empty() ? ParseError::none : ParseError::missing_payload;
}

std::size_t write_resume_response(const ResumeResponse& response, crypto::MutBytes out) {
  MessageBuilder message(out, resume_header(response.spi_i, response.spi_r, kFlagResponse));
  ChainBuilder& chain = message.chain();
  chain.payload(PayloadType::nonce, response.nonce);
  write_nat_detection(chain, response.nat_source, response.nat_destination);
  if (response.fragmentation_supported) chain.notify(Notify::ikev2_fragmentation_supported);
  return message.finish();
}

std::size_t write_ticket_nack(IkeSpi spi_i, crypto::MutBytes out) {
  MessageBuilder message(out, resume_header(spi_i, IkeSpi(), kFlagResponse));
  message.chain().notify(Notify::ticket_nack);
  return message.finish();
}

std::size_t write_cookie_challenge(IkeSpi spi_i, Exchange exchange, crypto::Bytes cookie,
                                   crypto::MutBytes out) {
  Header header = resume_header(spi_i, IkeSpi(), kFlagResponse);
  header.exchange = exchange;
  MessageBuilder message(out, header);
  message.chain().notify(Notify::cookie, cookie);
  return message.finish();
}

std::size_t write_clear_notify(const Header& request, Notify type, crypto::Bytes notify_data,
                               crypto::MutBytes out) {
  Header header = request;
  header.version = kVersion2;
  // The I flag tells who the original initiator is, so the answer carries the opposite.
  header.flags = request.from_initiator() ? kFlagResponse : kFlagResponse | kFlagInitiator;
  MessageBuilder message(out, header);
  message.chain().notify(type, notify_data);
  return message.finish();
}

std::size_t write_nat_detection_input(IkeSpi spi_i, IkeSpi spi_r, crypto::Bytes address,
                                      std::uint16_t port, std::uint8_t* out) {
  crypto::store_be64(out, spi_i.value());
  crypto::store_be64(out + 8, spi_r.value());
  std::memcpy(out + 16, address.data(), address.size());
  crypto::store_be16(out + 16 + address.size(), port);
  return 18 + address.size();
}

std::size_t write_resume_request(const ResumeOffer& offer, crypto::MutBytes out) {
  MessageBuilder message(out, resume_header(offer.spi_i, IkeSpi(), kFlagInitiator));
  ChainBuilder& chain = message.chain();
  if (!offer.cookie.empty()) chain.notify(Notify::cookie, offer.cookie);
  chain.payload(PayloadType::nonce, offer.nonce);
  chain.notify(Notify::ticket_opaque, offer.ticket);
  write_nat_detection(chain, offer.nat_source, offer.nat_destination);
  if (offer.fragmentation_supported) chain.notify(Notify::ikev2_fragmentation_supported);
  return message.finish();
}

namespace {

// What the notifies of an answer say, in the order in which they decide.
struct AnswerWalk {
  ResumeAnswer& out;
  bool nack = false;
  bool cookie = false;
  bool error = false;

  ParseError take_notify(const Payload& p) {
    NotifyView notify;
    const ParseError e = parse_notify(p.body, notify);
    if (e != ParseError::none) return e;
    if (notify.type == static_cast<std::uint16_t>(Notify::ticket_nack)) nack = true;
    if (notify.type == static_cast<std::uint16_t>(Notify::cookie)) {
      cookie = true;
      out.cookie = notify.data;
    }
    if (notify.type == static_cast<std::uint16_t>(Notify::ikev2_fragmentation_supported))
      out.fragmentation_supported = true;
    if (is_error(notify.type) && !error) {
      error = true;
      out.error = notify.type;
    }
    return ParseError::none;
  }
};

ParseError check_answer_header(crypto::Bytes message, Header& header) {
  const ParseError e = parse_header(message, header);
  if (e != ParseError::none) return e;
  if (header.exchange != Exchange::ike_session_resume) return ParseError::bad_exchange;
  if (header.from_initiator() || !header.is_response()) return ParseError::bad_flags;
  if (header.message_id != MessageId()) return ParseError::bad_message_id;
  return ParseError::none;
}

}  // namespace

ParseError parse_resume_answer(crypto::Bytes message, ResumeAnswer& out) {
  out = {};
  Header header;
  ParseError e = check_answer_header(message, header);
  if (e != ParseError::none) return e;
  out.spi_r = header.spi_r;
  out.message = message;
  AnswerWalk walk{out};
  PayloadChain chain(header.next_payload, message.subspan(kHeaderLen));
  Payload p;
  while (chain.next(p)) {
    if (p.type == PayloadType::notify) e = walk.take_notify(p);
    if (p.type == PayloadType::nonce) e = take_nonce(p, out.nonce);
    if (e != ParseError::none) return e;
  }
  if (chain.error() != ParseError::none) return chain.error();
  if (walk.nack || walk.cookie || walk.error) {
    out.kind = walk.nack     ? ResumeAnswerKind::nack
               : walk.cookie ? ResumeAnswerKind::cookie
                             : ResumeAnswerKind::error_notify;
    return ParseError::none;
  }
  if (out.nonce.empty()) return ParseError::missing_payload;
  return out.spi_r == IkeSpi() ? ParseError::bad_spi : ParseError::none;
}

}  // namespace ike
