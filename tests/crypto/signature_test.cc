// Signature algorithms: their AlgorithmIdentifiers both ways, and which key can do which.
#include "crypto/signature.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/hex.h"

namespace crypto {
namespace {

using support::from_hex;
using support::Octets;
using support::to_hex;

constexpr std::size_t kCount = kSignatureAlgorithmCount;
SignatureAlgorithm algorithm(std::size_t i) { return static_cast<SignatureAlgorithm>(i); }

std::optional<SignatureAlgorithm> parse(const std::string& hex) {
  return parse_algorithm_identifier(from_hex(hex));
}

// RFC 7427 §A.1, §A.3 and §A.4.3 and RFC 8420 §A.2 print these.
constexpr const char* kSha256Rsa = "300d06092a864886f70d01010b0500";
constexpr const char* kPss256 =
    "304106092a864886f70d01010a3034a00f300d06096086480165030402010500a11c301a06092a864886f70d0101"
    "08300d06096086480165030402010500a203020120";

TEST(Signature, HasTheIdentifiersOfTheRfcs) {
  const auto identifier = [](SignatureAlgorithm a) { return to_hex(algorithm_identifier(a)); };
  EXPECT_EQ(identifier(SignatureAlgorithm::rsa_pkcs1_sha1), "300d06092a864886f70d0101050500");
  EXPECT_EQ(identifier(SignatureAlgorithm::rsa_pkcs1_sha256), kSha256Rsa);
  EXPECT_EQ(identifier(SignatureAlgorithm::rsa_pkcs1_sha384), "300d06092a864886f70d01010c0500");
  EXPECT_EQ(identifier(SignatureAlgorithm::rsa_pkcs1_sha512), "300d06092a864886f70d01010d0500");
  EXPECT_EQ(identifier(SignatureAlgorithm::rsa_pss_sha256), kPss256);
  EXPECT_EQ(identifier(SignatureAlgorithm::ecdsa_sha256), "300a06082a8648ce3d040302");
  EXPECT_EQ(identifier(SignatureAlgorithm::ecdsa_sha384), "300a06082a8648ce3d040303");
  EXPECT_EQ(identifier(SignatureAlgorithm::ecdsa_sha512), "300a06082a8648ce3d040304");
  EXPECT_EQ(identifier(SignatureAlgorithm::ed25519), "300506032b6570");
}

TEST(Signature, ParsesEveryIdentifierThatItWrites) {
  for (std::size_t i = 0; i < kCount; ++i)
    EXPECT_EQ(parse_algorithm_identifier(algorithm_identifier(algorithm(i))), algorithm(i))
        << signature_algorithm_name(algorithm(i));
}

TEST(Signature, TakesNullAndAbsentParametersOfRsa) {
  // RFC 4055 §5: both forms of the parameters of RSA with PKCS #1.
  EXPECT_EQ(parse("300b06092a864886f70d01010b"), SignatureAlgorithm::rsa_pkcs1_sha256);
  EXPECT_FALSE(parse("300d06092a864886f70d01010b3000"));
  EXPECT_FALSE(parse("300e06092a864886f70d01010b050100"));
  EXPECT_FALSE(parse("300c06082a8648ce3d0403020500"));  // ECDSA: RFC 5758 §3.2 wants them absent
  EXPECT_FALSE(parse("300706032b65700500"));
}

TEST(Signature, TakesPssWithOneHashAndASaltOfItsLength) {
  const std::string parameters_of_256 = std::string(kPss256).substr(26);
  // Hash parameters absent instead of NULL (RFC 4055 §2.1).
  EXPECT_EQ(parse("303d06092a864886f70d01010a3030a00d300b0609608648016503040201a11a301806092a8648"
                  "86f70d010108300b0609608648016503040201a203020120"),
            SignatureAlgorithm::rsa_pss_sha256);
  // The trailer field written out, and with another number.
  EXPECT_EQ(parse("304606092a864886f70d01010a3039" + parameters_of_256.substr(4) + "a303020101"),
            SignatureAlgorithm::rsa_pss_sha256);
  EXPECT_FALSE(
      parse("304606092a864886f70d01010a3039" + parameters_of_256.substr(4) + "a303020102"));
  Octets pss = from_hex(kPss256);
  const auto changed = [&](std::size_t at, std::uint8_t octet) {
    Octets copy = pss;
    copy[at] = octet;
    return parse_algorithm_identifier(copy);
  };
  ASSERT_EQ(pss.size(), 67u);
  EXPECT_EQ(changed(66, 32), SignatureAlgorithm::rsa_pss_sha256);
  EXPECT_FALSE(changed(66, 20));  // another salt
  EXPECT_FALSE(changed(66, 48));
  EXPECT_FALSE(changed(29, 2));  // SHA-384, but MGF1 with SHA-256
  EXPECT_FALSE(changed(59, 3));  // MGF1 with SHA-512
  EXPECT_FALSE(changed(29, 4));  // SHA-224
  EXPECT_FALSE(changed(44, 9));  // no MGF1
  // Defaults are SHA-1, which is not taken (RFC 7427 §A.4.1, §A.4.2).
  EXPECT_FALSE(parse("300d06092a864886f70d01010a3000"));
  EXPECT_FALSE(parse("300b06092a864886f70d01010a"));
}

TEST(Signature, RefusesWhatIsCutOrHasMoreBehind) {
  for (std::size_t i = 0; i < kCount; ++i) {
    const Bytes identifier = algorithm_identifier(algorithm(i));
    for (std::size_t len = 0; len < identifier.size(); ++len)
      EXPECT_FALSE(parse_algorithm_identifier(identifier.first(len)));
    Octets longer(identifier.begin(), identifier.end());
    longer.push_back(0);
    EXPECT_FALSE(parse_algorithm_identifier(longer));
  }
  EXPECT_FALSE(parse("300d06092a864886f70d0101010500"));  // rsaEncryption
  EXPECT_FALSE(parse("300506032b6571"));                  // Ed448
  EXPECT_FALSE(parse("30810d06092a864886f70d01010b0500"));
}

TEST(Signature, GoesWithTheKeysOfItsKind) {
  for (std::size_t i = 0; i < kCount; ++i) {
    const std::string name = signature_algorithm_name(algorithm(i));
    EXPECT_EQ(can_use(KeyKind::rsa, algorithm(i)), name.starts_with("rsa-"));
    for (const KeyKind kind : {KeyKind::ecdsa_p256, KeyKind::ecdsa_p384, KeyKind::ecdsa_p521})
      EXPECT_EQ(can_use(kind, algorithm(i)), name.starts_with("ecdsa-"));
    EXPECT_EQ(can_use(KeyKind::ed25519, algorithm(i)), name == "ed25519");
    const SignatureHash hash = hash_of(algorithm(i));
    EXPECT_EQ(name.ends_with("sha1"), hash == SignatureHash::sha1);
    EXPECT_EQ(name.ends_with("sha384"), hash == SignatureHash::sha384);
    EXPECT_EQ(name == "ed25519", hash == SignatureHash::identity);
  }
  EXPECT_STREQ(key_kind_name(KeyKind::ecdsa_p384), "ECDSA P-384");
}

}  // namespace
}  // namespace crypto
