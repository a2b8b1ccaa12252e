// Finding, opening, building and sealing the Encrypted payload.
#include "ike/sk_payload.h"

#include <array>
#include <utility>

#include "crypto/base/error.h"
#include "crypto/base/secret.h"
#include "crypto/prf_plus.h"
#include "ike/payload.h"

namespace ike {
namespace {

constexpr std::size_t kAeadIvLen = 8;
constexpr std::size_t kSaltLen = 4;
constexpr std::size_t kBlockLen = 16;

std::size_t iv_of(crypto::Bytes message) {
  CHECK(message.size() >= kHeaderLen);
  return iv_at(message[16] == std::to_underlying(PayloadType::skf));
}

// RFC 5282 §4: nonce = salt | IV; the salt is the end of SK_e.
void write_nonce(crypto::Bytes sk_e, const std::uint8_t* iv, std::uint8_t* nonce) {
  CHECK(sk_e.size() >= kSaltLen);
  std::memcpy(nonce, sk_e.data() + sk_e.size() - kSaltLen, kSaltLen);
  std::memcpy(nonce + kSaltLen, iv, kAeadIvLen);
}

// The truncated HMAC of an encrypt-then-MAC suite over `text`; `icv` has icv_len(suite) octets.
void write_icv(crypto::Engine& engine, const Suite& suite, crypto::Bytes sk_a, crypto::Bytes text,
               crypto::MutBytes icv) {
  crypto::Secret<crypto::kPrfLenMax> mac;
  crypto::prf_once(engine, integ_prf_of(suite.integ), sk_a, text, mac.fill().data());
  std::memcpy(icv.data(), mac.reveal().data(), icv.size());
}

}  // namespace

ParseError find_sk(crypto::Bytes message, const Header& header, const Suite& suite, SkView& out) {
  if (message.size() < kHeaderLen) return ParseError::runt;
  PayloadChain chain(header.next_payload, message.subspan(kHeaderLen));
  Payload p;
  do {
    if (!chain.next(p))
      return chain.error() == ParseError::none ? ParseError::missing_payload : chain.error();
  } while (p.type != PayloadType::sk && p.type != PayloadType::skf);

  crypto::ByteReader body(p.body);
  out.first_inner = p.next;
  out.fragment = p.type == PayloadType::skf;
  out.fragment_number = 1;
  out.fragment_total = 1;
  if (out.fragment && (!body.be16(out.fragment_number) || !body.be16(out.fragment_total) ||
                       out.fragment_number == 0 || out.fragment_number > out.fragment_total))
    return ParseError::bad_sk;
  out.aad = message.first(message.size() - body.remaining());
  if (!body.take(iv_len(suite), out.iv)) return ParseError::bad_sk;
  const std::size_t icv = icv_len(suite);
  if (body.remaining() <= icv) return ParseError::bad_sk;  // Pad Length is always there.
  const std::size_t text_len = body.remaining() - icv;
  if (!is_aead(suite.encr) && text_len % kBlockLen != 0) return ParseError::bad_sk;
  return body.take(text_len, out.ciphertext) && body.take(icv, out.icv) ? ParseError::none
                                                                        : ParseError::bad_sk;
}

crypto::AeadLane open_lane(const SkView& sk, crypto::Bytes sk_e, std::uint8_t* nonce,
                           std::uint8_t* plaintext) {
  write_nonce(sk_e, sk.iv.data(), nonce);
  crypto::AeadLane lane;
  lane.raw_key = sk_e.data();
  lane.nonce = nonce;
  lane.aad = sk.aad;
  lane.in = sk.ciphertext.data();
  lane.len = static_cast<std::uint32_t>(sk.ciphertext.size());
  lane.out = plaintext;
  lane.tag = const_cast<std::uint8_t*>(sk.icv.data());  // Engine::open only reads it.
  return lane;
}

ParseError strip_padding(crypto::Bytes plaintext, crypto::Bytes& inner) {
  if (plaintext.empty()) return ParseError::bad_padding;
  const std::size_t trailer = std::size_t{plaintext.back()} + 1;
  if (trailer > plaintext.size()) return ParseError::bad_padding;
  inner = plaintext.first(plaintext.size() - trailer);
  return ParseError::none;
}

bool open_sk(crypto::Engine& engine, const Suite& suite, crypto::Bytes sk_e, crypto::Bytes sk_a,
             const SkView& sk, std::uint8_t* plaintext) {
  if (is_aead(suite.encr)) {
    std::array<std::uint8_t, crypto::kAeadNonceLen> nonce;
    crypto::AeadLane lane = open_lane(sk, sk_e, nonce.data(), plaintext);
    engine.open(aead_of(suite), {&lane, 1});
    return lane.ok;
  }
  // The parts lie behind each other in the message.
  const crypto::Bytes text(sk.aad.data(), sk.aad.size() + sk.iv.size() + sk.ciphertext.size());
  crypto::Secret<crypto::kPrfLenMax> icv;
  const crypto::MutBytes expected = icv.fill().first(icv_len(suite));
  write_icv(engine, suite, sk_a, text, expected);
  if (!crypto::ct_equal(expected, sk.icv)) return false;
  engine.cbc_decrypt(sk_e, sk.iv.data(), sk.ciphertext, plaintext);
  return true;
}

void SkBuilder::inner(PayloadType first, crypto::Bytes octets) {
  first_inner_ = first;
  writer_.bytes(octets);
}

std::size_t SkBuilder::finish(crypto::Bytes iv) {
  const bool is_fragment = fragment_.number != 0;
  const std::size_t text_at = iv_at(is_fragment) + iv_len(suite_);
  std::size_t padding = 0;
  if (!is_aead(suite_.encr) && writer_.ok())
    padding = kBlockLen - 1 - (writer_.size() - text_at) % kBlockLen;
  writer_.zeros(padding);
  writer_.u8(static_cast<std::uint8_t>(padding));
  static_cast<void>(writer_.reserve(icv_len(suite_)));
  const std::size_t len = writer_.size();
  if (!writer_.ok() || len - kHeaderLen > 0xffff) return 0;
  CHECK(iv.size() == iv_len(suite_));

  header_.next_payload = is_fragment ? PayloadType::skf : PayloadType::sk;
  header_.length = static_cast<std::uint32_t>(len);
  write_header(header_, writer_.at(0));
  const PayloadType first =
      chain_.first_type() != PayloadType::none ? chain_.first_type() : first_inner_;
  std::uint8_t* generic = writer_.at(kHeaderLen);
  generic[0] = static_cast<std::uint8_t>(first);
  generic[1] = 0;
  crypto::store_be16(generic + 2, static_cast<std::uint16_t>(len - kHeaderLen));
  if (is_fragment) {
    crypto::store_be16(generic + 4, fragment_.number);
    crypto::store_be16(generic + 6, fragment_.total);
  }
  std::memcpy(writer_.at(iv_at(is_fragment)), iv.data(), iv.size());
  return len;
}

crypto::AeadLane seal_lane(crypto::MutBytes message, crypto::Bytes sk_e, std::uint8_t* nonce) {
  const std::size_t aad_len = iv_of(message);
  const std::size_t text_at = aad_len + kAeadIvLen;
  CHECK(message.size() > text_at + crypto::kAeadTagLen);
  const std::size_t tag_at = message.size() - crypto::kAeadTagLen;
  write_nonce(sk_e, message.data() + aad_len, nonce);
  crypto::AeadLane lane;
  lane.raw_key = sk_e.data();
  lane.nonce = nonce;
  lane.aad = message.first(aad_len);
  lane.in = message.data() + text_at;
  lane.len = static_cast<std::uint32_t>(tag_at - text_at);
  lane.out = message.data() + text_at;
  lane.tag = message.data() + tag_at;
  return lane;
}

void seal_sk(crypto::Engine& engine, const Suite& suite, crypto::Bytes sk_e, crypto::Bytes sk_a,
             crypto::MutBytes message) {
  if (is_aead(suite.encr)) {
    std::array<std::uint8_t, crypto::kAeadNonceLen> nonce;
    crypto::AeadLane lane = seal_lane(message, sk_e, nonce.data());
    engine.seal(aead_of(suite), {&lane, 1});
    return;
  }
  const std::uint8_t* iv = message.data() + iv_of(message);
  const std::size_t text_at = iv_of(message) + iv_len(suite);
  const std::size_t icv_at = message.size() - icv_len(suite);
  const crypto::MutBytes text = message.subspan(text_at, icv_at - text_at);
  engine.cbc_encrypt(sk_e, iv, text, text.data());
  write_icv(engine, suite, sk_a, message.first(icv_at), message.subspan(icv_at));
}

}  // namespace ike
