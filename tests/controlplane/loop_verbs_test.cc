// What resurgectl gets to see, and what it can do.
#include "controlplane/loop_verbs.h"

#include <gtest/gtest.h>

#include "controlplane/identity_text.h"
#include "tests/controlplane/psk_test.h"

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

TEST_F(LoopVerbsTest, ShowsAnSaAsItIs) {
  ASSERT_TRUE(connect());
  const auto page = verbs_.list_sas({}, 0);
  ASSERT_EQ(page.rows.size(), 1u);
  EXPECT_EQ(page.next, 0u);
  const CtlSa& row = page.rows[0];
  EXPECT_EQ(row.connection, "rw");
  EXPECT_EQ(row.state, "established");
  EXPECT_EQ(row.spi_r, client.spi_r);
  EXPECT_EQ(std::get<ike::Ip4>(row.remote.address), (ike::Ip4{198, 51, 100, 7}));
  EXPECT_EQ(identity_text(row.remote_id), "client@example.org");
  ASSERT_EQ(row.addresses.size(), 1u);
  ASSERT_EQ(row.children.size(), 1u);
  EXPECT_EQ(row.children[0].spi_in, client.child_out);
}

TEST_F(LoopVerbsTest, GivesLongListsInPagesWithoutRepetition) {
  for (std::uint64_t i = 0; i < kCtlPageRows + 10; ++i) {
    IkeClient other(1000 + i);
    rig.exchange(other.sa_init(), path);
  }
  std::vector<ike::IkeSpi> seen;
  std::uint64_t from = 0;
  do {
    const auto page = verbs_.list_sas({}, from);
    for (const CtlSa& row : page.rows) seen.push_back(row.spi_r);
    from = page.next;
  } while (from != 0);
  EXPECT_EQ(seen.size(), kCtlPageRows + 10);
  std::ranges::sort(seen);
  EXPECT_EQ(std::ranges::adjacent_find(seen), seen.end());
}

TEST_F(LoopVerbsTest, LeavesOutWhatGoesWhileItIsListed) {
  for (std::uint64_t i = 0; i < kCtlPageRows + 10; ++i) {
    IkeClient other(1000 + i);
    rig.exchange(other.sa_init(), path);
  }
  const auto first = verbs_.list_sas({}, 0);
  ASSERT_NE(first.next, 0u);
  rig.sas().remove(ike::IkeSpi(first.next));
  IkeClient late(1);
  rig.exchange(late.sa_init(), path);
  EXPECT_EQ(verbs_.list_sas({}, first.next).rows.size(), 9u);
}

TEST_F(LoopVerbsTest, SelectsByIdentityConnectionAndSpi) {
  ASSERT_TRUE(connect());
  const auto count = [&](const CtlSelection& s) { return verbs_.list_sas(s, 0).rows.size(); };
  EXPECT_EQ(count({.identity = parse_id_pattern("*@example.org").value()}), 1u);
  EXPECT_EQ(count({.identity = parse_id_pattern("*@example.com").value()}), 0u);
  EXPECT_EQ(count({.connection = "rw"}), 1u);
  EXPECT_EQ(count({.connection = "other"}), 0u);
  EXPECT_EQ(count({.spi_r = client.spi_r}), 1u);
}

TEST_F(LoopVerbsTest, TerminatesWhatIsSelectedAndNothingWithoutASelection) {
  ASSERT_TRUE(connect());
  EXPECT_FALSE(verbs_.terminate({}));
  const auto count = verbs_.terminate({.connection = "rw"});
  ASSERT_TRUE(count);
  EXPECT_EQ(*count, 1u);
  EXPECT_TRUE(informational(asked()).deletes_ike);
}

TEST_F(LoopVerbsTest, CallsAResumedSaBackToEndIt) {
  const auto count = verbs_.terminate({.spi_r = ike::IkeSpi(99)});
  ASSERT_TRUE(count);
  rig.serve();
  ASSERT_EQ(rig.orders.size(), 2u);  // one for each worker
  EXPECT_EQ(rig.orders[0].kind, dp::OrderKind::recall);
  EXPECT_EQ(rig.orders[0].spi_r, ike::IkeSpi(99));
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
