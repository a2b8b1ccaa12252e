// Tests of the Configuration payload.
#include "ike/config_payload.h"

#include <gtest/gtest.h>

#include "ike/payload.h"
#include "tests/ike/messages.h"

namespace ike {
namespace {

ParseError parse(const char* hex, ConfigRequest& out) {
  bool is_request = false;
  const ParseError e = parse_config(from_hex(hex), is_request, out);
  EXPECT_TRUE(is_request || e != ParseError::none) << hex;
  return e;
}

TEST(ConfigPayload, ReadsAnEmptyAddressWish) {  // RFC 7296 §2.19
  ConfigRequest r;
  ASSERT_EQ(parse("01000000000100000003000000080000000a0000", r), ParseError::none);
  EXPECT_TRUE(r.wants_ip4 && r.wants_ip4_dns && r.wants_ip6 && r.wants_ip6_dns);
  EXPECT_FALSE(r.has_ip4_wish || r.has_ip6_wish);
}

TEST(ConfigPayload, ReadsTheWishForAFormerAddress) {  // R5723-42
  ConfigRequest r;
  ASSERT_EQ(parse("0100000000010004c000024d"
                  "0008001120010db800000000000000000000000140",
                  r),
            ParseError::none);
  EXPECT_TRUE(r.has_ip4_wish && r.has_ip6_wish);
  EXPECT_EQ(to_hex(r.ip4_wish), "c000024d");
  EXPECT_EQ(to_hex(r.ip6_wish), "20010db8000000000000000000000001");
}

TEST(ConfigPayload, ZeroAddressIsNoWish) {
  ConfigRequest r;
  ASSERT_EQ(parse("010000000001000400000000", r), ParseError::none);
  EXPECT_TRUE(r.wants_ip4);
  EXPECT_FALSE(r.has_ip4_wish);
}

TEST(ConfigPayload, FirstOfTwoWishesCounts) {
  ConfigRequest r;
  ASSERT_EQ(parse("0100000000010004c000024d00010004c000024e", r), ParseError::none);
  EXPECT_EQ(to_hex(r.ip4_wish), "c000024d");
}

TEST(ConfigPayload, IgnoresUnknownAttributesAndReservedBits) {  // CORE-53
  ConfigRequest r;
  ASSERT_EQ(parse("01ffffff"
                  "7530000212348001000000190000000e0000",
                  r),
            ParseError::none);
  EXPECT_TRUE(r.wants_ip4);
}

TEST(ConfigPayload, RefusesWrongLengths) {
  ConfigRequest r;
  for (const char* hex : {"", "01", "010000", "0100000000", "01000000000100", "010000000001000400",
                          "010000000001000301020304", "01000000000100050102030405",
                          "01000000000800100102030405060708090a0b0c0d0e0f10", "010000000003000101",
                          "01000000000a000401020304", "010000000001ffff"})
    EXPECT_EQ(parse(hex, r), ParseError::bad_config) << hex;
}

TEST(ConfigPayload, OtherTypesAreNoRequest) {
  for (const char* hex : {"02000000", "03000000", "04000000", "ff000000", "020000000001"}) {
    bool is_request = true;
    ConfigRequest r;
    EXPECT_EQ(parse_config(from_hex(hex), is_request, r), ParseError::none);
    EXPECT_FALSE(is_request);
  }
}

Octets body_of(const Octets& chain) {
  PayloadChain walk(PayloadType::cp, chain);
  Payload p;
  EXPECT_TRUE(walk.next(p));
  return {p.body.begin(), p.body.end()};
}

TEST(ConfigPayload, WritesAReplyThatReadsBack) {
  const std::vector<Ip4> dns4 = {{192, 0, 2, 53}, {192, 0, 2, 54}};
  const std::vector<Ip6> dns6 = {{0x20, 1, 0xd, 0xb8}};
  ConfigReply reply;
  reply.has_ip4 = reply.has_ip6 = true;
  reply.ip4 = {192, 0, 2, 77};
  reply.ip6 = {0x20, 1, 0xd, 0xb8, 9};
  reply.ip6_prefix_len = 64;
  reply.ip4_dns = dns4;
  reply.ip6_dns = dns6;
  Octets buffer(256);
  crypto::ByteWriter writer(buffer);
  ChainBuilder chain(writer);
  write_config_reply(chain, reply);
  buffer.resize(writer.size());
  const Octets body = body_of(buffer);
  EXPECT_EQ(to_hex(body),
            "0200000000010004c000024d00030004c000023500030004c0000236"
            "0008001120010db809000000000000000000000040"
            "000a001020010db8000000000000000000000000");
  ConfigReply back;
  ASSERT_EQ(parse_config_reply(body, back), ParseError::none);
  EXPECT_TRUE(back.has_ip4 && back.has_ip6);
  EXPECT_EQ(back.ip4, reply.ip4);
  EXPECT_EQ(back.ip6, reply.ip6);
  EXPECT_EQ(back.ip6_prefix_len, 64);
}

TEST(ConfigPayload, WritesARequestThatReadsBack) {
  ConfigRequest request;
  request.wants_ip4 = request.wants_ip6 = request.wants_ip4_dns = request.wants_ip6_dns = true;
  request.has_ip4_wish = true;
  request.ip4_wish = {192, 0, 2, 77};
  for (const bool ip6_wish : {false, true}) {
    request.has_ip6_wish = ip6_wish;
    request.ip6_wish = {0x20, 1};
    Octets buffer(256);
    crypto::ByteWriter writer(buffer);
    ChainBuilder chain(writer);
    write_config_request(chain, request);
    buffer.resize(writer.size());
    ConfigRequest back;
    ASSERT_EQ(parse(to_hex(body_of(buffer)).c_str(), back), ParseError::none);
    EXPECT_TRUE(back.wants_ip4 && back.wants_ip6 && back.wants_ip4_dns && back.wants_ip6_dns);
    EXPECT_EQ(back.ip4_wish, request.ip4_wish);
    EXPECT_EQ(back.has_ip6_wish, ip6_wish);
    if (ip6_wish) {
      EXPECT_EQ(back.ip6_wish, request.ip6_wish);
    }
  }
}

TEST(ConfigPayload, ReplyParserRefusesRequestsAndBadLengths) {
  ConfigReply r;
  for (const char* hex :
       {"", "01000000", "0200000000010000", "02000000000800040a000001", "020000000001"})
    EXPECT_EQ(parse_config_reply(from_hex(hex), r), ParseError::bad_config) << hex;
}

}  // namespace
}  // namespace ike
