// What happens without a message.
#include <gtest/gtest.h>

#include "controlplane/machine.h"
#include "tests/controlplane/psk_test.h"

namespace cp {
namespace {

using Timers = PskTest;

TEST_F(Timers, ForgetsAHalfOpenSaInTime) {
  ASSERT_TRUE(init());
  EXPECT_EQ(rig.sas().half_open_count(), 1u);
  rig.pass_ms(10'001);
  rig.serve();
  EXPECT_EQ(rig.sas().size(), 0u);
  EXPECT_EQ(rig.counters().half_open_expired, 1u);
}

TEST_F(Timers, AsksASilentPeerAndClosesWhenItStaysSilent) {
  ASSERT_TRUE(connect());
  rig.sent.clear();
  rig.pass_ms(60'000);
  rig.serve();
  ASSERT_EQ(rig.sent.size(), 1u);  // RFC 7296 §2.4
  const auto opened = client.open({rig.sent[0].message});
  ASSERT_TRUE(opened.ok);
  EXPECT_TRUE(opened.inner.empty());
  for (int i = 0; i < 100 && rig.sas().size() != 0; ++i) {
    rig.pass_ms(1000);
    rig.serve();
  }
  EXPECT_EQ(rig.sas().size(), 0u);
  EXPECT_EQ(rig.counters().peers_dead, 1u);
  for (const auto& again : rig.sent) EXPECT_EQ(again.message, rig.sent[0].message);
  EXPECT_EQ(rig.sent.size(), 5u);
}

TEST_F(Timers, BelievesAPeerThatAnswersToBeAlive) {
  ASSERT_TRUE(connect());
  rig.sent.clear();
  rig.pass_ms(60'000);
  rig.serve();
  ASSERT_EQ(rig.sent.size(), 1u);
  const auto opened = client.open({rig.sent[0].message});
  rig.exchange(client.answer(opened.header, ike::PayloadType::none, {}), path);
  rig.pass_ms(30'000);
  rig.serve();
  EXPECT_EQ(rig.sent.size(), 1u);
  EXPECT_EQ(rig.sas().size(), 1u);
}

TEST_F(Timers, TerminatesWithDeleteAndKillsTheTicket) {
  ASSERT_TRUE(connect());
  IkeSa& sa = *rig.sa(client.spi_r);
  const ike::IssuerId issuer = sa.issuer;
  const ike::TicketSerial serial = sa.serial;
  rig.sent.clear();
  rig.plane().machine().terminate(sa);
  rig.serve();
  ASSERT_EQ(rig.sent.size(), 1u);
  const auto opened = client.open({rig.sent[0].message});
  ike::Informational message;
  ike::PayloadType offending;
  ASSERT_EQ(ike::parse_informational(opened.first, opened.inner, message, offending),
            ike::ParseError::none);
  EXPECT_TRUE(message.deletes_ike);
  EXPECT_FALSE(rig.workers().spend_ticket(issuer, serial));  // it was spent already
  EXPECT_EQ(rig.counters().tickets_revoked, 1u);
  rig.exchange(client.answer(opened.header, ike::PayloadType::none, {}), path);
  EXPECT_EQ(rig.sas().size(), 0u);
}

TEST_F(Timers, LooksAfterSasWhoseConnectionIsGone) {
  ASSERT_TRUE(connect());
  rig.reload("[connections.other]\n");
  rig.sa(client.spi_r)->rekey_at_ms = rig.now().ms;
  rig.plane().machine().start_rekey(*rig.sa(client.spi_r));
  EXPECT_EQ(rig.sa(client.spi_r)->rekey_at_ms, ExchangeWindow::kNever) << "not due for ever";
  rig.sent.clear();
  rig.pass_ms(60'000);
  rig.serve();
  EXPECT_EQ(rig.sent.size(), 1u) << "is it alive?";
}

TEST_F(Timers, TerminatesAHandshakeAtOnce) {
  ASSERT_TRUE(init());
  rig.plane().machine().terminate(*rig.sa(client.spi_r));
  EXPECT_EQ(rig.sas().size(), 0u);
}

}  // namespace
}  // namespace cp
