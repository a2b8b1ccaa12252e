// Distinguished names: text to DER and back, and comparison.
#include <gtest/gtest.h>

#include "crypto/distinguished_name.h"
#include "tests/support/vectors.h"

namespace crypto {
namespace {

using support::from_hex;
using support::Octets;
using support::to_hex;

Octets der(std::string_view text) {
  const auto name = dn_from_text(text);
  EXPECT_TRUE(name) << name.error().text;
  return name ? *name : Octets();
}
std::string refusal(std::string_view text) {
  const auto name = dn_from_text(text);
  return name ? "" : name.error().text;
}
std::string shown(Bytes name) {
  const auto text = dn_to_text(name);
  return text ? *text : "error: " + text.error().text;
}

TEST(OsslDistinguishedName, EncodesAsStrongswanDoes) {
  const auto vectors = support::load_vectors("distinguished-names.json");
  std::size_t count = 0;
  for (const auto& test : vectors.at("tests")) {
    const std::string text = support::text_at(test, "text");
    EXPECT_EQ(to_hex(der(text)), support::text_at(test, "der")) << text;
    ++count;
  }
  EXPECT_GE(count, 12u);
}

TEST(OsslDistinguishedName, ChoosesTheKindOfStringByItsCharacters) {
  const auto kind = [](std::string_view text) { return der(text)[11]; };
  EXPECT_EQ(kind("CN=Az09 '()+-./:=?"), 0x13);  // PrintableString
  EXPECT_EQ(kind("CN=a_b"), 0x0c);              // UTF8String
  EXPECT_EQ(kind("CN=*"), 0x0c);
  EXPECT_EQ(kind("/CN=a,b"), 0x13);
  EXPECT_EQ(der("E=a@b")[17], 0x16);  // IA5String
}

TEST(OsslDistinguishedName, TakesDottedOidsAndAnyCase) {
  EXPECT_EQ(der("2.5.4.3=moon"), der("cn=moon"));
  EXPECT_EQ(der("CN = moon"), der("CN=moon"));
  EXPECT_EQ(shown(der("1.2.3.4=x")), "1.2.3.4=x");
}

TEST(OsslDistinguishedName, SaysWhatIsWrong) {
  EXPECT_EQ(refusal(""), "the distinguished name is empty");
  EXPECT_EQ(refusal("  "), "the distinguished name is empty");
  EXPECT_EQ(refusal("moon"), "distinguished name: 'moon' is no NAME=VALUE");
  EXPECT_EQ(refusal("C=CH,"), "distinguished name: '' is no NAME=VALUE");
  EXPECT_EQ(refusal("/"), "distinguished name: '' is no NAME=VALUE");
  EXPECT_EQ(refusal("C=CH, CN="), "distinguished name: 'CN=' has no value");
  EXPECT_EQ(refusal("CM=moon"), "distinguished name: 'CM=moon' has an unknown name");
  EXPECT_EQ(refusal("commonName=moon"),
            "distinguished name: 'commonName=moon' has an unknown name");
  EXPECT_EQ(refusal("9.9.9=moon"), "distinguished name: '9.9.9=moon' has an unknown name");
  EXPECT_EQ(refusal("=moon"), "distinguished name: '=moon' has an unknown name");
  EXPECT_EQ(refusal("E=\xc3\xbc@b"), "distinguished name: 'E=\xc3\xbc@b' is not ASCII");
  EXPECT_EQ(refusal("CN=\xff\xfe"), "the distinguished name is not UTF-8");
}

TEST(OsslDistinguishedName, HasLimits) {
  std::string twenty = "CN=1";
  for (int i = 0; i < 19; ++i) twenty += ", OU=1";
  EXPECT_EQ(refusal(twenty), "");
  EXPECT_EQ(refusal(twenty + ", OU=1"), "the distinguished name has more than 20 parts");
  EXPECT_EQ(refusal("CN=" + std::string(kNameDerMax - 30, 'x')), "");
  EXPECT_EQ(refusal("CN=" + std::string(kNameDerMax - 5, 'x')),
            "the distinguished name is too long");
  EXPECT_EQ(refusal("CN=" + std::string(kNameDerMax, 'x')), "the distinguished name is too long");
}

TEST(OsslDistinguishedName, IsShownAsItIsWritten) {
  for (const char* text : {"C=CH, O=strongSwan, CN=moon", "DC=org, UID=a, E=a@b, serialNumber=1"})
    EXPECT_EQ(shown(der(text)), text);
}

TEST(OsslDistinguishedName, CannotForgeALog) {
  EXPECT_EQ(shown(der("/CN=a, O=b")), "CN=a\\2c O=b");
  EXPECT_EQ(shown(der("CN=a\\b")), "CN=a\\5cb");
  EXPECT_EQ(shown(der("CN=line\nnew")), "CN=line\\0anew");
  EXPECT_EQ(shown(der("CN=\xc3\xbc")), "CN=\\c3\\bc");
  // CN = BMPString "a", NUL, "b": not cut at the zero.
  EXPECT_EQ(shown(from_hex("3011310f300d06035504031e06006100000062")), "CN=a\\00b");
}

TEST(OsslDistinguishedName, ShowsPartsOfOneSetTogether) {
  EXPECT_EQ(shown(from_hex("301a3118300906035504061302434830"
                           "0b0603550403130461626364")),
            "C=CH + CN=abcd");
}

TEST(OsslDistinguishedName, IsNoNameWhenMalformed) {
  const Octets name = der("C=CH, CN=moon");
  const std::string error = "error: the octets are no distinguished name";
  for (std::size_t len = 0; len < name.size(); ++len) {
    EXPECT_EQ(shown(Bytes(name).first(len)), error);
    EXPECT_FALSE(dn_equal(Bytes(name).first(len), Bytes(name).first(len)));
    EXPECT_FALSE(dn_matches(Bytes(name).first(len), Bytes(name).first(len)));
  }
  Octets longer = name;
  longer.push_back(0);
  EXPECT_EQ(shown(longer), error);
  EXPECT_FALSE(dn_equal(longer, longer));
  EXPECT_EQ(shown(Octets(kNameDerMax + 1, 0x30)), error);
}

TEST(OsslDistinguishedName, ComparesWithoutCaseSpacesAndKindOfString) {
  // RFC 5280 §7.1.
  const Octets name = der("C=CH, O=Example Org, CN=moon");
  EXPECT_TRUE(dn_equal(name, name));
  EXPECT_TRUE(dn_equal(name, der("C=ch, O=EXAMPLE  org, CN=Moon")));
  EXPECT_FALSE(dn_equal(name, der("C=CH, O=Example Org, CN=sun")));
  EXPECT_FALSE(dn_equal(name, der("C=CH, CN=moon, O=Example Org")));
  EXPECT_FALSE(dn_equal(name, der("C=CH, O=Example Org")));
  EXPECT_FALSE(dn_equal(name, der("C=CH, O=Example Org, OU=moon")));
  // CN = UTF8String "moon" and PrintableString "moon".
  EXPECT_TRUE(dn_equal(from_hex("300f310d300b06035504030c046d6f6f6e"), der("CN=moon")));
}

TEST(OsslDistinguishedName, MatchesAnyValueWhereThePatternHasAStar) {
  const Octets name = der("C=CH, O=Example, CN=alice");
  EXPECT_TRUE(dn_matches(der("C=CH, O=Example, CN=*"), name));
  EXPECT_TRUE(dn_matches(der("C=*, O=example, CN=*"), name));
  EXPECT_TRUE(dn_matches(name, name));
  EXPECT_FALSE(dn_matches(der("C=CH, O=Other, CN=*"), name));
  EXPECT_FALSE(dn_matches(der("C=CH, O=Example, UID=*"), name));
  EXPECT_FALSE(dn_matches(der("C=CH, O=Example"), name));
  EXPECT_FALSE(dn_matches(der("C=CH, O=Example, CN=*, OU=*"), name));
  EXPECT_FALSE(dn_matches(der("C=CH, O=Example, CN=al*"), name));
  EXPECT_FALSE(dn_matches(name, der("C=CH, O=Example, CN=*")));
  // Both parts in one set are another name than one after the other.
  const Octets one_set = from_hex(
      "301a3118300906035504061302434830"
      "0b0603550403130461626364");
  EXPECT_TRUE(dn_matches(one_set, one_set));
  EXPECT_FALSE(dn_matches(der("C=CH, CN=*"), one_set));
}

}  // namespace
}  // namespace crypto
