// Tests of the payload chain walk and the views of payload bodies.
#include "ike/payload.h"

#include <gtest/gtest.h>

#include "tests/ike/messages.h"

namespace ike {
namespace {

struct Walk {
  std::vector<PayloadType> types;
  ParseError error = ParseError::none;
  PayloadType offending = PayloadType::none;
};

Walk walk(PayloadType first, crypto::Bytes octets) {
  Walk out;
  PayloadChain chain(first, octets);
  Payload p;
  while (chain.next(p)) {
    EXPECT_TRUE(lies_in(p.body, octets));
    EXPECT_EQ(p.whole.size(), p.body.size() + 4);
    out.types.push_back(p.type);
  }
  EXPECT_FALSE(chain.next(p)) << "a walk that ended stays ended";
  out.error = chain.error();
  out.offending = chain.offending_type();
  return out;
}

Walk walk(const std::vector<RawPayload>& payloads) {
  return walk(first_of(payloads), chain_of(payloads));
}

TEST(Payload, WalksAChainInOrder) {
  const Walk w = walk({raw(PayloadType::nonce, filled(16, 1)), raw(PayloadType::notify),
                       raw(PayloadType::vendor_id, {1, 2, 3})});
  EXPECT_EQ(w.error, ParseError::none);
  EXPECT_EQ(w.types,
            (std::vector{PayloadType::nonce, PayloadType::notify, PayloadType::vendor_id}));
}

TEST(Payload, AcceptsAnEmptyChain) {
  const Walk w = walk({});
  EXPECT_EQ(w.error, ParseError::none);
  EXPECT_TRUE(w.types.empty());
}

TEST(Payload, RejectsLengthBelowFour) {  // R5723-97, CORE-15, RFC 7296 §3.2
  for (const int length : {0, 1, 2, 3}) {
    RawPayload p = raw(PayloadType::nonce, filled(16, 0));
    p.length = length;
    EXPECT_EQ(walk({p}).error, ParseError::payload_overrun) << length;
  }
}

TEST(Payload, RejectsLengthBeyondTheBox) {  // R5723-97
  for (const int length : {21, 22, 0x7fff, 0xffff}) {
    RawPayload p = raw(PayloadType::nonce, filled(16, 0));
    p.length = length;
    EXPECT_EQ(walk({p}).error, ParseError::payload_overrun) << length;
  }
}

TEST(Payload, RejectsAChainThatEndsInsideAHeader) {
  const Octets chain = chain_of({raw(PayloadType::nonce, filled(16, 0)), raw(PayloadType::notify)});
  for (std::size_t cut = 1; cut <= 4; ++cut)
    EXPECT_EQ(walk(PayloadType::nonce, crypto::Bytes(chain).first(chain.size() - cut)).error,
              ParseError::payload_overrun);
}

TEST(Payload, RejectsOctetsBehindTheLastPayload) {
  Octets chain = chain_of({raw(PayloadType::nonce, filled(16, 0))});
  chain.push_back(0);
  EXPECT_EQ(walk(PayloadType::nonce, chain).error, ParseError::bad_length);
  EXPECT_EQ(walk(PayloadType::none, chain).error, ParseError::bad_length);
}

TEST(Payload, SkipsUnknownPayloadsWithoutTheCriticalBit) {  // R5723-61, CORE-10, RFC 7296 §2.5
  for (const unsigned type : {1u, 32u, 49u, 52u, 54u, 200u, 255u}) {
    const Walk w = walk({{type, {1, 2, 3}}, raw(PayloadType::nonce, filled(16, 0))});
    EXPECT_EQ(w.error, ParseError::none) << type;
    EXPECT_EQ(w.types, std::vector{PayloadType::nonce}) << type;
  }
}

TEST(Payload, RefusesUnknownPayloadsWithTheCriticalBit) {  // R5723-105, CORE-11
  const Walk w = walk({raw(PayloadType::nonce, filled(16, 0)), {200, {}, true}});
  EXPECT_EQ(w.error, ParseError::critical_unknown);
  EXPECT_EQ(w.offending, static_cast<PayloadType>(200));
}

TEST(Payload, IgnoresTheCriticalBitOfKnownPayloads) {  // CORE-12
  for (const PayloadType type : {PayloadType::sa, PayloadType::nonce, PayloadType::eap}) {
    RawPayload p = raw(type, filled(16, 0));
    p.critical = true;
    p.reserved = 0x7f;
    EXPECT_EQ(walk({p}).error, ParseError::none);
  }
}

TEST(Payload, KnowsExactlyTheTypesOfTheRegistry) {
  unsigned known = 0;
  for (unsigned type = 0; type < 256; ++type)
    known += is_known(static_cast<PayloadType>(type)) ? 1 : 0;
  EXPECT_EQ(known, 17u);
  EXPECT_FALSE(is_known(PayloadType::none));
  EXPECT_TRUE(is_known(PayloadType::sa));
  EXPECT_TRUE(is_known(PayloadType::eap));
  EXPECT_FALSE(is_known(static_cast<PayloadType>(49)));
  EXPECT_TRUE(is_known(PayloadType::skf));
}

TEST(Payload, LimitsTheNumberOfPayloads) {
  std::vector<RawPayload> many(kPayloadsMax, raw(PayloadType::vendor_id));
  EXPECT_EQ(walk(many).error, ParseError::none);
  many.push_back(raw(PayloadType::vendor_id));
  EXPECT_EQ(walk(many).error, ParseError::too_many_payloads);
  const std::vector<RawPayload> unknown(kPayloadsMax + 1, RawPayload{200});
  EXPECT_EQ(walk(unknown).error, ParseError::too_many_payloads);
}

TEST(Payload, EndsAtSkAndTellsItsFirstInnerType) {  // CORE-17, RFC 7296 §3.14
  Octets chain = chain_of({raw(PayloadType::sk, filled(40, 7))});
  chain[0] = static_cast<std::uint8_t>(PayloadType::id_i);
  PayloadChain c(PayloadType::sk, chain);
  Payload p;
  ASSERT_TRUE(c.next(p));
  EXPECT_EQ(p.next, PayloadType::id_i);
  EXPECT_FALSE(c.next(p));
  EXPECT_EQ(c.error(), ParseError::none);
}

TEST(Payload, RefusesAPayloadBehindSk) {  // CORE-17
  for (const PayloadType type : {PayloadType::sk, PayloadType::skf}) {
    const Walk w = walk({raw(type, filled(40, 7)), raw(PayloadType::nonce, filled(16, 0))});
    EXPECT_EQ(w.error, ParseError::bad_sk);
    EXPECT_TRUE(w.types.empty());
  }
}

TEST(Payload, ReadsANotify) {  // RFC 7296 §3.10
  NotifyView n;
  const Octets body = from_hex("0304400111223344aabb");
  ASSERT_EQ(parse_notify(body, n), ParseError::none);
  EXPECT_EQ(n.protocol, Protocol::esp);
  EXPECT_EQ(n.type, 0x4001);
  EXPECT_EQ(to_hex(n.spi), "11223344");
  EXPECT_EQ(to_hex(n.data), "aabb");
}

TEST(Payload, RefusesANotifyWhoseSpiDoesNotFit) {  // R5723-104
  NotifyView n;
  for (const char* body : {"", "00", "0000", "000040", "0001401d", "0008401d11223344556677"})
    EXPECT_EQ(parse_notify(from_hex(body), n), ParseError::bad_notify) << body;
}

TEST(Payload, KeepsTheReservedOctetsOfAnIdentity) {  // R5723-64, RFC 7296 §2.15
  IdView id;
  const Octets body = from_hex("02010203776573742e74657374");
  ASSERT_EQ(parse_id(body, id), ParseError::none);
  EXPECT_EQ(id.type, IdType::fqdn);
  EXPECT_EQ(to_hex(id.data), "776573742e74657374");
  EXPECT_EQ(to_hex(id.body), "02010203776573742e74657374");
}

TEST(Payload, RefusesAnEmptyOrHugeIdentity) {
  IdView id;
  for (std::size_t len = 0; len < 5; ++len)
    EXPECT_EQ(parse_id(filled(len, 1), id), ParseError::bad_id);
  EXPECT_EQ(parse_id(filled(kIdBodyMax, 1), id), ParseError::none);
  EXPECT_EQ(parse_id(filled(kIdBodyMax + 1, 1), id), ParseError::bad_id);
}

TEST(Payload, ReadsAnAuthentication) {  // RFC 7296 §3.8
  AuthView auth;
  for (std::size_t len = 0; len < 5; ++len)
    EXPECT_EQ(parse_auth(filled(len, 2), auth), ParseError::bad_auth);
  const Octets body = from_hex("02ffffff0a0b");
  ASSERT_EQ(parse_auth(body, auth), ParseError::none);
  EXPECT_EQ(auth.method, AuthMethod::shared_key);
  EXPECT_EQ(to_hex(auth.data), "0a0b");
}

}  // namespace
}  // namespace ike
