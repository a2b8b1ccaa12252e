// Proposals in swanctl syntax.
#include "controlplane/proposal_text.h"

#include <gtest/gtest.h>

#include "ike/proposal.h"

namespace cp {
namespace {

using enum ike::EncrId;

TEST(ProposalText, ReadsAnAeadProposal) {
  const auto suites = parse_ike_proposal("aes256gcm16-prfsha256-x25519").value();
  ASSERT_EQ(suites.size(), 1u);
  EXPECT_EQ(suites[0], (ike::Suite{aes_gcm_16, 256, ike::PrfId::hmac_sha2_256, ike::IntegId::none,
                                   ike::KeId::curve25519, false}));
}

TEST(ProposalText, TakesThePrfFromTheIntegrityAlgorithm) {
  const auto suites = parse_ike_proposal("aes128-sha384-modp2048").value();
  ASSERT_EQ(suites.size(), 1u);
  EXPECT_EQ(suites[0], (ike::Suite{aes_cbc, 128, ike::PrfId::hmac_sha2_384,
                                   ike::IntegId::hmac_sha2_384_192, ike::KeId::modp_2048, false}));
}

TEST(ProposalText, StandsForAllCombinationsFirstNamedFirst) {
  const auto suites =
      parse_ike_proposal("aes256gcm16-aes128gcm16-prfsha256-prfsha512-x25519-ecp256").value();
  ASSERT_EQ(suites.size(), 8u);
  EXPECT_EQ(ike_suite_text(suites[0]), "aes256gcm16-prfsha256-x25519");
  EXPECT_EQ(ike_suite_text(suites[1]), "aes256gcm16-prfsha256-ecp256");
  EXPECT_EQ(ike_suite_text(suites[7]), "aes128gcm16-prfsha512-ecp256");
}

TEST(ProposalText, ReadsEspWithoutEsnUnlessAsked) {
  EXPECT_EQ(esp_suite_text(parse_esp_proposal("aes128gcm128").value()[0]), "aes128gcm16-noesn");
  const auto both = parse_esp_proposal("chacha20poly1305-esn-noesn").value();
  ASSERT_EQ(both.size(), 2u);
  EXPECT_TRUE(both[0].esn);
  EXPECT_FALSE(both[1].esn);
  EXPECT_EQ(esp_suite_text(parse_esp_proposal("aes256-sha2_512").value()[0]),
            "aes256-sha512-noesn");
}

TEST(ProposalText, EverySuiteThatItMakesIsSupported) {
  for (const char* text :
       {"aes128-aes256-sha256-sha384-sha512-prfsha256-prfsha384-prfsha512-modp4096",
        "chacha20poly1305-aes128gcm16-prfsha512-mlkem768-ecp384-ecp521-modp3072", "default"}) {
    const auto suites = parse_ike_proposal(text);
    ASSERT_TRUE(suites) << text;
    for (const ike::Suite& suite : *suites)
      EXPECT_TRUE(ike::is_supported(suite)) << ike_suite_text(suite);
  }
  const auto esp = parse_esp_proposal("default");
  ASSERT_TRUE(esp);
  for (const ike::Suite& suite : *esp)
    EXPECT_TRUE(ike::is_supported(suite)) << esp_suite_text(suite);
}

TEST(ProposalText, WritesWhatItReads) {
  for (const ike::Suite& suite : ike::default_ike_suites())
    EXPECT_EQ(parse_ike_proposal(ike_suite_text(suite)).value(), std::vector{suite});
  for (const ike::Suite& suite : ike::default_esp_suites())
    EXPECT_EQ(parse_esp_proposal(esp_suite_text(suite)).value().front().encr, suite.encr);
}

TEST(ProposalText, ReadsAdditionalKeyExchanges) {  // RFC 9370 §2.2.1
  const char* const text = "aes256gcm16-prfsha256-x25519-ke1_mlkem768-ke7_ecp384";
  const auto suites = parse_ike_proposal(text).value();
  ASSERT_EQ(suites.size(), 1u);
  EXPECT_EQ(suites[0].ke, ike::KeId::curve25519);
  EXPECT_EQ(suites[0].additional.at(0), ike::KeId::ml_kem_768);
  EXPECT_EQ(suites[0].additional.at(6), ike::KeId::ecp_384);
  EXPECT_EQ(ike_suite_text(suites[0]), text);
  const char* const esp = "aes256gcm16-x25519-ke1_ecp256-esn";
  EXPECT_EQ(esp_suite_text(parse_esp_proposal(esp).value()[0]), esp);
}

TEST(ProposalText, CombinesAdditionalKeyExchangesThatDiffer) {
  const auto suites =
      parse_ike_proposal("aes256gcm16-prfsha256-x25519-ecp256-ke1_ecp256-ke1_none-ke2_ecp384")
          .value();
  ASSERT_EQ(suites.size(), 3u);
  EXPECT_EQ(ike_suite_text(suites[0]), "aes256gcm16-prfsha256-x25519-ke1_ecp256-ke2_ecp384");
  EXPECT_EQ(ike_suite_text(suites[1]), "aes256gcm16-prfsha256-x25519-ke2_ecp384");
  EXPECT_EQ(ike_suite_text(suites[2]), "aes256gcm16-prfsha256-ecp256-ke2_ecp384");
}

TEST(ProposalText, RefusesIkeProposalsWithAReason) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "\"\" is not an algorithm known here"},
      {"aes256gcm16-", "\"\" is not an algorithm known here"},
      {"3des-sha1-modp1024", "\"3des\" is not an algorithm known here"},
      {"AES256GCM16-prfsha256-x25519", "\"AES256GCM16\" is not an algorithm known here"},
      {"prfsha256-x25519", "a cipher is missing, e.g. aes256gcm16"},
      {"aes256gcm16-x25519", "an AEAD cipher needs a PRF, e.g. prfsha256"},
      {"aes256gcm16-prfsha256", "a key exchange is missing, e.g. x25519"},
      {"aes256gcm16-sha256-x25519",
       "an AEAD cipher has no integrity algorithm; write prfsha256 for the PRF"},
      {"aes256-x25519", "a CBC cipher needs an integrity algorithm, e.g. sha256"},
      {"aes256-aes256gcm16-sha256-x25519",
       "AEAD and CBC ciphers need a proposal each (RFC 7296 §3.3)"},
      {"aes256gcm16-prfsha256-x25519-esn", "esn and noesn belong to ESP proposals"},
      {"aes256gcm16-aes256gcm128-prfsha256-x25519", "\"aes256gcm128\" stands twice"},
      {"aes256gcm16-prfsha256-x25519-ke0_ecp256", "\"ke0_ecp256\" is not an algorithm known here"},
      {"aes256gcm16-prfsha256-x25519-ke8_ecp256", "\"ke8_ecp256\" is not an algorithm known here"},
      {"aes256gcm16-prfsha256-x25519-ke1_", "\"ke1_\" is not an algorithm known here"},
      {"aes256gcm16-prfsha256-x25519-ke1_sha256", "\"ke1_sha256\" is not an algorithm known here"},
      {"aes256gcm16-prfsha256-x25519-ke1_ecp256-ke1_ecp256", "\"ke1_ecp256\" stands twice"},
      {"aes256gcm16-prfsha256-x25519-ke1_x25519",
       "the key exchanges must differ (RFC 9370 §2.2.1)"},
      {"aes256gcm16-prfsha256-ke1_ecp256", "a key exchange is missing, e.g. x25519"},
      {"aes256gcm16-prfsha256-x25519-ke1_ecp256-ke1_ecp384-ke1_none-ke2_modp2048-ke2_modp3072-"
       "ke2_none-ke3_ecp521-ke3_modp4096-ke3_none-ke4_mlkem768-ke4_none-ke5_mlkem768-ke5_none-"
       "ke6_mlkem768-ke6_none-ke7_mlkem768-ke7_none",
       "too many combinations"},
      {"aes128-aes256-sha256-sha384-sha512-prfsha256-prfsha384-prfsha512-x25519-ecp256-ecp384-"
       "ecp521-"
       "modp2048-modp3072-modp4096-mlkem768",
       nullptr}};  // 144 combinations: allowed
  for (const auto& [text, why] : cases) {
    const auto suites = parse_ike_proposal(text);
    if (why == nullptr) {
      EXPECT_EQ(suites.value().size(), 144u);
      continue;
    }
    ASSERT_FALSE(suites) << text;
    EXPECT_EQ(suites.error().text, std::string("proposal \"") + text + "\": " + why);
  }
}

TEST(ProposalText, EspProposalsMayNameTheKeOfRekeying) {
  const auto suites = parse_esp_proposal("aes256gcm16-x25519-ecp384").value();
  ASSERT_EQ(suites.size(), 2u);
  EXPECT_EQ(esp_suite_text(suites[1]), "aes256gcm16-ecp384-noesn");
}

TEST(ProposalText, RefusesEspProposalsWithAReason) {
  EXPECT_EQ(parse_esp_proposal("aes256gcm16-prfsha256").error().text,
            "proposal \"aes256gcm16-prfsha256\": an ESP proposal has no PRF");
  EXPECT_EQ(parse_esp_proposal("aes256gcm16-ke1_ecp256").error().text,
            "proposal \"aes256gcm16-ke1_ecp256\": an additional key exchange needs a first one, "
            "e.g. x25519");
}

}  // namespace
}  // namespace cp
