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

// The client resumed while it rekeyed: the addresses are the resumed SA's, whatever else is free.
TEST_F(Apply, LeavesAddressesToTheResumedSaWhenTheOldOneIsRekeyed) {
  ASSERT_TRUE(connect());
  const ike::Ip4 address = rig.sa(client.spi_r)->ip4.value();
  const ike::IkeSpi resumed(0xb000000000000001);
  ASSERT_EQ(rig.workers().lease4(&address, resumed, client.spi_r, 0), address);
  ASSERT_TRUE(client.take_rekey_ike(ask(client.rekey_ike(ike::IkeSpi(0x1122334455667788)))));
  EXPECT_FALSE(rig.sa(client.spi_r)->ip4.has_value());
  EXPECT_EQ(rig.workers().leases().held4(), 1u);
  ASSERT_TRUE(ask(client.delete_ike()).ok);
  EXPECT_EQ(rig.workers().leases().held4(), 1u);
}

}  // namespace
}  // namespace cp
