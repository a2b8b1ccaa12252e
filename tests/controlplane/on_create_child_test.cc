// CREATE_CHILD_SA from the client.
#include <gtest/gtest.h>

#include "controlplane/handlers.h"
#include "tests/controlplane/psk_test.h"

namespace cp {
namespace {

using OnCreateChild = PskTest;

TEST_F(OnCreateChild, RekeysAChildAtThePeersWish) {
  ASSERT_TRUE(connect());
  const ike::EspSpi old = client.child_out;
  const auto opened = ask(client.rekey_child(client.child_in, ike::EspSpi(0xc0ffee02)));
  ASSERT_TRUE(opened.ok);
  EXPECT_EQ(client.error_of(opened), 0);
  const IkeSa& sa = *rig.sa(client.spi_r);
  ASSERT_EQ(sa.children.size(), 2u);  // RFC 7296 §1.3.3: the old one works until it is deleted
  EXPECT_TRUE(sa.children[0].replaced);
  EXPECT_EQ(sa.children[0].spi_in, old);
  EXPECT_FALSE(sa.children[1].replaced);
  EXPECT_TRUE(ask(client.delete_child(client.child_in)).ok);
  EXPECT_EQ(rig.sa(client.spi_r)->children.size(), 1u);
}

// RFC 7296 §2.8: the worker of the old SA alone knows when its peer has gone over to the new one,
// and it must have the new one before the answer is out. Messages of an IKE SA come by any worker.
TEST_F(OnCreateChild, RekeysAChildAtTheWorkerThatHasIt) {
  ASSERT_TRUE(connect());
  const auto opened = client.open(
      rig.exchange(client.rekey_child(client.child_in, ike::EspSpi(0xc0ffee02)), path, 1));
  ASSERT_TRUE(opened.ok);
  EXPECT_EQ(rig.orders.back().kind, dp::OrderKind::install_child);
  EXPECT_EQ(rig.orders.back().worker, 0u);
  EXPECT_EQ(rig.sent.back().worker, 0u);
}

TEST_F(OnCreateChild, RekeysAChildWithAKeyExchange) {
  ASSERT_TRUE(connect());
  const auto opened =
      ask(client.rekey_child(client.child_in, ike::EspSpi(0xc0ffee02), ike::KeId::curve25519));
  ASSERT_TRUE(opened.ok);
  EXPECT_EQ(client.error_of(opened), 0);
  EXPECT_EQ(rig.sa(client.spi_r)->children.size(), 2u);
}

TEST_F(OnCreateChild, SaysThatAChildToBeRekeyedIsNotThere) {
  ASSERT_TRUE(connect());
  const auto opened = ask(client.rekey_child(ike::EspSpi(0x12345678), ike::EspSpi(0xc0ffee02)));
  EXPECT_EQ(client.error_of(opened), number(ike::Notify::child_sa_not_found));  // RFC 7296 §2.25
  EXPECT_EQ(rig.sa(client.spi_r)->children.size(), 1u);
}

TEST_F(OnCreateChild, RekeysTheIkeSaAndMovesWhatItHas) {
  ASSERT_TRUE(connect());
  const ike::IkeSpi old = client.spi_r;
  const auto address = rig.sa(old)->ip4;
  IkeClient before = IkeClient(9);
  const auto opened = ask(client.rekey_ike(ike::IkeSpi(0x1122334455667788)));
  ASSERT_TRUE(opened.ok);
  const Octets old_keymat = client.keymat;
  const std::uint32_t old_id = client.message_id;
  const std::uint64_t old_counter = client.tx_counter;
  const ike::IkeSpi old_i = client.spi_i;
  ASSERT_TRUE(client.take_rekey_ike(opened));
  const IkeSa* fresh = rig.sa(client.spi_r);
  ASSERT_NE(fresh, nullptr);
  EXPECT_EQ(fresh->children.size(), 1u);  // RFC 7296 §2.18
  EXPECT_EQ(fresh->ip4, address);
  EXPECT_EQ(rig.sa(old)->state, SaState::replaced);
  EXPECT_EQ(client.error_of(ask(client.empty_request(ike::Exchange::informational))), 0);
  // The old SA is deleted by whoever rekeyed; the address stays with the new one.
  std::swap(client.keymat, const_cast<Octets&>(old_keymat));
  const ike::IkeSpi new_i = client.spi_i, new_r = client.spi_r;
  client.spi_i = old_i;
  client.spi_r = old;
  client.message_id = old_id;
  client.tx_counter = old_counter;
  EXPECT_TRUE(ask(client.delete_ike()).ok);
  EXPECT_EQ(rig.sa(old), nullptr);
  EXPECT_NE(rig.sa(new_r), nullptr);
  EXPECT_EQ(rig.workers().leases().held4(), 1u);
  client.spi_i = new_i;
}

}  // namespace
}  // namespace cp
