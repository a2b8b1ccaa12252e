// Tests of the fixed IKE header.
#include "ike/header.h"

#include <gtest/gtest.h>

#include "ike/resume.h"
#include "tests/ike/messages.h"

namespace ike {
namespace {

Header sample() {
  Header h;
  h.spi_i = IkeSpi(0x0102030405060708);
  h.spi_r = IkeSpi(0x1112131415161718);
  h.next_payload = PayloadType::nonce;
  h.exchange = Exchange::ike_session_resume;
  h.flags = kFlagInitiator;
  h.message_id = MessageId(0x21222324);
  h.length = kHeaderLen;
  return h;
}

Octets octets_of(const Header& h) {
  Octets out(kHeaderLen);
  write_header(h, out.data());
  return out;
}

TEST(Header, WritesEveryFieldWhereTheRfcPutsIt) {  // RFC 7296 §3.1
  EXPECT_EQ(to_hex(octets_of(sample())),
            "0102030405060708111213141516171828202608212223240000001c");
}

TEST(Header, ReadsWhatItWrote) {
  Header h;
  ASSERT_EQ(parse_header(octets_of(sample()), h), ParseError::none);
  EXPECT_EQ(h.spi_i, sample().spi_i);
  EXPECT_EQ(h.spi_r, sample().spi_r);
  EXPECT_EQ(h.next_payload, PayloadType::nonce);
  EXPECT_EQ(h.exchange, Exchange::ike_session_resume);
  EXPECT_EQ(h.message_id, sample().message_id);
  EXPECT_TRUE(h.from_initiator());
  EXPECT_FALSE(h.is_response());
}

TEST(Header, RejectsEveryLengthBelow28) {  // R5723-96
  const Octets whole = octets_of(sample());
  Header h;
  for (std::size_t len = 0; len < kHeaderLen; ++len)
    EXPECT_EQ(parse_header(crypto::Bytes(whole).first(len), h), ParseError::runt) << len;
}

TEST(Header, RejectsALengthThatIsNotTheDatagrams) {  // R5723-96, CORE-04
  for (const int delta : {-1, 1, -28, 65536}) {
    Header h = sample();
    h.length = static_cast<std::uint32_t>(static_cast<int>(kHeaderLen) + delta);
    Header out;
    EXPECT_EQ(parse_header(octets_of(h), out), ParseError::bad_length) << delta;
  }
}

TEST(Header, RejectsOtherMajorVersionsAndStillFillsTheHeader) {  // R5723-112, RFC 7296 §2.5
  for (const unsigned version : {0x00u, 0x10u, 0x30u, 0xf0u}) {
    Header h = sample();
    h.version = static_cast<std::uint8_t>(version);
    Header out;
    EXPECT_EQ(parse_header(octets_of(h), out), ParseError::bad_version);
    EXPECT_EQ(out.spi_i, sample().spi_i);
    EXPECT_EQ(out.message_id, sample().message_id);
  }
}

TEST(Header, IgnoresMinorVersionAndReservedFlags) {  // R5723-62, CORE-05
  Header h = sample();
  h.version = 0x2f;
  h.flags = 0xdf;
  Header out;
  ASSERT_EQ(parse_header(octets_of(h), out), ParseError::none);
  EXPECT_TRUE(out.from_initiator());
  EXPECT_FALSE(out.is_response());
}

TEST(Header, RejectsAnInitiatorSpiOfZero) {  // R5723-107, CORE-07, RFC 7296 §2.6
  Header h = sample();
  h.spi_i = IkeSpi();
  Header out;
  EXPECT_EQ(parse_header(octets_of(h), out), ParseError::bad_spi);
}

TEST(Header, PatchesTheLengthField) {
  Octets octets = octets_of(sample());
  patch_length(octets.data(), 0x01020304);
  EXPECT_EQ(to_hex(crypto::Bytes(octets).subspan(24)), "01020304");
}

}  // namespace
}  // namespace ike
