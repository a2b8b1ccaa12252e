// What the machine does with a decision.
#include <gtest/gtest.h>

#include "controlplane/machine.h"
#include "tests/controlplane/psk_test.h"

namespace cp {
namespace {

using Apply = PskTest;

TEST_F(Apply, EndsOtherSasOfTheIdentityAtInitialContact) {
  ASSERT_TRUE(connect());
  const auto address = rig.sa(client.spi_r)->ip4;
  IkeClient again(5);
  again.initial_contact = true;
  const auto answers = rig.exchange(again.sa_init(), path);
  ASSERT_TRUE(again.take_sa_init(answers[0]));
  ASSERT_TRUE(again.take_auth(rig.exchange(again.auth(), path)));
  EXPECT_EQ(rig.sa(client.spi_r), nullptr);  // RFC 7296 §2.4
  EXPECT_EQ(rig.sa(again.spi_r)->ip4, address);
  EXPECT_EQ(rig.workers().leases().held4(), 1u);
}

TEST_F(Apply, IgnoresInitialContactOfWhoFailsToAuthenticate) {
  ASSERT_TRUE(connect());
  IkeClient thief(5);
  thief.initial_contact = true;
  thief.psk = {'x'};
  ASSERT_TRUE(thief.take_sa_init(rig.exchange(thief.sa_init(), path)[0]));
  rig.exchange(thief.auth(), path);
  EXPECT_NE(rig.sa(client.spi_r), nullptr);
}

}  // namespace
}  // namespace cp
