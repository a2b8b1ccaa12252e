// Tests of INFORMATIONAL: Delete, liveness, MOBIKE, tickets.
#include "ike/informational.h"

#include <gtest/gtest.h>

#include "tests/ike/messages.h"

namespace ike {
namespace {

struct Parsed {
  ParseError error;
  Octets inner;
  Informational content;
  PayloadType offending = PayloadType::none;
};
Parsed parse(const std::vector<RawPayload>& payloads) {
  Parsed p;
  p.inner = chain_of(payloads);
  p.error = parse_informational(first_of(payloads), p.inner, p.content, p.offending);
  return p;
}
RawPayload del(const char* body) { return raw(PayloadType::del, from_hex(body)); }

// As written by the builder and read again.
Parsed through(const InformationalContent& content) {
  Parsed p;
  p.inner.resize(4096);
  crypto::ByteWriter writer(p.inner);
  ChainBuilder chain(writer);
  write_informational(chain, content);
  EXPECT_TRUE(writer.ok());
  p.inner.resize(writer.size());
  p.error = parse_informational(chain.first_type(), p.inner, p.content, p.offending);
  return p;
}

TEST(Informational, EmptyIsALivenessCheck) {  // CORE-80, RFC 7296 §2.4
  EXPECT_TRUE(parse({}).content.is_empty);
  const Parsed p = through({});
  EXPECT_EQ(p.error, ParseError::none);
  EXPECT_TRUE(p.inner.empty());
  EXPECT_TRUE(p.content.is_empty);
  EXPECT_FALSE(parse({raw(PayloadType::vendor_id)}).content.is_empty);
}

TEST(Informational, DeletesOfChildSas) {  // CORE-81, RFC 7296 §3.11
  const EspSpi spis[] = {EspSpi(1), EspSpi(0xfffffffe)};
  InformationalContent content;
  content.deleted_esp = spis;
  const Parsed p = through(content);
  ASSERT_EQ(p.error, ParseError::none);
  EXPECT_EQ(to_hex(p.inner),
            "0000001003040002"
            "00000001fffffffe");
  ASSERT_EQ(p.content.deleted_esp_count, 2u);
  EXPECT_EQ(p.content.deleted_esp[1], EspSpi(0xfffffffe));
  EXPECT_FALSE(p.content.deletes_ike);
  const Parsed two = parse({del("0304000100000005"), del("0304000100000006")});
  EXPECT_EQ(two.content.deleted_esp_count, 2u);
}

TEST(Informational, DeleteOfTheIkeSa) {  // CORE-83, RFC 7296 §3.11
  InformationalContent content;
  content.deletes_ike = true;
  const Parsed p = through(content);
  ASSERT_EQ(p.error, ParseError::none);
  EXPECT_EQ(to_hex(p.inner), "0000000801000000");
  EXPECT_TRUE(p.content.deletes_ike);
}

TEST(Informational, DeletesHaveLimits) {
  std::vector<EspSpi> spis(kDeleteSpisMax, EspSpi(3));
  InformationalContent content;
  content.deleted_esp = spis;
  EXPECT_EQ(through(content).content.deleted_esp_count, kDeleteSpisMax);
  spis.push_back(EspSpi(3));
  content.deleted_esp = spis;
  Octets buffer(1024);
  crypto::ByteWriter writer(buffer);
  ChainBuilder chain(writer);
  write_informational(chain, content);
  EXPECT_FALSE(writer.ok());

  Octets body = {3, 4, 0, static_cast<std::uint8_t>(kDeleteSpisMax)};
  body.resize(4 + 4 * kDeleteSpisMax);
  EXPECT_EQ(parse({raw(PayloadType::del, body)}).error, ParseError::none);
  EXPECT_EQ(parse({raw(PayloadType::del, body), del("0304000100000005")}).error,
            ParseError::bad_delete);
  body[3]++;
  body.resize(body.size() + 4);
  EXPECT_EQ(parse({raw(PayloadType::del, body)}).error, ParseError::bad_delete);
}

TEST(Informational, RefusesMalformedDeletes) {
  for (const char* body : {"", "0304", "030400", "0304000100", "030400010000000500",
                           "03040002"
                           "00000005",
                           "0308000100000005", "0300000000000005", "0104000100000005", "01000001",
                           "0100000000", "0908000000", "00000000", "0204000100"})
    EXPECT_EQ(parse({del(body)}).error, ParseError::bad_delete) << body;
  const Parsed ah = parse({del("0204000100000005")});
  EXPECT_EQ(ah.error, ParseError::none);
  EXPECT_TRUE(ah.content.deletes_ah);
  EXPECT_EQ(ah.content.deleted_esp_count, 0u);
  EXPECT_EQ(parse({del("03040000")}).error, ParseError::none) << "no SPI at all";
}

TEST(Informational, MobikeReadsBack) {  // CORE-86, RFC 4555 §4.2
  const Octets hash = filled(20, 1), cookie2 = filled(16, 2);
  AdditionalAddresses addresses;
  addresses.additional_ip4[0] = {192, 0, 2, 9};
  addresses.additional_ip4_count = 1;
  InformationalContent content;
  content.update_sa_addresses = true;
  content.nat_source = content.nat_destination = hash;
  content.cookie2 = cookie2;
  content.additional_addresses = &addresses;
  const Parsed p = through(content);
  ASSERT_EQ(p.error, ParseError::none);
  EXPECT_TRUE(p.content.update_sa_addresses && p.content.has_nat_source &&
              p.content.has_nat_destination && p.content.has_cookie2);
  EXPECT_EQ(to_hex(p.content.cookie2), to_hex(cookie2));
  ASSERT_EQ(p.content.additional_ip4_count, 1u);
  EXPECT_EQ(p.content.additional_ip4[0], addresses.additional_ip4[0]);
  EXPECT_FALSE(p.content.is_empty);
}

TEST(Informational, Cookie2Has8To64Octets) {  // RFC 4555 §4.2.5
  for (const std::size_t len : {8u, 64u})
    EXPECT_EQ(parse({notify(Notify::cookie2, filled(len, 1))}).error, ParseError::none);
  for (const std::size_t len : {0u, 7u, 65u})
    EXPECT_EQ(parse({notify(Notify::cookie2, filled(len, 1))}).error, ParseError::bad_notify);
  const RawPayload cookie2 = notify(Notify::cookie2, filled(8, 1));
  EXPECT_EQ(parse({cookie2, cookie2}).error, ParseError::duplicate_payload);
}

TEST(Informational, TicketsAndLifetimesReadBack) {  // R5723-10
  const Octets ticket = filled(100, 5);
  InformationalContent content;
  content.ticket_request = true;
  content.ticket = ticket;
  content.ticket_lifetime_s = 77;
  content.auth_lifetime_s = 88;
  Parsed p = through(content);
  ASSERT_EQ(p.error, ParseError::none);
  EXPECT_TRUE(p.content.ticket_request);
  EXPECT_EQ(to_hex(p.content.ticket), to_hex(ticket));
  EXPECT_EQ(p.content.ticket_lifetime_s, 77u);
  EXPECT_EQ(p.content.auth_lifetime_s, 88u);
  content = {};
  content.ticket_refusal = static_cast<std::uint16_t>(Notify::ticket_nack);
  EXPECT_EQ(to_hex(through(content).inner), "000000080000401c");
  EXPECT_EQ(parse({notify(Notify::auth_lifetime, {1, 2, 3})}).error, ParseError::bad_notify);
}

TEST(Informational, ErrorsReadBack) {
  InformationalContent content;
  const Octets id = from_hex("00000007");
  content.error = static_cast<std::uint16_t>(Notify::invalid_message_id);
  content.error_data = id;
  const Parsed p = through(content);
  ASSERT_EQ(p.error, ParseError::none);
  EXPECT_EQ(p.content.error, 9);
  EXPECT_EQ(p.content.error_message_id, 7u);
  EXPECT_EQ(parse({notify(Notify::invalid_message_id, {7})}).error, ParseError::bad_notify);
  const Parsed two =
      parse({notify(Notify::unacceptable_addresses), notify(Notify::authentication_failed)});
  EXPECT_EQ(two.content.error, 40) << "the first";
}

TEST(Informational, ConfigurationReadsBack) {
  const Parsed request = parse({raw(PayloadType::cp, from_hex("0100000000010000"))});
  EXPECT_TRUE(request.content.has_config && request.content.config.wants_ip4);
  const Parsed set = parse({raw(PayloadType::cp, from_hex("0300000000010000"))});
  EXPECT_TRUE(set.content.has_other_config);
  EXPECT_FALSE(set.content.has_config);
  EXPECT_EQ(parse({raw(PayloadType::cp, from_hex("0100000000010001"))}).error,
            ParseError::bad_config);
  const RawPayload cp = raw(PayloadType::cp, from_hex("0100000000010000"));
  EXPECT_EQ(parse({cp, cp}).error, ParseError::duplicate_payload);
  InformationalContent content;
  content.has_config = true;
  content.config.has_ip4 = true;
  EXPECT_TRUE(through(content).content.has_other_config) << "CFG_REPLY";
}

TEST(Informational, IgnoresWhatItNeedNotKnowAndRefusesTheRest) {  // CORE-10, CORE-11, CORE-17
  EXPECT_EQ(parse({notify(static_cast<Notify>(40000)), {200, {1}}}).error, ParseError::none);
  EXPECT_EQ(parse({raw(PayloadType::sk, filled(40, 1))}).error, ParseError::bad_sk);
  const Parsed critical = parse({{200, {}, true}});
  EXPECT_EQ(critical.error, ParseError::critical_unknown);
  EXPECT_EQ(critical.offending, static_cast<PayloadType>(200));
  EXPECT_EQ(parse({notify(Notify::nat_detection_source_ip, {1})}).error, ParseError::bad_notify);
  EXPECT_EQ(parse({notify(Notify::additional_ip4_address, {1})}).error, ParseError::bad_notify);
  PayloadType offending{};
  Informational content;
  EXPECT_EQ(parse_informational(PayloadType::none, Octets{1}, content, offending),
            ParseError::bad_length);
}

}  // namespace
}  // namespace ike
