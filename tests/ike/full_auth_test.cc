// Tests of IKE_AUTH in full handshakes: certificates, EAP, notifies, both directions.
#include "ike/full_auth.h"

#include <gtest/gtest.h>

#include "ike/proposal.h"
#include "tests/ike/messages.h"

namespace ike {
namespace {

constexpr const char* kTsHex = "01000000070000100000ffff00000000ffffffff";

std::vector<RawPayload> request() {
  return {raw(PayloadType::id_i, from_hex("0200000077657374")),
          raw(PayloadType::cert, from_hex("04aabbcc")),
          raw(PayloadType::cert, from_hex("04dd")),
          raw(PayloadType::certreq, from_hex("04")),
          raw(PayloadType::auth, from_hex("0e000000aabbccdd")),
          raw(PayloadType::ts_i, from_hex(kTsHex)),
          notify(Notify::mobike_supported),
          notify(Notify::additional_ip4_address, {192, 0, 2, 1}),
          notify(Notify::esp_tfc_padding_not_supported),
          notify(Notify::non_first_fragments_also),
          notify(Notify::quick_crash_detection, filled(32, 6)),
          notify(Notify::set_window_size, from_hex("00000004"))};
}

struct Parsed {
  ParseError error;
  Octets inner;
  FullAuthRequest request;
  PayloadType offending = PayloadType::none;
};
Parsed parse(const std::vector<RawPayload>& payloads) {
  Parsed p;
  p.inner = chain_of(payloads);
  p.error = parse_full_auth_request(first_of(payloads), p.inner, p.request, p.offending);
  return p;
}
ParseError parse_more(RawPayload more) {
  std::vector<RawPayload> list = request();
  list.push_back(std::move(more));
  return parse(list).error;
}

TEST(FullAuthRequest, ReadsEverything) {
  const Parsed p = parse(request());
  ASSERT_EQ(p.error, ParseError::none);
  const FullAuthRequest& r = p.request;
  EXPECT_TRUE(r.has_id_i && r.has_auth && r.has_ts_i);
  EXPECT_EQ(r.auth.method, AuthMethod::digital_signature);
  ASSERT_EQ(r.cert_count, 2u);
  EXPECT_EQ(r.certs[0].encoding, CertEncoding::x509_signature);
  EXPECT_EQ(to_hex(r.certs[0].data), "aabbcc");
  EXPECT_EQ(to_hex(r.certs[1].data), "dd");
  ASSERT_EQ(r.cert_request_count, 1u);
  EXPECT_TRUE(r.cert_requests[0].data.empty());
  EXPECT_TRUE(r.mobike_supported && r.tfc_padding_not_supported && r.non_first_fragments_also);
  EXPECT_EQ(r.additional_ip4_count, 1u);
  EXPECT_EQ(to_hex(r.qcd_token), to_hex(filled(32, 6)));
  EXPECT_EQ(r.window_size, 4u);
  EXPECT_FALSE(r.has_eap || r.eap_only || r.has_sa || r.has_ppk_identity || r.has_no_ppk_auth);
}

TEST(FullAuthRequest, ChildlessAndEapRoundsLackMuch) {  // RFC 6023, RFC 7296 §2.16, CORE-48
  Parsed p = parse({raw(PayloadType::eap, from_hex("0201000901616c6963"))});
  ASSERT_EQ(p.error, ParseError::none);
  EXPECT_TRUE(p.request.has_eap);
  EXPECT_EQ(to_hex(p.request.eap), "0201000901616c6963");
  EXPECT_FALSE(p.request.has_id_i || p.request.has_auth || p.request.has_sa);
  p = parse({raw(PayloadType::auth, from_hex("02000000aa"))});
  ASSERT_EQ(p.error, ParseError::none);
  EXPECT_TRUE(p.request.has_auth && !p.request.has_sa);
  p = parse({request()[0], notify(Notify::eap_only_authentication)});
  ASSERT_EQ(p.error, ParseError::none);
  EXPECT_TRUE(p.request.eap_only && !p.request.has_auth);
}

TEST(FullAuthRequest, ReadsPpk) {  // RFC 8784 §5.1
  const Parsed p = parse({notify(Notify::ppk_identity, from_hex("02706f7374")),
                          notify(Notify::no_ppk_auth, filled(32, 1))});
  ASSERT_EQ(p.error, ParseError::none);
  EXPECT_TRUE(p.request.has_ppk_identity && p.request.has_no_ppk_auth);
  EXPECT_EQ(to_hex(p.request.ppk_identity), "02706f7374");
  EXPECT_EQ(p.request.no_ppk_auth.size(), 32u);
}

TEST(FullAuthRequest, BoundsCertificates) {
  const auto with = [](PayloadType type, std::size_t count) {
    return parse(std::vector<RawPayload>(count, raw(type, {4, 1})));
  };
  EXPECT_EQ(with(PayloadType::cert, kCertsMax).request.cert_count, kCertsMax);
  EXPECT_EQ(with(PayloadType::cert, kCertsMax + 1).error, ParseError::bad_cert);
  const Parsed p = with(PayloadType::certreq, kCertRequestsMax + 1);
  EXPECT_EQ(p.error, ParseError::none);
  EXPECT_EQ(p.request.cert_request_count, kCertRequestsMax);
}

TEST(FullAuthRequest, RefusesWhatIsMalformed) {  // CORE-18
  EXPECT_EQ(parse_more(raw(PayloadType::cert)), ParseError::bad_cert);
  EXPECT_EQ(parse_more(raw(PayloadType::cert, {4})), ParseError::bad_cert);
  EXPECT_EQ(parse_more(raw(PayloadType::certreq)), ParseError::bad_cert);
  EXPECT_EQ(parse_more(raw(PayloadType::eap)), ParseError::bad_eap);
  EXPECT_EQ(parse_more(raw(PayloadType::eap, from_hex("0201000801616c6963"))), ParseError::bad_eap);
  EXPECT_EQ(parse_more(notify(Notify::set_window_size, {1})), ParseError::bad_notify);
  EXPECT_EQ(parse_more(notify(Notify::additional_ip6_address, {1})), ParseError::bad_notify);
  EXPECT_EQ(parse_more(notify(Notify::quick_crash_detection, filled(32, 6))),
            ParseError::duplicate_payload);
  for (const std::size_t len : {0u, 15u, 129u})
    EXPECT_EQ(parse({notify(Notify::quick_crash_detection, filled(len, 1))}).error,
              ParseError::bad_notify);
  for (const std::size_t len : {16u, 128u})
    EXPECT_EQ(parse({notify(Notify::quick_crash_detection, filled(len, 1))}).error,
              ParseError::none);
  const RawPayload eap = raw(PayloadType::eap, from_hex("03010004"));
  EXPECT_EQ(parse({eap, eap}).error, ParseError::duplicate_payload);
  for (const Notify type : {Notify::ppk_identity, Notify::no_ppk_auth})
    EXPECT_EQ(parse({notify(type, {1}), notify(type, {1})}).error, ParseError::duplicate_payload);
}

TEST(FullAuthRequest, PassesOnWhatTheLeanParserFinds) {
  EXPECT_EQ(parse_more(request()[0]), ParseError::duplicate_payload);
  EXPECT_EQ(parse_more(raw(PayloadType::sk, filled(40, 1))), ParseError::bad_sk);
  std::vector<RawPayload> list = request();
  list.push_back({200, {}, true});
  const Parsed p = parse(list);
  EXPECT_EQ(p.error, ParseError::critical_unknown);
  EXPECT_EQ(p.offending, static_cast<PayloadType>(200));
}

TEST(FullAuthRequest, ForgetsTheLastOne) {
  Parsed p = parse(request());
  ASSERT_EQ(parse_full_auth_request(PayloadType::none, {}, p.request, p.offending),
            ParseError::none);
  EXPECT_EQ(p.request.cert_count + p.request.cert_request_count + p.request.additional_ip4_count,
            0u);
  EXPECT_TRUE(p.request.qcd_token.empty());
  EXPECT_FALSE(p.request.has_id_i || p.request.mobike_supported);
}

template <class Write>
Octets written(PayloadType& first, Write write) {
  Octets buffer(4096);
  crypto::ByteWriter writer(buffer);
  ChainBuilder chain(writer);
  write(chain);
  EXPECT_TRUE(writer.ok());
  first = chain.first_type();
  buffer.resize(writer.size());
  return buffer;
}

SelectorList any4() {
  SelectorList list;
  list.items[0] = selector_of(TsType::ipv4_addr_range, Octets{0, 0, 0, 0}, 0);
  list.count = 1;
  return list;
}

struct Sample {
  Octets id = from_hex("0200000067772e6578616d706c65"), auth = filled(64, 1), cert = filled(300, 2),
         token = filled(32, 3), ticket = filled(90, 4),
         eap = from_hex(
             "01050006"
             "1a01");
  CertView certs[1] = {{CertEncoding::x509_signature, cert}};
  SelectorList ts = any4();
  AdditionalAddresses addresses;
};

TEST(FullAuthResponse, ReadsBack) {  // CORE-48, CORE-56
  Sample s;
  s.addresses.no_additional_addresses = true;
  FullAuthResponse r;
  r.id_r_body = s.id;
  r.certs = s.certs;
  r.auth_method = AuthMethod::digital_signature;
  r.auth = s.auth;
  r.has_config = true;
  r.config.has_ip4 = true;
  r.config.ip4 = {192, 0, 2, 77};
  r.has_child = true;
  r.proposal_number = 4;
  r.child_suite.ke = KeId::ecp_256;  // Not written: IKE_AUTH has no key exchange.
  r.child_spi = EspSpi(5);
  r.ts_i = r.ts_r = &s.ts;
  r.transport_mode = r.mobike_supported = r.additional_ts_possible = r.ppk_used = true;
  r.additional_addresses = &s.addresses;
  r.qcd_token = s.token;
  r.auth_lifetime_s = 3600;
  r.ticket = s.ticket;
  r.ticket_lifetime_s = 60;
  PayloadType first{};
  const Octets inner =
      written(first, [&](ChainBuilder& chain) { write_full_auth_response(chain, r); });
  FullAuthAnswer a;
  ASSERT_EQ(parse_full_auth_answer(first, inner, a), ParseError::none);
  EXPECT_EQ(to_hex(a.id_r.body), to_hex(s.id));
  ASSERT_EQ(a.cert_count, 1u);
  EXPECT_EQ(to_hex(a.certs[0].data), to_hex(s.cert));
  EXPECT_EQ(a.auth.method, AuthMethod::digital_signature);
  EXPECT_TRUE(a.has_config && a.has_sa);
  EXPECT_TRUE(a.transport_mode && a.mobike_supported && a.ppk_used && a.no_additional_addresses);
  EXPECT_EQ(to_hex(a.qcd_token), to_hex(s.token));
  EXPECT_EQ(a.auth_lifetime_s, 3600u);
  EXPECT_EQ(to_hex(a.ticket), to_hex(s.ticket));
  Choice c;
  ASSERT_EQ(read_chosen(a.sa, Protocol::esp, c), ParseError::none);
  EXPECT_EQ(c.suite, Suite());
  EXPECT_EQ(c.proposal_number, 4);
}

TEST(FullAuthResponse, EapRounds) {  // CORE-48, R5723-06
  Sample s;
  FullAuthResponse r;
  r.eap = s.eap;
  PayloadType first{};
  Octets inner = written(first, [&](ChainBuilder& chain) { write_full_auth_response(chain, r); });
  EXPECT_EQ(first, PayloadType::eap);
  EXPECT_EQ(to_hex(inner), "0000000a010500061a01") << "nothing but EAP";
  FullAuthAnswer a;
  ASSERT_EQ(parse_full_auth_answer(first, inner, a), ParseError::none);
  EXPECT_EQ(to_hex(a.eap), to_hex(s.eap));
}

TEST(FullAuthResponse, ChildFailureKeepsTheRest) {  // CORE-44, CORE-52, R5723-09
  Sample s;
  FullAuthResponse r;
  r.id_r_body = s.id;
  r.auth = s.auth;
  r.has_child = r.has_config = r.config.has_ip4 = true;
  r.child_error = static_cast<std::uint16_t>(Notify::internal_address_failure);
  r.ticket_refusal = static_cast<std::uint16_t>(Notify::ticket_ack);
  PayloadType first{};
  const Octets inner =
      written(first, [&](ChainBuilder& chain) { write_full_auth_response(chain, r); });
  FullAuthAnswer a;
  ASSERT_EQ(parse_full_auth_answer(first, inner, a), ParseError::none);
  EXPECT_TRUE(a.has_id_r && a.has_auth);
  EXPECT_FALSE(a.has_sa || a.has_config);
  EXPECT_EQ(a.error, 36);
  EXPECT_EQ(a.ticket_refusal, 16411);
}

TEST(AuthRefusal, IsTheOnlyThingSaid) {  // CORE-43, CORE-49, CORE-11
  PayloadType first{};
  Octets inner = written(
      first, [](ChainBuilder& chain) { write_auth_refusal(chain, Notify::authentication_failed); });
  EXPECT_EQ(to_hex(inner), "0000000800000018");
  inner = written(first, [](ChainBuilder& chain) {
    write_auth_refusal(chain, Notify::unsupported_critical_payload, Octets{200});
  });
  EXPECT_EQ(to_hex(inner), "0000000900000001c8");
  inner = written(first, [](ChainBuilder& chain) {
    write_auth_refusal(chain, Notify::authentication_failed, {}, from_hex("04050004"));
  });
  EXPECT_EQ(to_hex(inner), "29000008040500040000000800000018");
}

TEST(FullAuthOffer, ReadsBack) {
  Sample s;
  s.addresses.additional_ip6_count = 1;
  const Octets authorities = filled(40, 9);
  const Suite suites[] = {default_esp_suites()[0], default_esp_suites()[1]};
  FullAuthOffer o;
  o.id_i_body = s.id;
  o.certs = s.certs;
  o.has_certreq = true;
  o.authorities = authorities;
  o.id_r_body = s.id;
  o.auth = s.auth;
  o.has_config = true;
  o.config.wants_ip4 = true;
  o.child_suites = suites;
  o.child_spi = EspSpi(6);
  o.ts_i = o.ts_r = &s.ts;
  o.transport_mode = o.ticket_request = o.initial_contact = o.mobike_supported = true;
  o.additional_addresses = &s.addresses;
  o.qcd_token = s.token;
  PayloadType first{};
  const Octets inner =
      written(first, [&](ChainBuilder& chain) { write_full_auth_offer(chain, o); });
  FullAuthRequest r;
  PayloadType offending{};
  ASSERT_EQ(parse_full_auth_request(first, inner, r, offending), ParseError::none);
  EXPECT_EQ(r.cert_count, 1u);
  ASSERT_EQ(r.cert_request_count, 1u);
  EXPECT_EQ(to_hex(r.cert_requests[0].data), to_hex(authorities));
  EXPECT_TRUE(r.has_id_r && r.has_auth && r.has_config && r.has_sa && r.has_ts_i && r.has_ts_r);
  EXPECT_TRUE(r.transport_mode && r.ticket_request && r.initial_contact && r.mobike_supported);
  EXPECT_FALSE(r.eap_only);
  EXPECT_EQ(r.additional_ip6_count, 1u);
  EXPECT_EQ(to_hex(r.qcd_token), to_hex(s.token));
  Choice c;
  EXPECT_TRUE(choose(r.sa, Protocol::esp, {suites + 1, 1}, c));
}

TEST(FullAuthOffer, AsksForEap) {  // RFC 7296 §2.16, RFC 5998
  Sample s;
  FullAuthOffer o;
  o.id_i_body = s.id;
  o.eap_only = true;
  PayloadType first{};
  const Octets inner =
      written(first, [&](ChainBuilder& chain) { write_full_auth_offer(chain, o); });
  FullAuthRequest r;
  PayloadType offending{};
  ASSERT_EQ(parse_full_auth_request(first, inner, r, offending), ParseError::none);
  EXPECT_TRUE(r.has_id_i && r.eap_only);
  EXPECT_FALSE(r.has_auth || r.has_sa || r.has_config);
}

TEST(FullAuthOffer, OffersChildSuitesWithoutTheirGroups) {
  Suite suites[] = {Suite(), Suite(), Suite()};
  suites[0].ke = KeId::curve25519;
  suites[1].ke = KeId::ecp_256;
  suites[2].key_bits = 128;
  FullAuthOffer o;
  o.child_suites = suites;
  PayloadType first{};
  const Octets inner =
      written(first, [&](ChainBuilder& chain) { write_full_auth_offer(chain, o); });
  FullAuthRequest r;
  PayloadType offending{};
  ASSERT_EQ(parse_full_auth_request(first, inner, r, offending), ParseError::none);
  EXPECT_EQ(to_hex(r.sa),
            "0000002c01030403000000000300000c01000014800e01000300000c01000014800e0080"
            "0000000805000000");
}

TEST(FullAuthAnswer, RefusesWhatIsMalformed) {
  FullAuthAnswer a;
  const auto answer = [&a](const std::vector<RawPayload>& list) {
    return parse_full_auth_answer(first_of(list), chain_of(list), a);
  };
  EXPECT_EQ(answer({notify(Notify::auth_lifetime, {1})}), ParseError::bad_notify);
  EXPECT_EQ(answer({raw(PayloadType::eap, {1})}), ParseError::bad_eap);
  EXPECT_EQ(answer({raw(PayloadType::cert, {4})}), ParseError::bad_cert);
  EXPECT_EQ(answer({notify(Notify::ticket_lt_opaque, {1})}), ParseError::bad_notify);
  EXPECT_EQ(answer({{200, {}, true}}), ParseError::critical_unknown);
  EXPECT_EQ(answer({notify(Notify::authentication_failed)}), ParseError::none);
  EXPECT_EQ(a.error, 24);
}

}  // namespace
}  // namespace ike
