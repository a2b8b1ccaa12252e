// Identities as texts and as IDi bodies.
#include "controlplane/identity_text.h"

#include <gtest/gtest.h>

#include "controlplane/hex_text.h"

namespace cp {
namespace {

crypto::Bytes bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
std::string hex_of(std::string_view identity) {
  return hex_text(bytes_of(parse_identity(identity).value()));
}

TEST(IdentityText, ChoosesTheTypeByTheForm) {
  EXPECT_EQ(hex_of("@gw.a"), "0200000067772e61");
  EXPECT_EQ(hex_of("gw.a"), "0200000067772e61");
  EXPECT_EQ(hex_of("u@a"), "03000000754061");
  EXPECT_EQ(hex_of("192.0.2.7"), "01000000c0000207");
  EXPECT_EQ(hex_of("2001:db8::7"), "0500000020010db8000000000000000000000007");
  EXPECT_EQ(hex_of("keyid:hello"), "0b00000068656c6c6f");
  EXPECT_EQ(hex_of("keyid:#00ff"), "0b00000000ff");
}

TEST(IdentityText, TakesTheTypeThatIsWritten) {
  EXPECT_EQ(hex_of("email:a"), "0300000061");
  EXPECT_EQ(hex_of("rfc822:u@a"), "03000000754061");
  EXPECT_EQ(hex_of("fqdn:u@a"), "02000000754061");
  EXPECT_EQ(hex_of("dns:a"), "0200000061");
  EXPECT_EQ(hex_of("@#00ff"), "0b00000000ff");
  EXPECT_EQ(hex_of("asn1dn:CN=a"), hex_of("CN=a"));
}

TEST(IdentityText, ReadsDistinguishedNames) {
  // Name { RDN { CN = PrintableString "a" } }.
  EXPECT_EQ(hex_of("CN=a"),
            "09000000300c310a300806035504031301"
            "61");
  EXPECT_EQ(hex_of("C=CH, CN=a"), hex_of("/C=CH/CN=a"));
  EXPECT_EQ(identity_text(bytes_of(parse_identity("/C=CH/CN=a").value())), "C=CH, CN=a");
  EXPECT_FALSE(parse_identity("X=a"));
}

TEST(IdentityText, RefusesWhatIsNone) {
  for (const char* text : {"", "@", "a b", "@a@b", "a@", "@@", "keyid:", "keyid:#", "keyid:#0",
                           "\xc3\xa4", "fqdn:", "email:a b", "@#"})
    EXPECT_FALSE(parse_identity(text)) << text;
  EXPECT_EQ(parse_identity("a b").error().text,
            "expected an identity such as \"user@example.org\", \"@gw.example.org\", an address or "
            "\"keyid:...\", not \"a b\"");
}

TEST(IdentityText, HasALimit) {
  EXPECT_TRUE(parse_identity(std::string(kIdentityLenMax, 'a')));
  EXPECT_FALSE(parse_identity(std::string(kIdentityLenMax + 1, 'a')));
}

TEST(IdentityText, WritesWhatItReads) {
  for (const char* text : {"@gw.example.org", "user@example.org", "192.0.2.7", "2001:db8::7",
                           "keyid:hello", "keyid:#00ff"})
    EXPECT_EQ(identity_text(bytes_of(parse_identity(text).value())), text);
}

TEST(IdentityText, WritesForeignBodiesAsHex) {
  EXPECT_EQ(identity_text(bytes_of(std::string("\x09\0\0\0\x30\x00", 6))), "type 9: 3000");
  EXPECT_EQ(identity_text(bytes_of(std::string("\x01\0\0\0\x0a", 5))), "type 1: 0a");
  EXPECT_EQ(identity_text(bytes_of(std::string("\x02\0\0\0\n", 5))), "type 2: 0a");
  EXPECT_EQ(identity_text(bytes_of("ab")), "malformed: 6162");
}

}  // namespace
}  // namespace cp
