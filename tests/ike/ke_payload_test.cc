// Tests of KE and Nonce payloads.
#include "ike/ke_payload.h"

#include <gtest/gtest.h>

#include "tests/ike/messages.h"

namespace ike {
namespace {

TEST(KePayload, ReadsBackWhatIsWritten) {  // RFC 7296 §3.4
  Octets buffer(64);
  crypto::ByteWriter writer(buffer);
  ChainBuilder chain(writer);
  write_ke(chain, KeId::curve25519, filled(32, 7));
  EXPECT_EQ(to_hex(writer.written().first(8)), "00000028001f0000");
  KeView ke;
  ASSERT_EQ(parse_ke(writer.written().subspan(4), ke), ParseError::none);
  EXPECT_EQ(ke.group, KeId::curve25519);
  EXPECT_EQ(to_hex(ke.data), to_hex(filled(32, 7)));
}

TEST(KePayload, WantsDataBehindTheGroup) {
  KeView ke;
  for (std::size_t len = 0; len < 5; ++len)
    EXPECT_EQ(parse_ke(filled(len, 0), ke), ParseError::bad_ke) << len;
  const Octets shortest = from_hex("ffff123405");
  ASSERT_EQ(parse_ke(shortest, ke), ParseError::none) << "any group, reserved octets ignored";
  EXPECT_EQ(ke.group, static_cast<KeId>(0xffff));
}

TEST(NoncePayload, Has16To256Octets) {  // CORE-30, RFC 7296 §3.9
  crypto::Bytes nonce;
  EXPECT_EQ(parse_nonce(filled(15, 1), nonce), ParseError::bad_nonce_length);
  EXPECT_EQ(parse_nonce(filled(257, 1), nonce), ParseError::bad_nonce_length);
  EXPECT_TRUE(nonce.empty());
  for (const std::size_t len : {16u, 256u}) {
    const Octets body = filled(len, 1);
    ASSERT_EQ(parse_nonce(body, nonce), ParseError::none);
    EXPECT_EQ(nonce.data(), body.data());
    EXPECT_EQ(nonce.size(), len);
  }
}

}  // namespace
}  // namespace ike
