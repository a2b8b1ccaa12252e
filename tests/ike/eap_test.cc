// Tests of EAP packets.
#include "ike/eap.h"

#include <gtest/gtest.h>

#include "tests/ike/messages.h"

namespace ike {
namespace {

TEST(Eap, ReadsRequestsAndResponses) {  // RFC 3748 §4.1
  const Octets packet = from_hex("0207000901616c6963");
  EapView eap;
  ASSERT_EQ(parse_eap(packet, eap), ParseError::none);
  EXPECT_EQ(eap.code, EapCode::response);
  EXPECT_EQ(eap.identifier, 7);
  EXPECT_EQ(eap.type, EapType::identity);
  EXPECT_EQ(to_hex(eap.data), "616c6963");
  EXPECT_TRUE(lies_in(eap.data, packet));
  ASSERT_EQ(parse_eap(from_hex("010000051a"), eap), ParseError::none) << "no data";
  EXPECT_EQ(eap.type, EapType::mschapv2);
  EXPECT_TRUE(eap.data.empty());
}

TEST(Eap, ReadsResults) {  // RFC 3748 §4.2
  EapView eap;
  ASSERT_EQ(parse_eap(from_hex("03090004"), eap), ParseError::none);
  EXPECT_EQ(eap.code, EapCode::success);
  EXPECT_EQ(eap.identifier, 9);
  ASSERT_EQ(parse_eap(from_hex("04090004"), eap), ParseError::none);
  EXPECT_EQ(eap.code, EapCode::failure);
}

TEST(Eap, RefusesWhatIsMalformed) {
  EapView eap;
  for (const char* packet : {"", "01", "010200", "01020005", "0102000401", "0102000601", "01020004",
                             "02020004", "0302000501", "0402000501", "0002000501", "0502000501",
                             "ff02000501", "03020003", "0102000001"})
    EXPECT_EQ(parse_eap(from_hex(packet), eap), ParseError::bad_eap) << packet;
}

TEST(Eap, WritersReadBack) {
  Octets buffer(64);
  EapView eap;
  std::size_t len = write_eap_identity_request(3, buffer);
  EXPECT_EQ(to_hex(crypto::Bytes(buffer).first(len)), "0103000501");
  len = write_eap_identity_response(3, from_hex("616c696365"), buffer);
  ASSERT_EQ(parse_eap(crypto::Bytes(buffer).first(len), eap), ParseError::none);
  EXPECT_EQ(eap.code, EapCode::response);
  EXPECT_EQ(to_hex(eap.data), "616c696365");
  len = write_eap(EapCode::response, 4, EapType::nak, from_hex("0d"), buffer);
  EXPECT_EQ(to_hex(crypto::Bytes(buffer).first(len)), "02040006030d");
  len = write_eap_result(true, 5, buffer);
  EXPECT_EQ(to_hex(crypto::Bytes(buffer).first(len)), "03050004");
  len = write_eap_result(false, 5, buffer);
  EXPECT_EQ(to_hex(crypto::Bytes(buffer).first(len)), "04050004");
}

TEST(Eap, WritersWantRoom) {
  Octets buffer(5);
  EXPECT_EQ(write_eap_identity_request(1, buffer), 5u);
  EXPECT_EQ(write_eap_identity_request(1, crypto::MutBytes(buffer).first(4)), 0u);
  EXPECT_EQ(write_eap_result(true, 1, crypto::MutBytes(buffer).first(3)), 0u);
  Octets large(70000);
  const Octets identity(65536 - 5, 'a');
  EXPECT_EQ(write_eap_identity_response(1, identity, large), 0u) << "Length has 16 bits";
  EXPECT_EQ(write_eap_identity_response(1, crypto::Bytes(identity).first(65530), large), 65535u);
}

}  // namespace
}  // namespace ike
