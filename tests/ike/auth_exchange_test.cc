// Tests of the inner payloads of the resumed IKE_AUTH exchange.
#include "ike/auth_exchange.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "ike/proposal.h"
#include "tests/ike/messages.h"

namespace ike {
namespace {

constexpr const char* kSaHex =
    "0000002801030403b25b688b0300000c01000014800e0100"
    "03000008050000010000000805000000";
constexpr const char* kTsHex = "01000000070000100000ffff00000000ffffffff";

std::vector<RawPayload> request() {
  return {raw(PayloadType::id_i, from_hex("0201020377657374")),
          raw(PayloadType::id_r, from_hex("0200000065617374")),
          raw(PayloadType::auth, from_hex("02000000aabbccdd")),
          raw(PayloadType::cp, from_hex("0100000000010000")),
          raw(PayloadType::sa, from_hex(kSaHex)),
          raw(PayloadType::ts_i, from_hex(kTsHex)),
          raw(PayloadType::ts_r, from_hex(kTsHex)),
          notify(Notify::ticket_request)};
}

ParseError parse(const std::vector<RawPayload>& payloads, AuthRequest& out) {
  static Octets inner;  // The views of `out` point here until the next call.
  inner = chain_of(payloads);
  PayloadType offending = PayloadType::none;
  return parse_auth_request(first_of(payloads), inner, out, offending);
}
ParseError parse(const std::vector<RawPayload>& payloads) {
  AuthRequest out;
  return parse(payloads, out);
}
ParseError parse_with(const RawPayload& more) {
  std::vector<RawPayload> payloads = request();
  payloads.push_back(more);
  return parse(payloads);
}

TEST(AuthRequest, ReadsEverything) {
  AuthRequest r;
  ASSERT_EQ(parse(request(), r), ParseError::none);
  EXPECT_TRUE(r.has_id_i && r.has_id_r && r.has_auth && r.has_config && r.has_sa && r.has_ts_i &&
              r.has_ts_r);
  EXPECT_EQ(to_hex(r.id_i.body), "0201020377657374");  // R5723-64: reserved octets as received
  EXPECT_EQ(to_hex(r.id_i.data), "77657374");
  EXPECT_EQ(r.auth.method, AuthMethod::shared_key);
  EXPECT_EQ(to_hex(r.auth.data), "aabbccdd");
  EXPECT_TRUE(r.config.wants_ip4);
  EXPECT_EQ(to_hex(r.sa), kSaHex);
  EXPECT_EQ(r.ts_i.count, 1u);
  EXPECT_TRUE(r.ticket_request);
  EXPECT_FALSE(r.initial_contact || r.mobike_supported || r.transport_mode);
}

TEST(AuthRequest, AcceptsAnyOrder) {  // R5723-60, CORE-14
  std::vector<RawPayload> payloads = request();
  for (std::size_t i = 0; i < payloads.size(); ++i) {
    std::ranges::rotate(payloads, payloads.begin() + 1);
    for (const bool backwards : {false, true}) {
      std::vector<RawPayload> order = payloads;
      if (backwards) std::ranges::reverse(order);
      AuthRequest r;
      ASSERT_EQ(parse(order, r), ParseError::none);
      EXPECT_TRUE(r.has_id_i && r.has_auth && r.has_sa && r.has_ts_r && r.ticket_request);
      EXPECT_EQ(to_hex(r.auth.data), "aabbccdd");
    }
  }
}

TEST(AuthRequest, ReadsTheNotifiesItKnows) {
  std::vector<RawPayload> payloads = request();
  payloads.push_back(notify(Notify::initial_contact));
  payloads.push_back(notify(Notify::mobike_supported));
  payloads.push_back(notify(Notify::use_transport_mode));
  payloads.push_back(notify(static_cast<Notify>(40000)));
  AuthRequest r;
  ASSERT_EQ(parse(payloads, r), ParseError::none);
  EXPECT_TRUE(r.initial_contact && r.mobike_supported && r.transport_mode);
}

TEST(AuthRequest, ForgetsTheLastRequest) {
  AuthRequest r;
  ASSERT_EQ(parse(request(), r), ParseError::none);
  ASSERT_EQ(parse({raw(PayloadType::vendor_id)}, r), ParseError::none);
  EXPECT_FALSE(r.has_id_i || r.has_id_r || r.has_auth || r.has_config || r.has_sa || r.has_ts_i ||
               r.has_ts_r || r.ticket_request);
  EXPECT_TRUE(r.id_i.body.empty() && r.auth.data.empty() && r.sa.empty());
  EXPECT_EQ(r.ts_i.count + r.ts_r.count, 0u);
  EXPECT_FALSE(r.config.wants_ip4);
}

TEST(AuthRequest, IgnoresCertificatesAndEap) {  // R5723-126, R5723-127
  for (const PayloadType type : {PayloadType::cert, PayloadType::certreq, PayloadType::eap,
                                 PayloadType::ke, PayloadType::nonce, PayloadType::del})
    EXPECT_EQ(parse_with(raw(type, filled(30, 4))), ParseError::none);
  EXPECT_EQ(parse_with({200, {1}}), ParseError::none);
}

TEST(AuthRequest, RefusesWhatStandsTwice) {
  for (std::size_t i = 0; i < 7; ++i)
    EXPECT_EQ(parse_with(request()[i]), ParseError::duplicate_payload) << i;
  EXPECT_EQ(parse_with(notify(Notify::ticket_request)), ParseError::none);
}

TEST(AuthRequest, RefusesSkInsideSk) {  // CORE-17
  EXPECT_EQ(parse_with(raw(PayloadType::sk, filled(60, 1))), ParseError::bad_sk);
  EXPECT_EQ(parse_with(raw(PayloadType::skf, filled(60, 1))), ParseError::bad_sk);
}

TEST(AuthRequest, NamesTheUnknownCriticalPayload) {  // R5723-134
  std::vector<RawPayload> payloads = request();
  payloads.push_back({200, {}, true});
  const Octets inner = chain_of(payloads);
  AuthRequest r;
  PayloadType offending = PayloadType::none;
  EXPECT_EQ(parse_auth_request(first_of(payloads), inner, r, offending),
            ParseError::critical_unknown);
  EXPECT_EQ(offending, static_cast<PayloadType>(200));
}

TEST(AuthRequest, PassesOnTheErrorsOfItsParts) {  // R5723-135, CORE-18
  const auto with_body = [](std::size_t i, const char* hex) {
    std::vector<RawPayload> payloads = request();
    payloads[i].body = from_hex(hex);
    return parse(payloads);
  };
  EXPECT_EQ(with_body(0, "02000000"), ParseError::bad_id);
  EXPECT_EQ(with_body(1, ""), ParseError::bad_id);
  EXPECT_EQ(with_body(2, "02000000"), ParseError::bad_auth);
  EXPECT_EQ(with_body(3, "010000000001"), ParseError::bad_config);
  EXPECT_EQ(with_body(4, "00000028"), ParseError::bad_proposal);
  EXPECT_EQ(with_body(5, "02000000"), ParseError::bad_selector);
  EXPECT_EQ(with_body(6, ""), ParseError::bad_selector);
  EXPECT_EQ(with_body(7, "0001401a"), ParseError::bad_notify);
  std::vector<RawPayload> payloads = request();
  payloads[3].length = 2;
  EXPECT_EQ(parse(payloads), ParseError::payload_overrun);
}

TEST(AuthRequest, IgnoresAConfigReply) {
  std::vector<RawPayload> payloads = request();
  payloads[3].body = from_hex("0200000000010004c000024d");
  AuthRequest r;
  ASSERT_EQ(parse(payloads, r), ParseError::none);
  EXPECT_FALSE(r.has_config);
}

SelectorList any4() {
  SelectorList list;
  list.items[0] = selector_of(TsType::ipv4_addr_range, Octets{0, 0, 0, 0}, 0);
  list.count = 1;
  return list;
}

AuthResponse sample_response(const SelectorList& ts, const Octets& ticket) {
  static const Octets id = from_hex("0200000067772e6578616d706c65");
  static const Octets auth = filled(32, 0xa0);
  AuthResponse r;
  r.id_r_body = id;
  r.auth = auth;
  r.child_spi = EspSpi(0x0a0b0c0d);
  r.ts_i = &ts;
  r.ts_r = &ts;
  r.ticket = ticket;
  r.ticket_lifetime_s = 3600;
  return r;
}

Octets written(const AuthResponse& response, PayloadType& first) {
  Octets buffer(2048);
  crypto::ByteWriter writer(buffer);
  ChainBuilder chain(writer);
  write_auth_response(chain, response);
  EXPECT_TRUE(writer.ok());
  first = chain.first_type();
  buffer.resize(writer.size());
  return buffer;
}

TEST(AuthResponse, ReadsBack) {  // R5723-34, R5723-35
  const SelectorList ts = any4();
  const Octets ticket = filled(200, 0x77);
  AuthResponse response = sample_response(ts, ticket);
  response.has_config = true;
  response.config.has_ip4 = true;
  response.config.ip4 = {192, 0, 2, 77};
  PayloadType first{};
  const Octets inner = written(response, first);
  EXPECT_EQ(first, PayloadType::id_r);
  AuthAnswer a;
  ASSERT_EQ(parse_auth_answer(first, inner, a), ParseError::none);
  EXPECT_EQ(to_hex(a.id_r.body), to_hex(response.id_r_body));
  EXPECT_EQ(a.auth.method, AuthMethod::shared_key);
  EXPECT_EQ(to_hex(a.auth.data), to_hex(response.auth));
  EXPECT_TRUE(a.has_config && a.config.has_ip4);
  EXPECT_EQ(a.config.ip4, response.config.ip4);
  Choice c;
  const Suite suite;
  ASSERT_TRUE(choose(a.sa, Protocol::esp, {&suite, 1}, c));
  EXPECT_EQ(to_hex(c.spi), "0a0b0c0d");
  EXPECT_EQ(a.ts_i.count, 1u);
  EXPECT_EQ(a.ticket_lifetime_s, 3600u);
  EXPECT_EQ(to_hex(a.ticket), to_hex(ticket));
  EXPECT_EQ(a.error, 0);
}

TEST(AuthResponse, ChildFailureKeepsIdAndAuth) {  // R5723-66, RFC 7296 §2.21.2
  const SelectorList ts = any4();
  const Octets ticket = filled(50, 1);
  AuthResponse response = sample_response(ts, ticket);
  response.has_config = true;
  response.child_error = static_cast<std::uint16_t>(Notify::ts_unacceptable);
  PayloadType first{};
  const Octets inner = written(response, first);
  AuthAnswer a;
  ASSERT_EQ(parse_auth_answer(first, inner, a), ParseError::none);
  EXPECT_TRUE(a.has_id_r && a.has_auth);
  EXPECT_FALSE(a.has_sa || a.has_config);
  EXPECT_EQ(a.error, 38);
  EXPECT_EQ(a.ticket.size(), 50u);
}

TEST(AuthResponse, NoTicketUnlessGiven) {  // R5723-57
  const SelectorList ts = any4();
  PayloadType first{};
  const Octets inner = written(sample_response(ts, {}), first);
  PayloadChain chain(first, inner);
  Payload p;
  while (chain.next(p)) EXPECT_NE(p.type, PayloadType::notify);
  EXPECT_EQ(chain.error(), ParseError::none);
}

TEST(AuthResponse, RefusesATicketWithOneNotify) {  // R5723-01, R5723-16
  const SelectorList ts = any4();
  AuthResponse response = sample_response(ts, {});
  response.ticket_refusal = static_cast<std::uint16_t>(Notify::ticket_nack);
  PayloadType first{};
  const Octets inner = written(response, first);
  PayloadChain chain(first, inner);
  Payload p;
  std::string notifies;
  while (chain.next(p))
    if (p.type == PayloadType::notify) notifies += to_hex(p.body);
  EXPECT_EQ(notifies, "0000401c");
}

TEST(AuthOffer, ReadsBack) {
  const SelectorList ts = any4();
  const Octets id_i = from_hex("0300000061406578616d706c65");
  const Octets id_r = from_hex("0200000067772e6578616d706c65");
  const Octets auth = filled(48, 0xa1);
  AuthOffer offer;
  offer.id_i_body = id_i;
  offer.id_r_body = id_r;
  offer.auth = auth;
  offer.has_config = true;
  offer.config.wants_ip4 = true;
  offer.child_spi = EspSpi(0x01020304);
  offer.ts_i = &ts;
  offer.ts_r = &ts;
  offer.initial_contact = true;
  Octets buffer(1024);
  crypto::ByteWriter writer(buffer);
  ChainBuilder chain(writer);
  write_auth_offer(chain, offer);
  AuthRequest r;
  PayloadType offending = PayloadType::none;
  ASSERT_EQ(parse_auth_request(chain.first_type(), writer.written(), r, offending),
            ParseError::none);
  EXPECT_EQ(to_hex(r.id_i.body), to_hex(id_i));
  EXPECT_EQ(to_hex(r.id_r.body), to_hex(id_r));
  EXPECT_EQ(to_hex(r.auth.data), to_hex(auth));
  EXPECT_TRUE(r.config.wants_ip4 && r.ticket_request && r.initial_contact);
}

TEST(AuthAnswer, RefusesAMalformedTicket) {  // R5723-03
  AuthAnswer a;
  for (const char* data : {"", "00000e", "00000e10"}) {
    const std::vector<RawPayload> payloads = {notify(Notify::ticket_lt_opaque, from_hex(data))};
    EXPECT_EQ(parse_auth_answer(PayloadType::notify, chain_of(payloads), a),
              ParseError::bad_notify);
  }
  const std::vector<RawPayload> two(2, notify(Notify::ticket_lt_opaque, from_hex("00000e1001")));
  EXPECT_EQ(parse_auth_answer(PayloadType::notify, chain_of(two), a),
            ParseError::duplicate_payload);
}

TEST(AuthAnswer, ReadsAFailure) {  // R5723-120
  AuthAnswer a;
  const std::vector<RawPayload> payloads = {notify(Notify::authentication_failed)};
  ASSERT_EQ(parse_auth_answer(PayloadType::notify, chain_of(payloads), a), ParseError::none);
  EXPECT_EQ(a.error, 24);
  EXPECT_FALSE(a.has_id_r || a.has_auth || a.has_sa);
}

}  // namespace
}  // namespace ike
