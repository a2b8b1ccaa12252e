// The QCD token and the unprotected answer to an unknown SPI.
#include "ike/crash_detection.h"

#include <array>

#include "crypto/base/secret.h"
#include "crypto/prf_plus.h"
#include "ike/payload.h"

namespace ike {
namespace {

ParseError take_notify(crypto::Bytes body, CrashAnswer& out) {
  NotifyView notify;
  const ParseError e = parse_notify(body, notify);
  if (e != ParseError::none) return e;
  if (notify.is(Notify::invalid_ike_spi)) out.invalid_ike_spi = true;
  if (!notify.is(Notify::quick_crash_detection)) return ParseError::none;
  if (!out.token.empty()) return ParseError::duplicate_payload;
  if (notify.data.size() < kQcdTokenLenMin || notify.data.size() > kQcdTokenLenMax)
    return ParseError::bad_notify;
  out.token = notify.data;
  return ParseError::none;
}

}  // namespace

void derive_qcd_token(crypto::Engine& engine, crypto::Bytes secret, IkeSpi spi_i, IkeSpi spi_r,
                      std::uint8_t* out) {
  std::array<std::uint8_t, 16> spis;
  crypto::store_be64(spis.data(), spi_i.value());
  crypto::store_be64(spis.data() + 8, spi_r.value());
  crypto::prf_once(engine, crypto::Prf::hmac_sha256, secret, spis, out);
}

void write_qcd_token(ChainBuilder& chain, crypto::Bytes token) {
  chain.notify(Notify::quick_crash_detection, token);
}

std::size_t write_crash_answer(const Header& request, crypto::Bytes token, crypto::MutBytes out) {
  Header header = request;
  header.version = kVersion2;
  // The I flag tells who the original initiator is, so the answer carries the opposite.
  header.flags = request.from_initiator() ? kFlagResponse : kFlagResponse | kFlagInitiator;
  MessageBuilder message(out, header);
  message.chain().notify(Notify::invalid_ike_spi);
  if (!token.empty()) write_qcd_token(message.chain(), token);
  return message.finish();
}

ParseError parse_crash_answer(crypto::Bytes message, CrashAnswer& out) {
  out = {};
  ParseError e = parse_header(message, out.header);
  if (e != ParseError::none) return e;
  if (!out.header.is_response()) return ParseError::bad_flags;
  PayloadChain chain(out.header.next_payload, message.subspan(kHeaderLen));
  Payload p;
  while (chain.next(p)) {
    if (p.type == PayloadType::notify) e = take_notify(p.body, out);
    if (p.type == PayloadType::sk || p.type == PayloadType::skf) e = ParseError::bad_sk;
    if (e != ParseError::none) return e;
  }
  if (chain.error() != ParseError::none) return chain.error();
  return out.invalid_ike_spi && !out.token.empty() ? ParseError::none : ParseError::missing_payload;
}

bool is_qcd_token(crypto::Bytes token, crypto::Bytes known) {
  return !token.empty() && crypto::ct_equal(token, known);
}

}  // namespace ike
