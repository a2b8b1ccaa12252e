// IKE_SA_INIT: what makes an SA and what does not.
#include <gtest/gtest.h>

#include "controlplane/handlers.h"
#include "tests/controlplane/psk_test.h"

namespace cp {
namespace {

using OnSaInit = PskTest;

TEST_F(OnSaInit, TakesTwoClientsBehindOneAddressWithEqualSpis) {
  IkeClient other(2);
  other.spi_i = client.spi_i;
  ASSERT_TRUE(init());
  const auto answers = rig.exchange(other.sa_init(), path);
  ASSERT_EQ(answers.size(), 1u);
  ASSERT_TRUE(other.take_sa_init(answers[0]));
  EXPECT_NE(other.spi_r, client.spi_r);
}

TEST_F(OnSaInit, AsksForAnotherGroup) {
  client.suites = {{.encr = ike::EncrId::aes_gcm_16,
                    .key_bits = 256,
                    .prf = ike::PrfId::hmac_sha2_256,
                    .ke = ike::KeId::ecp_256},
                   {.encr = ike::EncrId::aes_gcm_16,
                    .key_bits = 256,
                    .prf = ike::PrfId::hmac_sha2_256,
                    .ke = ike::KeId::curve25519}};
  EXPECT_FALSE(init());
  EXPECT_EQ(client.sa_init_answer.kind, ike::SaInitAnswerKind::invalid_ke);
  EXPECT_EQ(client.sa_init_answer.wanted_ke, ike::KeId::curve25519);
  std::swap(client.suites[0], client.suites[1]);
  EXPECT_TRUE(connect());
}

TEST_F(OnSaInit, KeepsNoStateWithoutAProposalThatFits) {
  client.suites[0].encr = ike::EncrId::chacha20_poly1305;
  client.suites[0].key_bits = 0;
  EXPECT_FALSE(init());
  EXPECT_EQ(client.sa_init_answer.error, number(ike::Notify::no_proposal_chosen));
  EXPECT_EQ(rig.sas().size(), 0u);
}

}  // namespace
}  // namespace cp
