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

class GrantSwitches : public PskTest {
 protected:
  GrantSwitches()
      : PskTest(
            "[connections.rw]\nproposals = 'aes256gcm16-prfsha256-x25519'\n"
            "reauth_time = '1h'\nover_time = '1m'\nchildless = 'never'\n"
            "fragmentation = false\nencap = true\n"
            "[connections.rw.local]\nauth = 'psk'\nid = 'gw.example.org'\n"
            "[connections.rw.remote]\nauth = 'psk'\n"
            "[secrets.ike-all]\nsecret = 'secret'\n") {}
};

TEST_F(GrantSwitches, TellWhenToAuthenticateAgainAndEndTheSaThen) {
  ASSERT_TRUE(connect());
  EXPECT_EQ(client.auth_answer.auth_lifetime_s, 3600u);  // RFC 4478 §3
  EXPECT_LE(rig.sa(client.spi_r)->ends_at_ms, rig.now().ms + 3'660'000);
}

TEST_F(GrantSwitches, AreFollowedInIkeSaInitToo) {
  client.childless = true;
  ASSERT_TRUE(init());
  EXPECT_FALSE(client.sa_init_answer.fragmentation_supported);
  EXPECT_FALSE(client.sa_init_answer.childless_supported);
  EXPECT_TRUE(rig.sa(client.spi_r)->nat_here);
  EXPECT_FALSE(client.take_auth(rig.exchange(client.auth(), path)));  // RFC 6023 §3
  EXPECT_EQ(rig.sas().size(), 0u);
}

TEST_F(Grant, GivesTheQcdTokenThatItWouldAnswerWith) {
  ASSERT_TRUE(connect());
  std::array<std::uint8_t, ike::kQcdTokenLen> token;
  ike::derive_qcd_token(client.engine(), rig.plane().plane().qcd_secret, client.spi_i, client.spi_r,
                        token.data());
  EXPECT_TRUE(ike::is_qcd_token(client.auth_answer.qcd_token, token));
}

TEST_F(Grant, GivesNoTicketUnasked) {  // R5723-02
  client.ticket_request = false;
  ASSERT_TRUE(connect());
  EXPECT_TRUE(client.auth_answer.ticket.empty());
  EXPECT_EQ(rig.counters().tickets, 0u);
}

}  // namespace
}  // namespace cp
