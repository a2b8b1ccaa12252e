// Hexadecimal and Base64, RFC 4648 vectors among them.
#include "controlplane/hex_text.h"

#include <gtest/gtest.h>

namespace cp {
namespace {

std::string decoded(std::string_view base64) {
  const auto octets = parse_base64(base64).value();
  return {octets.begin(), octets.end()};
}

TEST(HexText, ReadsAndWrites) {
  const auto octets = parse_hex("00fFa5").value();
  EXPECT_EQ(octets, (std::vector<std::uint8_t>{0, 0xff, 0xa5}));
  EXPECT_EQ(hex_text(octets), "00ffa5");
  EXPECT_TRUE(parse_hex("").value().empty());
}

TEST(HexText, RefusesOddAndForeignDigits) {
  EXPECT_FALSE(parse_hex("0"));
  EXPECT_FALSE(parse_hex("0g"));
  EXPECT_FALSE(parse_hex("g0"));
  EXPECT_FALSE(parse_hex("00 11"));
}

TEST(Base64Text, ReadsTheVectorsOfRfc4648) {
  EXPECT_EQ(decoded(""), "");
  EXPECT_EQ(decoded("Zg=="), "f");
  EXPECT_EQ(decoded("Zm8="), "fo");
  EXPECT_EQ(decoded("Zm9v"), "foo");
  EXPECT_EQ(decoded("Zm9vYg=="), "foob");
  EXPECT_EQ(decoded("Zm9vYmE="), "fooba");
  EXPECT_EQ(decoded("Zm9vYmFy"), "foobar");
}

TEST(Base64Text, ReadsTheUrlAlphabetSpacesAndNoPadding) {
  EXPECT_EQ(parse_base64("-_8").value(), (std::vector<std::uint8_t>{0xfb, 0xff}));
  EXPECT_EQ(parse_base64("+/8=").value(), (std::vector<std::uint8_t>{0xfb, 0xff}));
  EXPECT_EQ(decoded("Zm9v\nYmFy\n"), "foobar");
}

TEST(Base64Text, RefusesWhatIsNoBase64) {
  for (const char* text : {"Z", "Zm9vY", "Zg=", "Zh==", "Zm=v", "Zm9v!", "====="})
    EXPECT_FALSE(parse_base64(text)) << text;
}

}  // namespace
}  // namespace cp
