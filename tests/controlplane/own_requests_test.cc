// Requests of the gateway, one at a time.
#include <gtest/gtest.h>

#include "controlplane/machine.h"
#include "tests/controlplane/psk_test.h"

namespace cp {
namespace {

using OwnRequests = PskTest;

TEST_F(OwnRequests, WaitTheirTurn) {
  ASSERT_TRUE(connect());
  IkeSa& sa = *rig.sa(client.spi_r);
  rig.plane().machine().start_child_rekey(sa, client.child_out);
  const auto first = asked();
  ASSERT_TRUE(first.ok);
  rig.plane().machine().terminate(sa);
  EXPECT_FALSE(asked().ok);  // RFC 7296 §2.3: the window is 1
  Octets inner(64);
  crypto::ByteWriter writer(inner);
  ike::ChainBuilder chain(writer);
  chain.notify(ike::Notify::no_additional_sas);
  inner.resize(writer.size());
  const std::size_t before = rig.sent.size();
  rig.exchange(client.answer(first.header, chain.first_type(), inner), path);
  ASSERT_EQ(rig.sent.size(), before + 1);
  EXPECT_TRUE(informational(client.open({rig.sent.back().message})).deletes_ike);
}

TEST_F(OwnRequests, TakeNoAnswerThatIsNotAuthentic) {
  ASSERT_TRUE(connect());
  IkeSa& sa = *rig.sa(client.spi_r);
  rig.plane().machine().terminate(sa);
  const auto opened = asked();
  Octets forged = client.answer(opened.header, ike::PayloadType::none, {});
  forged.back() ^= 1;
  rig.exchange(forged, path);
  EXPECT_EQ(rig.sas().size(), 1u);
  EXPECT_EQ(rig.counters().bad_icv, 1u);
}

TEST_F(OwnRequests, DeleteAChildWhoseLifeIsOver) {
  ASSERT_TRUE(connect());
  IkeSa& sa = *rig.sa(client.spi_r);
  sa.children[0].rekey_at_ms = ExchangeWindow::kNever;
  sa.rekey_at_ms = ExchangeWindow::kNever;
  sa.children[0].ends_at_ms = rig.now().ms + 10;
  rig.plane().sas().schedule(sa, rig.now().ms + 10);
  rig.pass_ms(11);
  const auto opened = asked();
  ASSERT_TRUE(opened.ok);
  EXPECT_EQ(informational(opened).deleted_esp[0], client.child_out);
}

}  // namespace
}  // namespace cp
