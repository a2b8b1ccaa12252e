// What resurgectl gets to see, and what it can do.
#include "controlplane/loop_verbs.h"

#include <gtest/gtest.h>

#include "controlplane/identity_text.h"
#include "tests/controlplane/psk_test.h"
#include "tests/controlplane/told_sas.h"

namespace cp {
namespace {

class LoopVerbsTest : public PskTest {
 protected:
  LoopVerbsTest()
      : revocations_(Revocations::load(folder_.file("revoked")).value()),
        loop_({.config = rig.config(),
               .config_path = folder_.file("gw.toml"),
               .workers = rig.workers(),
               .keys = rig.keys(),
               .random = random_,
               .log = rig.log(),
               .version = "test",
               .plane = &rig.plane(),
               .revocations = &revocations_},
              rig.now()),
        verbs_(loop_, rig.plane(), rig.config(), rig.workers(), rig.keys(), "test", rig.now()) {}

  ScratchFolder folder_;
  crypto::Random random_{1};
  Revocations revocations_;
  ControlLoop loop_;
  LoopVerbs verbs_;
};

TEST_F(LoopVerbsTest, ListsAndRefusesAWorkerThatIsNone) {
  ASSERT_TRUE(connect());
  const auto listing = verbs_.list_sas({.connection = "rw"}, 0);
  ASSERT_TRUE(listing);
  EXPECT_FALSE((*listing)->is_over());
  for (const unsigned worker : {1u, 2u}) {
    EXPECT_EQ(verbs_.list_sas({.worker = worker}, 0).has_value(), worker < 2);
    EXPECT_EQ(verbs_.terminate({.worker = worker}).has_value(), worker < 2);
  }
}

TEST_F(LoopVerbsTest, TerminatesWhatIsSelectedAndNothingWithoutASelection) {
  ASSERT_TRUE(connect());
  EXPECT_FALSE(verbs_.terminate({}));
  const auto ending = verbs_.terminate({.spi_r = client.spi_r});
  ASSERT_TRUE(ending);
  EXPECT_TRUE((*ending)->is_over);
  EXPECT_EQ((*ending)->closing, 1u);
  EXPECT_TRUE(informational(asked()).deletes_ike);
}

TEST_F(LoopVerbsTest, CallsResumedSasBackToEndThem) {
  ToldSas workers(rig);
  workers.add(1, 99, "eve@example.org");
  const auto ending = verbs_.terminate({.identity = parse_id_pattern("eve@example.org").value()});
  ASSERT_TRUE(ending);
  rig.serve();
  EXPECT_TRUE((*ending)->is_over);
  EXPECT_EQ(verbs_.stats().closing, 1u);
  rig.serve();
  ASSERT_EQ(rig.orders.size(), 1u);
  EXPECT_EQ(rig.orders[0].kind, dp::OrderKind::recall);
  EXPECT_EQ(rig.orders[0].worker, 1u);
}

TEST_F(LoopVerbsTest, LooksForABoundedNumberOfThings) {
  for (unsigned i = 0; i < 16; ++i) EXPECT_TRUE(verbs_.terminate({.worker = 0}));
  EXPECT_FALSE(verbs_.terminate({.worker = 0}));
  for (int i = 0; i < 16; ++i) {
    rig.pass_ms(kReportMs);
    rig.serve();
  }
  EXPECT_TRUE(verbs_.terminate({.worker = 0}));
}

TEST_F(LoopVerbsTest, RotatesKeysAndPublishesThem) {
  const auto before = rig.keys().keyring().current().id;
  const auto id = verbs_.rotate_keys();
  ASSERT_TRUE(id);
  EXPECT_NE(rig.keys().keyring().current().id, before);
  ASSERT_FALSE(rig.workers().keyrings.empty());
  EXPECT_EQ(verbs_.stats().sealing_key, *id);
}

TEST_F(LoopVerbsTest, RevokesAndTellsTheWorkers) {
  const std::string eve = parse_identity("eve@example.org").value();
  ASSERT_TRUE(verbs_.revoke(
      {.kind = CtlRevocation::Kind::identity, .identity = IdBody(eve.begin(), eve.end())}));
  EXPECT_EQ(rig.workers().deny_lists.back().identities, std::vector<std::string>{eve});
  ASSERT_TRUE(verbs_.revoke({.kind = CtlRevocation::Kind::generation, .generation = 4}));
  EXPECT_EQ(rig.workers().deny_lists.back().generation_min, 4u);
  EXPECT_EQ(rig.workers().deny_lists.back().identities.size(), 1u);
}

TEST_F(LoopVerbsTest, SpendsATicketOnce) {
  ASSERT_TRUE(connect());
  const IkeSa& sa = *rig.sa(client.spi_r);
  const CtlRevocation ticket{
      .kind = CtlRevocation::Kind::ticket, .issuer = sa.issuer, .serial = sa.serial};
  EXPECT_EQ(verbs_.revoke(ticket).value(), "the ticket is spent");
  EXPECT_EQ(verbs_.revoke(ticket).value(), "the ticket was spent before");
}

TEST_F(LoopVerbsTest, CountsPoolsAndSas) {
  ASSERT_TRUE(connect());
  const auto pools = verbs_.list_pools();
  ASSERT_EQ(pools.size(), 1u);
  EXPECT_EQ(pools[0].used, 1u);
  EXPECT_EQ(verbs_.stats().ike_sas, 1u);
  EXPECT_EQ(verbs_.stats().child_sas, 1u);
  bool found = false;
  for (const CtlValue& value : verbs_.counters()) {
    EXPECT_FALSE(value.meaning.empty()) << value.name;
    found = found || (value.name == "control.handshakes" && value.value == 1);
  }
  EXPECT_TRUE(found);
}

TEST_F(LoopVerbsTest, ReloadsNothingFromAWrongFile) {
  folder_.write("gw.toml", "nonsense");
  const CtlReload reload = verbs_.reload();
  EXPECT_FALSE(reload.mistakes.empty());
  EXPECT_EQ(verbs_.connections().size(), 1u);
}

}  // namespace
}  // namespace cp
