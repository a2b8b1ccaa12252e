// Messages octet by octet, and the formulas of RFC 7296 §2.14 and RFC 5723 §5.1.
#include "tests/support/scalar_client.h"

#include <algorithm>

#include "crypto/base/error.h"
#include "crypto/prf_plus.h"

namespace rig {
namespace {

using ike::PayloadType;

constexpr std::size_t kTagLen = 16;

Octets text(std::string_view s) { return {s.begin(), s.end()}; }
Octets slice(const Octets& from, std::size_t& at, std::size_t len) {
  const auto start = from.begin() + static_cast<std::ptrdiff_t>(at);
  at += len;
  return {start, start + static_cast<std::ptrdiff_t>(len)};
}

// One proposal of the child suite (RFC 7296 §3.3).
Octets sa_body(const ike::Suite& suite, std::uint32_t spi) {
  const auto transform = [](bool last, std::uint8_t type, std::uint64_t id,
                            const Octets& attribute) {
    return Octets{static_cast<std::uint8_t>(last ? 0 : 3), 0} + be16(8 + attribute.size()) +
           Octets{type, 0} + be16(id) + attribute;
  };
  const Octets key_len = suite.key_bits != 0 ? be16(0x800e) + be16(suite.key_bits) : Octets{};
  Octets transforms = transform(false, 1, static_cast<std::uint64_t>(suite.encr), key_len);
  std::uint8_t count = 2;
  if (suite.integ != ike::IntegId::none) {
    transforms = transforms + transform(false, 3, static_cast<std::uint64_t>(suite.integ), {});
    ++count;
  }
  transforms = transforms + transform(true, 5, suite.esn ? 1 : 0, {});
  return Octets{0, 0} + be16(12 + transforms.size()) + Octets{1, 3, 4, count} + be32(spi) +
         transforms;
}

Octets any_selector4() {
  return Octets{1, 0, 0, 0, 7, 0} + be16(16) + be16(0) + be16(0xffff) + be32(0) + be32(0xffffffff);
}
Octets any_selectors46() {
  Octets body = any_selector4();
  body[0] = 2;
  return body + Octets{8, 0} + be16(40) + be16(0) + be16(0xffff) + Octets(16, 0) + Octets(16, 0xff);
}

// CFG_REQUEST with the former addresses as wishes; for IPv4 without a wish when there is none.
Octets config_body(const Keepsake& old) {
  Octets body = {1, 0, 0, 0};
  if (old.ip4) body = body + be16(1) + be16(4) + *old.ip4;
  if (old.ip6) body = body + be16(8) + be16(17) + *old.ip6 + Octets{128};
  if (!old.ip4 && !old.ip6) body = body + be16(1) + be16(0);
  return body;
}

}  // namespace

Octets operator+(Octets a, const Octets& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
Octets be16(std::uint64_t v) {
  return {static_cast<std::uint8_t>(v >> 8), static_cast<std::uint8_t>(v)};
}
Octets be32(std::uint64_t v) { return be16(v >> 16) + be16(v); }
Octets be64(std::uint64_t v) { return be32(v >> 32) + be32(v); }

RawPayload raw_notify(std::uint16_t type, const Octets& data) {
  return {.type = PayloadType::notify, .body = Octets{0, 0} + be16(type) + data};
}

Octets write_chain(const RawChain& chain, std::uint8_t next_after_last) {
  Octets out;
  for (std::size_t i = 0; i < chain.size(); ++i) {
    const std::uint8_t next =
        i + 1 < chain.size() ? static_cast<std::uint8_t>(chain[i + 1].type) : next_after_last;
    out = out + Octets{next, chain[i].second_octet} +
          be16(chain[i].len.value_or(static_cast<std::uint16_t>(4 + chain[i].body.size()))) +
          chain[i].body;
  }
  return out;
}

const RawPayload* RawMessage::find(PayloadType type) const {
  const auto at = std::ranges::find(payloads, type, &RawPayload::type);
  return at == payloads.end() ? nullptr : &*at;
}
RawPayload* RawMessage::find(PayloadType type) {
  const auto at = std::ranges::find(payloads, type, &RawPayload::type);
  return at == payloads.end() ? nullptr : &*at;
}

std::optional<Octets> RawMessage::notify(ike::Notify type) const {
  for (const RawPayload& p : payloads)
    if (p.type == PayloadType::notify && p.body.size() >= 4 &&
        crypto::load_be16(p.body.data() + 2) == static_cast<std::uint16_t>(type))
      return Octets(p.body.begin() + 4 + p.body[1], p.body.end());
  return {};
}

std::vector<std::uint16_t> RawMessage::notifies() const {
  std::vector<std::uint16_t> types;
  for (const RawPayload& p : payloads)
    if (p.type == PayloadType::notify && p.body.size() >= 4)
      types.push_back(crypto::load_be16(p.body.data() + 2));
  return types;
}

Octets write_message(const RawMessage& m) {
  const Octets chain = write_chain(m.payloads) + m.tail;
  const std::uint8_t first =
      m.payloads.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(m.payloads[0].type);
  return be64(m.spi_i) + be64(m.spi_r) +
         Octets{m.next_payload.value_or(first), m.version, static_cast<std::uint8_t>(m.exchange),
                m.flags} +
         be32(m.message_id) + be32(m.len.value_or(static_cast<std::uint32_t>(28 + chain.size()))) +
         chain;
}

std::optional<RawChain> read_chain(std::uint8_t first, crypto::Bytes octets) {
  RawChain chain;
  std::uint8_t type = first;
  while (type != 0) {
    if (octets.size() < 4) return {};
    const std::size_t len = crypto::load_be16(octets.data() + 2);
    if (len < 4 || len > octets.size()) return {};
    chain.push_back({.type = static_cast<PayloadType>(type),
                     .body = Octets(octets.begin() + 4, octets.begin() + static_cast<long>(len)),
                     .second_octet = octets[1]});
    const bool ends = chain.back().type == PayloadType::sk || chain.back().type == PayloadType::skf;
    type = ends ? std::uint8_t{0} : octets[0];
    octets = octets.subspan(len);
  }
  if (!octets.empty()) return {};
  return chain;
}

std::optional<RawMessage> read_message(crypto::Bytes o) {
  if (o.size() < 28 || crypto::load_be32(o.data() + 24) != o.size()) return {};
  RawMessage m;
  m.spi_i = crypto::load_be64(o.data());
  m.spi_r = crypto::load_be64(o.data() + 8);
  m.version = o[17];
  m.exchange = static_cast<ike::Exchange>(o[18]);
  m.flags = o[19];
  m.message_id = crypto::load_be32(o.data() + 20);
  std::optional<RawChain> chain = read_chain(o[16], o.subspan(28));
  if (!chain) return {};
  m.payloads = std::move(*chain);
  return m;
}

ScalarClient::ScalarClient(Keepsake kept, std::uint64_t seed)
    : old(std::move(kept)), engine_(crypto::make_ossl_engine()), state_(seed) {
  spi_i = crypto::load_be64(random_octets(8).data()) | 1;
  nonce_i = random_octets(32);
}

// SplitMix64: tests need difference, not secrecy.
Octets ScalarClient::random_octets(std::size_t len) {
  Octets out;
  while (out.size() < len) {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    out = out + be64(z ^ (z >> 31));
  }
  out.resize(len);
  return out;
}

RawMessage ScalarClient::plain_message1() const {
  RawMessage m;
  m.spi_i = spi_i;
  m.payloads = {{.type = PayloadType::nonce, .body = nonce_i},
                raw_notify(ike::Notify::ticket_opaque, old.ticket)};
  return m;
}

Octets ScalarClient::with_cookie(const Octets& cookie) const {
  std::optional<RawMessage> m = read_message(message1);
  CHECK(m.has_value());
  m->payloads.insert(m->payloads.begin(), raw_notify(ike::Notify::cookie, cookie));
  return write_message(*m);
}

bool ScalarClient::take_message2(crypto::Bytes octets) {
  const std::optional<RawMessage> m = read_message(octets);
  if (!m || m->spi_i != spi_i || m->spi_r == 0 || m->message_id != 0 || m->flags != 0x20 ||
      m->version != 0x20 || m->exchange != ike::Exchange::ike_session_resume)
    return false;
  const RawPayload* nonce = m->find(PayloadType::nonce);
  if (nonce == nullptr) return false;
  nonce_r = nonce->body;
  spi_r = m->spi_r;
  message2 = {octets.begin(), octets.end()};
  derive();
  return true;
}

Octets ScalarClient::prf(const Octets& key, const Octets& message) const {
  Octets out(ike::prf_len(old.suite));
  crypto::prf_once(*engine_, ike::prf_of(old.suite.prf), key, message, out.data());
  return out;
}

// T1 = prf(K, S | 1), T2 = prf(K, T1 | S | 2), ...
Octets ScalarClient::prf_plus(const Octets& key, const Octets& seed, std::size_t len) const {
  Octets out, block;
  for (std::uint8_t n = 1; out.size() < len; ++n) {
    block = prf(key, block + seed + Octets{n});
    out = out + block;
  }
  out.resize(len);
  return out;
}

void ScalarClient::derive() {
  const Octets seed = prf(old.sk_d, text("Resumption") + nonce_i + nonce_r);
  const std::size_t p = ike::prf_len(old.suite);
  const std::size_t a = ike::integ_key_len(old.suite);
  const std::size_t e = ike::encr_key_len(old.suite);
  const Octets all =
      prf_plus(seed, nonce_i + nonce_r + be64(spi_i) + be64(spi_r), 3 * p + 2 * a + 2 * e);
  std::size_t at = 0;
  keys.d = slice(all, at, p);
  keys.ai = slice(all, at, a);
  keys.ar = slice(all, at, a);
  keys.ei = slice(all, at, e);
  keys.er = slice(all, at, e);
  keys.pi = slice(all, at, p);
  keys.pr = slice(all, at, p);
}

Octets ScalarClient::auth_i(ike::AuthForm form) const {
  if (form == ike::AuthForm::libreswan) return prf(keys.pi, message1);
  return prf(keys.pi, message1 + nonce_r + prf(keys.pi, old.id_i));
}
Octets ScalarClient::auth_r(ike::AuthForm form) const {
  if (form == ike::AuthForm::libreswan) return prf(keys.pr, message2);
  return prf(keys.pr, message2 + nonce_i + prf(keys.pr, old.id_r));
}

RawChain ScalarClient::plain_inner3(ike::AuthForm form) const {
  const Octets selectors = old.ip6 ? any_selectors46() : any_selector4();
  return {{.type = PayloadType::id_i, .body = old.id_i},
          {.type = PayloadType::id_r, .body = old.id_r},
          {.type = PayloadType::auth, .body = Octets{2, 0, 0, 0} + auth_i(form)},
          {.type = PayloadType::cp, .body = config_body(old)},
          {.type = PayloadType::sa, .body = sa_body(child_suite, child_spi)},
          {.type = PayloadType::ts_i, .body = selectors},
          {.type = PayloadType::ts_r, .body = selectors},
          raw_notify(ike::Notify::ticket_request)};
}

Octets ScalarClient::seal(const RawChain& inner, const Protection& how) {
  const std::uint8_t first =
      inner.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(inner[0].type);
  return seal_octets(write_chain(inner), first, how);
}

Octets ScalarClient::seal_octets(const Octets& inner, std::uint8_t first, const Protection& how) {
  const bool aead = ike::is_aead(old.suite.encr);
  std::size_t padding = how.extra_padding;
  if (!aead) padding += 15 - (inner.size() + padding) % 16;
  const Octets plain = inner + Octets(padding, how.pad_octet) +
                       Octets{how.pad_length.value_or(static_cast<std::uint8_t>(padding))};
  const Octets iv = aead ? be64(next_iv_++) : random_octets(16);
  const bool fragment = how.fragments != 0;
  const Octets numbers = fragment ? be16(how.fragment) + be16(how.fragments) : Octets{};
  const std::size_t icv_len = ike::icv_len(old.suite);

  RawMessage outer;
  outer.spi_i = how.spi_i.value_or(spi_i);
  outer.spi_r = how.spi_r.value_or(spi_r);
  outer.exchange = how.exchange;
  outer.flags = how.flags;
  outer.message_id = how.message_id;
  outer.payloads = how.before_sk;
  outer.payloads.push_back({.type = fragment ? PayloadType::skf : PayloadType::sk,
                            .body = numbers + iv + plain + Octets(icv_len, 0)});
  Octets message = write_message(outer);
  const std::size_t sk_len = 4 + numbers.size() + iv.size() + plain.size() + icv_len;
  const std::size_t sk_at = message.size() - sk_len;
  message[sk_at] = how.first_inner.value_or(first);

  const std::size_t text_at = sk_at + 4 + numbers.size() + iv.size();
  const std::size_t icv_at = message.size() - icv_len;
  if (aead) {
    const Octets nonce = Octets(keys.ei.end() - 4, keys.ei.end()) + iv;
    crypto::AeadLane lane{.raw_key = keys.ei.data(),
                          .nonce = nonce.data(),
                          .aad = crypto::Bytes(message).first(text_at - iv.size()),
                          .in = message.data() + text_at,
                          .len = static_cast<std::uint32_t>(plain.size()),
                          .out = message.data() + text_at,
                          .tag = message.data() + icv_at};
    engine_->seal(ike::aead_of(old.suite), {&lane, 1});
    return message;
  }
  engine_->cbc_encrypt(keys.ei, iv.data(), crypto::Bytes(message).subspan(text_at, plain.size()),
                       message.data() + text_at);
  Octets mac(crypto::kPrfLenMax);
  crypto::prf_once(*engine_, ike::integ_prf_of(old.suite.integ), keys.ai,
                   crypto::Bytes(message).first(icv_at), mac.data());
  std::copy_n(mac.begin(), icv_len, message.begin() + static_cast<std::ptrdiff_t>(icv_at));
  return message;
}

std::vector<Octets> ScalarClient::message3_fragments(std::size_t count, const Protection& how) {
  const RawChain inner = plain_inner3();
  const Octets all = write_chain(inner);
  const std::size_t each = (all.size() + count - 1) / count;
  std::vector<Octets> out;
  std::size_t at = 0;
  for (std::size_t i = 0; i < count; ++i) {
    Protection part = how;
    part.fragment = static_cast<std::uint16_t>(i + 1);
    part.fragments = static_cast<std::uint16_t>(count);
    const Octets piece = slice(all, at, std::min(each, all.size() - at));
    // RFC 7383 §2.5: only the first fragment names the first inner payload.
    const std::uint8_t first = i == 0 ? static_cast<std::uint8_t>(inner[0].type) : std::uint8_t{0};
    out.push_back(seal_octets(piece, first, part));
  }
  return out;
}

std::optional<RawMessage> ScalarClient::open(crypto::Bytes octets) const {
  std::optional<RawMessage> m = read_message(octets);
  if (!m || m->payloads.size() != 1 || m->payloads[0].type != PayloadType::sk) return {};
  const Octets& body = m->payloads[0].body;
  const std::size_t iv_len = ike::iv_len(old.suite);
  const std::size_t icv_len = ike::icv_len(old.suite);
  if (body.size() < iv_len + icv_len + 1) return {};
  Octets plain(body.begin() + static_cast<long>(iv_len), body.end() - static_cast<long>(icv_len));
  Octets icv(body.end() - static_cast<long>(icv_len), body.end());
  if (ike::is_aead(old.suite.encr)) {
    const Octets nonce =
        Octets(keys.er.end() - 4, keys.er.end()) + Octets(body.begin(), body.begin() + 8);
    crypto::AeadLane lane{.raw_key = keys.er.data(),
                          .nonce = nonce.data(),
                          .aad = octets.first(octets.size() - body.size()),
                          .in = plain.data(),
                          .len = static_cast<std::uint32_t>(plain.size()),
                          .out = plain.data(),
                          .tag = icv.data()};
    CHECK(icv.size() == kTagLen);
    engine_->open(ike::aead_of(old.suite), {&lane, 1});
    if (!lane.ok) return {};
  } else {
    Octets mac(crypto::kPrfLenMax);
    crypto::prf_once(*engine_, ike::integ_prf_of(old.suite.integ), keys.ar,
                     octets.first(octets.size() - icv_len), mac.data());
    mac.resize(icv_len);
    if (mac != icv || plain.size() % 16 != 0) return {};
    engine_->cbc_decrypt(keys.er, body.data(), plain, plain.data());
  }
  if (std::size_t{plain.back()} + 1 > plain.size()) return {};
  plain.resize(plain.size() - 1 - plain.back());
  std::optional<RawChain> chain = read_chain(octets[28], plain);
  if (!chain) return {};
  m->payloads = std::move(*chain);
  return m;
}

std::string ScalarClient::judge(const RawMessage& m, ike::AuthForm form) const {
  if (m.spi_i != spi_i || m.spi_r != spi_r) return "wrong SPIs";
  if (m.exchange != ike::Exchange::ike_auth || m.flags != 0x20 || m.message_id != 1)
    return "wrong header";
  const RawPayload* id_r = m.find(PayloadType::id_r);
  if (id_r == nullptr || id_r->body != old.id_r) return "wrong IDr";
  const RawPayload* auth = m.find(PayloadType::auth);
  if (auth == nullptr || auth->body != Octets{2, 0, 0, 0} + auth_r(form)) return "wrong AUTH";
  for (PayloadType type : {PayloadType::sa, PayloadType::ts_i, PayloadType::ts_r})
    if (m.find(type) == nullptr) return "a payload of the Child SA is missing";
  return {};
}

Keepsake ScalarClient::renewed(const RawMessage& message4) const {
  Keepsake next = old;
  const auto ticket = message4.notify(ike::Notify::ticket_lt_opaque);
  CHECK(ticket && ticket->size() > 4);
  next.ticket.assign(ticket->begin() + 4, ticket->end());
  next.spi_i = spi_i;
  next.spi_r = spi_r;
  next.sk_d = keys.d;
  return next;
}

}  // namespace rig
