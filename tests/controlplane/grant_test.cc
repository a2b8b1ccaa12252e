// What comes with IKE_AUTH: addresses, Child SA, ticket, token.
#include <gtest/gtest.h>

#include "controlplane/handlers.h"
#include "ike/crash_detection.h"
#include "tests/controlplane/psk_test.h"

namespace cp {
namespace {

using Grant = PskTest;

TEST_F(Grant, KeepsTheIkeSaWhenTheChildIsRefused) {
  client.esp_suites = {
      {.encr = ike::EncrId::aes_cbc, .key_bits = 128, .integ = ike::IntegId::hmac_sha2_512_256}};
  ASSERT_TRUE(init());
  const auto answers = rig.exchange(client.auth(), path);
  ASSERT_TRUE(client.take_auth(answers));
  EXPECT_FALSE(client.auth_answer.has_sa);
  EXPECT_NE(rig.sa(client.spi_r), nullptr);  // RFC 7296 §1.2
}

TEST_F(Grant, GivesTheQcdTokenThatItWouldAnswerWith) {
  ASSERT_TRUE(connect());
  std::array<std::uint8_t, ike::kQcdTokenLen> token;
  ike::derive_qcd_token(client.engine(), rig.plane().plane().qcd_secret, client.spi_i, client.spi_r,
                        token.data());
  EXPECT_TRUE(ike::is_qcd_token(client.auth_answer.qcd_token, token));
}

}  // namespace
}  // namespace cp
