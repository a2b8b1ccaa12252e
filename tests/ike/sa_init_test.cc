// Tests of IKE_SA_INIT: both parsers, all writers.
#include "ike/sa_init.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "ike/proposal.h"
#include "ike/resume.h"
#include "tests/ike/messages.h"
#include "tests/support/vectors.h"

namespace ike {
namespace {

const Suite kSuite{EncrId::aes_gcm_16, 256, PrfId::hmac_sha2_256, IntegId::none, KeId::curve25519};
constexpr const char* kSaHex =
    "0000002401010003"
    "0300000c01000014800e0100"
    "0300000802000005"
    "000000080400001f";

Header header(bool response = false) {
  Header h;
  h.spi_i = IkeSpi(0x0102030405060708);
  if (response) h.spi_r = IkeSpi(0x1112131415161718);
  h.exchange = Exchange::ike_sa_init;
  h.flags = response ? kFlagResponse : kFlagInitiator;
  return h;
}

RawPayload ke_payload(std::size_t len = 32) {
  Octets body = from_hex("001f0000");
  body.insert(body.end(), len, std::uint8_t{0x4b});
  return raw(PayloadType::ke, body);
}

std::vector<RawPayload> payloads() {
  return {raw(PayloadType::sa, from_hex(kSaHex)),
          ke_payload(),
          raw(PayloadType::nonce, filled(32, 0x11)),
          notify(Notify::nat_detection_source_ip, filled(20, 1)),
          notify(Notify::nat_detection_destination_ip, filled(20, 2)),
          notify(Notify::ikev2_fragmentation_supported),
          notify(Notify::signature_hash_algorithms, from_hex("00020003000400050100")),
          notify(Notify::redirect_supported)};
}

struct Parsed {
  ParseError error;
  Octets message;  // what the views of `request` point into
  SaInitRequest request;
  PayloadType offending = PayloadType::none;
};
Parsed parse(Octets message) {
  Parsed p;
  p.message = std::move(message);
  p.error = parse_sa_init_request(p.message, p.request, p.offending);
  return p;
}
ParseError parse_with(std::size_t index, RawPayload replacement) {
  std::vector<RawPayload> list = payloads();
  list[index] = std::move(replacement);
  return parse(message_of(header(), list)).error;
}
ParseError parse_more(RawPayload more) {
  std::vector<RawPayload> list = payloads();
  list.push_back(std::move(more));
  return parse(message_of(header(), list)).error;
}

TEST(SaInitRequest, ReadsEverything) {
  const Parsed p = parse(message_of(header(), payloads()));
  ASSERT_EQ(p.error, ParseError::none);
  const SaInitRequest& r = p.request;
  EXPECT_EQ(r.spi_i, header().spi_i);
  EXPECT_EQ(r.message.data(), p.message.data());
  EXPECT_EQ(r.message.size(), p.message.size());
  EXPECT_EQ(to_hex(r.sa), kSaHex);
  EXPECT_EQ(r.ke, KeId::curve25519);
  EXPECT_EQ(to_hex(r.ke_data), to_hex(filled(32, 0x4b)));
  EXPECT_EQ(to_hex(r.nonce), to_hex(filled(32, 0x11)));
  EXPECT_TRUE(r.has_nat_source && r.has_nat_destination && r.fragmentation_supported &&
              r.redirect_supported);
  EXPECT_EQ(r.nat_source_count, 1u);
  EXPECT_FALSE(r.has_cookie || r.intermediate_supported || r.childless_supported || r.use_ppk);
  EXPECT_EQ(r.signature_hashes, 0b111100) << "id 256 has no bit";
}

TEST(SaInitRequest, TakesAnyOrder) {  // CORE-14
  std::vector<RawPayload> list = payloads();
  for (std::size_t i = 0; i < list.size(); ++i) {
    std::ranges::rotate(list, list.begin() + 1);
    EXPECT_EQ(parse(message_of(header(), list)).error, ParseError::none);
  }
}

TEST(SaInitRequest, TakesACookieInFront) {  // RFC 7296 §2.6, CORE-31
  std::vector<RawPayload> list = payloads();
  list.insert(list.begin(), notify(Notify::cookie, filled(24, 0xcc)));
  Parsed p = parse(message_of(header(), list));
  ASSERT_EQ(p.error, ParseError::none);
  EXPECT_TRUE(p.request.has_cookie);
  EXPECT_EQ(to_hex(p.request.cookie), to_hex(filled(24, 0xcc)));
  std::ranges::rotate(list, list.begin() + 1);
  p = parse(message_of(header(), list));
  EXPECT_EQ(p.error, ParseError::none);
  EXPECT_FALSE(p.request.has_cookie) << "elsewhere it is noise";
}

TEST(SaInitRequest, IgnoresWhatItNeedNotKnow) {  // CORE-10, CORE-12, CORE-19, R5723-26
  EXPECT_EQ(parse_more({200, {1, 2, 3}}), ParseError::none);
  EXPECT_EQ(parse_more(raw(PayloadType::vendor_id, filled(2500, 1))), ParseError::none);
  EXPECT_EQ(parse_more(notify(static_cast<Notify>(40000), {1})), ParseError::none);
  EXPECT_EQ(parse_more(notify(static_cast<Notify>(12000))), ParseError::none);
  EXPECT_EQ(parse_more(notify(Notify::ticket_opaque, filled(20, 1))), ParseError::none);
  EXPECT_EQ(parse_more(raw(PayloadType::certreq, {4})), ParseError::none);
  std::vector<RawPayload> list = payloads();
  for (RawPayload& p : list) {
    p.critical = true;
    p.reserved = 0x7f;
  }
  Header h = header();
  h.version = 0x2f;
  h.flags = 0xdf;
  EXPECT_EQ(parse(message_of(h, list)).error, ParseError::none);
}

TEST(SaInitRequest, NamesTheUnknownCriticalPayload) {  // CORE-11
  std::vector<RawPayload> list = payloads();
  list.push_back({200, {1}, true});
  const Parsed p = parse(message_of(header(), list));
  EXPECT_EQ(p.error, ParseError::critical_unknown);
  EXPECT_EQ(p.offending, static_cast<PayloadType>(200));
}

TEST(SaInitRequest, ChecksTheHeader) {  // CORE-04, CORE-06, CORE-07, CORE-08
  const auto with = [](auto change) {
    Header h = header();
    change(h);
    return parse(message_of(h, payloads())).error;
  };
  EXPECT_EQ(with([](Header& h) { h.exchange = Exchange::ike_auth; }), ParseError::bad_exchange);
  EXPECT_EQ(with([](Header& h) { h.flags = 0; }), ParseError::bad_flags);
  EXPECT_EQ(with([](Header& h) { h.flags = kFlagResponse; }), ParseError::bad_flags);
  EXPECT_EQ(with([](Header& h) { h.flags |= kFlagResponse; }), ParseError::bad_flags);
  EXPECT_EQ(with([](Header& h) { h.message_id = MessageId(1); }), ParseError::bad_message_id);
  EXPECT_EQ(with([](Header& h) { h.spi_r = IkeSpi(1); }), ParseError::bad_spi);
  EXPECT_EQ(with([](Header& h) { h.spi_i = IkeSpi(); }), ParseError::bad_spi);
  EXPECT_EQ(with([](Header& h) { h.version = 0x30; }), ParseError::bad_version);
}

TEST(SaInitRequest, WantsEachOfTheThreeOnce) {
  for (std::size_t i = 0; i < 3; ++i) {
    std::vector<RawPayload> list = payloads();
    list.push_back(list[i]);
    EXPECT_EQ(parse(message_of(header(), list)).error, ParseError::duplicate_payload) << i;
    list = payloads();
    list.erase(list.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_EQ(parse(message_of(header(), list)).error, ParseError::missing_payload) << i;
  }
}

TEST(SaInitRequest, RefusesWhatIsMalformed) {  // CORE-15, CORE-30
  EXPECT_EQ(parse_with(0, raw(PayloadType::sa, from_hex("00000024"))), ParseError::bad_proposal);
  EXPECT_EQ(parse_with(1, ke_payload(0)), ParseError::bad_ke);
  EXPECT_EQ(parse_with(2, raw(PayloadType::nonce, filled(15, 1))), ParseError::bad_nonce_length);
  EXPECT_EQ(parse_with(2, raw(PayloadType::nonce, filled(257, 1))), ParseError::bad_nonce_length);
  EXPECT_EQ(parse_with(2, raw(PayloadType::nonce, filled(256, 1))), ParseError::none);
  EXPECT_EQ(parse_with(3, notify(Notify::nat_detection_source_ip, filled(19, 1))),
            ParseError::bad_notify);
  EXPECT_EQ(parse_with(6, notify(Notify::signature_hash_algorithms, {0, 2, 0})),
            ParseError::bad_notify);
  EXPECT_EQ(parse_more(raw(PayloadType::notify, {0, 9, 64, 6})), ParseError::bad_notify);
  EXPECT_EQ(parse_more(raw(PayloadType::sk, filled(40, 1))), ParseError::bad_sk);
  RawPayload overrun = raw(PayloadType::vendor_id, {1});
  overrun.length = 6;
  EXPECT_EQ(parse_more(overrun), ParseError::payload_overrun);
  std::vector<RawPayload> many = payloads();
  while (many.size() < kPayloadsMax) many.push_back(raw(PayloadType::vendor_id, {1}));
  EXPECT_EQ(parse(message_of(header(), many)).error, ParseError::none);
  many.push_back(raw(PayloadType::vendor_id, {1}));
  EXPECT_EQ(parse(message_of(header(), many)).error, ParseError::too_many_payloads);
}

TEST(SaInitRequest, RefusesEveryTruncation) {
  const Octets message = message_of(header(), payloads());
  SaInitRequest r;
  PayloadType offending{};
  for (std::size_t len = 0; len < message.size(); ++len) {
    Octets cut(message.begin(), message.begin() + static_cast<std::ptrdiff_t>(len));
    EXPECT_NE(parse_sa_init_request(cut, r, offending), ParseError::none);
    if (len < kHeaderLen) continue;
    patch_length(cut.data(), len);  // Now the payloads are cut and the header is not.
    EXPECT_NE(parse_sa_init_request(cut, r, offending), ParseError::none);
  }
}

// CORE-40: what libreswan sends and answers in a full handshake.
TEST(SaInit, ReadsLibreswan) {
  const auto file = support::load_vectors("libreswan/libreswan-handshakes.json");
  for (const char* name : {"rw-psk", "rw-ec"}) {
    const Parsed p = parse(from_hex(file.at(name)[0].get<std::string>()));
    ASSERT_EQ(p.error, ParseError::none) << name;
    EXPECT_EQ(p.request.ke, KeId::curve25519);
    EXPECT_EQ(p.request.ke_data.size(), 32u);
    EXPECT_TRUE(p.request.has_nat_source && p.request.fragmentation_supported);
    Choice c;
    bool fits = false;
    ASSERT_TRUE(choose_with_ke(p.request.sa, Protocol::ike, default_ike_suites(), p.request.ke,
                               KePolicy::strict, c, fits));
    EXPECT_TRUE(fits);
    const Octets message = from_hex(file.at(name)[1].get<std::string>());
    SaInitAnswer a;
    ASSERT_EQ(parse_sa_init_answer(message, a), ParseError::none) << name;
    EXPECT_EQ(a.kind, SaInitAnswerKind::response);
    EXPECT_TRUE(a.childless_supported && a.fragmentation_supported && a.has_nat_destination);
    ASSERT_EQ(read_chosen(a.sa, Protocol::ike, c), ParseError::none);
    EXPECT_EQ(c.suite, kSuite);
    EXPECT_EQ(a.has_certreq, std::string(name) == "rw-ec");
    EXPECT_EQ(a.signature_hashes != 0, std::string(name) == "rw-ec");
    EXPECT_EQ(a.signature_hashes, p.request.signature_hashes);
  }
}

SaInitResponse sample_response(const Octets& ke, const Octets& nonce) {
  SaInitResponse r;
  r.spi_i = header().spi_i;
  r.spi_r = header(true).spi_r;
  r.proposal_number = 3;
  r.suite = kSuite;
  r.ke_data = ke;
  r.nonce = nonce;
  return r;
}

TEST(SaInitResponse, ReadsBack) {  // CORE-20, CORE-21, CORE-36, CORE-37, CORE-38
  const Octets ke = filled(32, 9), nonce = filled(32, 8), nat = filled(20, 7);
  SaInitResponse r = sample_response(ke, nonce);
  Octets out(1024);
  out.resize(write_sa_init_response(r, out));
  SaInitAnswer a;
  ASSERT_EQ(parse_sa_init_answer(out, a), ParseError::none);
  EXPECT_FALSE(a.fragmentation_supported || a.childless_supported || a.has_certreq ||
               a.has_nat_source || a.intermediate_supported || a.signature_hashes != 0);
  r.nat_source = r.nat_destination = nat;
  r.fragmentation_supported = r.childless_supported = true;
  r.signature_hashes = hash_bit(HashId::sha2_256) | hash_bit(HashId::sha2_512);
  const std::array<std::uint8_t, 20> authorities[] = {{1}, {2}};
  r.has_certreq = true;
  r.authorities = authorities;
  out.resize(1024);
  out.resize(write_sa_init_response(r, out));
  ASSERT_EQ(parse_sa_init_answer(out, a), ParseError::none);
  EXPECT_EQ(a.kind, SaInitAnswerKind::response);
  EXPECT_EQ(a.spi_r, r.spi_r);
  EXPECT_EQ(to_hex(a.ke_data), to_hex(ke));
  EXPECT_EQ(to_hex(a.nonce), to_hex(nonce));
  EXPECT_EQ(to_hex(a.nat_destination), to_hex(nat));
  EXPECT_TRUE(a.fragmentation_supported && a.childless_supported && a.has_certreq);
  EXPECT_EQ(a.signature_hashes, r.signature_hashes);
  EXPECT_EQ(a.authorities.size(), 40u);
  Choice c;
  ASSERT_EQ(read_chosen(a.sa, Protocol::ike, c), ParseError::none);
  EXPECT_EQ(c.proposal_number, 3);
  EXPECT_EQ(c.suite, kSuite);
  EXPECT_EQ(write_sa_init_response(r, crypto::MutBytes(out).first(out.size() - 1)), 0u);
}

TEST(SaInitResponse, SetsNoCriticalBit) {  // CORE-13
  const Octets ke = filled(32, 9), nonce = filled(32, 8);
  Octets out(1024);
  out.resize(write_sa_init_response(sample_response(ke, nonce), out));
  PayloadChain chain(static_cast<PayloadType>(out[16]), crypto::Bytes(out).subspan(kHeaderLen));
  for (Payload p; chain.next(p);) EXPECT_FALSE(p.critical);
  EXPECT_EQ(chain.error(), ParseError::none);
}

TEST(SaInitAnswer, TellsTheKinds) {  // CORE-26, CORE-27, CORE-31
  Octets out(256);
  SaInitAnswer a;
  Octets message(out.begin(),
                 out.begin() + static_cast<std::ptrdiff_t>(write_cookie_challenge(
                                   header().spi_i, Exchange::ike_sa_init, filled(24, 3), out)));
  message.assign(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(message.size()));
  ASSERT_EQ(parse_sa_init_answer(message, a), ParseError::none);
  EXPECT_EQ(a.kind, SaInitAnswerKind::cookie);
  EXPECT_EQ(to_hex(a.cookie), to_hex(filled(24, 3)));

  out.resize(write_invalid_ke(header(), KeId::ecp_384, out));
  EXPECT_EQ(out.size(), kInvalidKeLen);
  EXPECT_EQ(to_hex(crypto::Bytes(out).subspan(kHeaderLen)), "0000000a000000110014");
  ASSERT_EQ(parse_sa_init_answer(out, a), ParseError::none);
  EXPECT_EQ(a.kind, SaInitAnswerKind::invalid_ke);
  EXPECT_EQ(a.wanted_ke, KeId::ecp_384);
  EXPECT_EQ(a.spi_r, IkeSpi()) << "no state, no SPI";
  EXPECT_EQ(write_invalid_ke(header(), KeId::ecp_384, crypto::MutBytes(out).first(37)), 0u);

  out.resize(64);
  out.resize(write_clear_notify(header(), Notify::no_proposal_chosen, {}, out));
  ASSERT_EQ(parse_sa_init_answer(out, a), ParseError::none);
  EXPECT_EQ(a.kind, SaInitAnswerKind::error_notify);
  EXPECT_EQ(a.error, 14);
}

TEST(SaInitAnswer, RefusesWhatIsNoAnswer) {
  const Header h = header(true);
  std::vector<RawPayload> list = {raw(PayloadType::sa, from_hex(kSaHex)), ke_payload(),
                                  raw(PayloadType::nonce, filled(32, 1))};
  SaInitAnswer a;
  EXPECT_EQ(parse_sa_init_answer(message_of(h, list), a), ParseError::none);
  EXPECT_EQ(parse_sa_init_answer(message_of(header(), list), a), ParseError::bad_flags);
  Header no_spi = h;
  no_spi.spi_r = IkeSpi();
  EXPECT_EQ(parse_sa_init_answer(message_of(no_spi, list), a), ParseError::bad_spi);
  for (std::size_t i = 0; i < 3; ++i) {
    std::vector<RawPayload> fewer = list;
    fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_EQ(parse_sa_init_answer(message_of(h, fewer), a), ParseError::missing_payload);
  }
  const auto with = [&](RawPayload more) {
    std::vector<RawPayload> longer = list;
    longer.push_back(std::move(more));
    return parse_sa_init_answer(message_of(h, longer), a);
  };
  EXPECT_EQ(with(notify(Notify::invalid_ke_payload, {0, 19, 1})), ParseError::bad_notify);
  EXPECT_EQ(with(raw(PayloadType::certreq)), ParseError::bad_cert);
  EXPECT_EQ(with(raw(PayloadType::certreq, filled(20, 4))), ParseError::bad_cert);
  EXPECT_EQ(with(raw(PayloadType::certreq, filled(21, 4))), ParseError::none);
  EXPECT_EQ(with(raw(PayloadType::certreq, {12, 1})), ParseError::none) << "another encoding";
  EXPECT_EQ(with({200, {}, true}), ParseError::critical_unknown);
}

TEST(SaInitOffer, ReadsBack) {
  const Octets ke = filled(64, 9), nonce = filled(32, 8), nat = filled(20, 7),
               cookie = filled(64, 5);
  SaInitOffer offer;
  offer.spi_i = header().spi_i;
  offer.cookie = cookie;
  offer.suites = default_ike_suites();
  offer.ke = KeId::ecp_256;
  offer.ke_data = ke;
  offer.nonce = nonce;
  offer.nat_source = offer.nat_destination = nat;
  offer.fragmentation_supported = offer.redirect_supported = offer.intermediate_supported = true;
  offer.signature_hashes = hash_bit(HashId::identity);
  Octets out(2048);
  out.resize(write_sa_init_request(offer, out));
  const Parsed p = parse(out);
  ASSERT_EQ(p.error, ParseError::none);
  const SaInitRequest& r = p.request;
  EXPECT_TRUE(r.has_cookie && r.fragmentation_supported && r.redirect_supported &&
              r.intermediate_supported);
  EXPECT_EQ(to_hex(r.cookie), to_hex(cookie));
  EXPECT_EQ(r.ke, KeId::ecp_256);
  EXPECT_EQ(to_hex(r.ke_data), to_hex(ke));
  EXPECT_EQ(to_hex(r.nonce), to_hex(nonce));
  EXPECT_EQ(r.signature_hashes, hash_bit(HashId::identity));
  EXPECT_EQ(write_sa_init_request(offer, crypto::MutBytes(out).first(out.size() - 1)), 0u);
}

}  // namespace
}  // namespace ike
