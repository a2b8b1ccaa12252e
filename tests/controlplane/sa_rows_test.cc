// SAs as rows, and which of them are meant.
#include "controlplane/sa_rows.h"

#include <gtest/gtest.h>

#include "tests/controlplane/psk_test.h"
#include "tests/controlplane/told_sas.h"

namespace cp {
namespace {

class SaRows : public PskTest {
 protected:
  ToldSas workers_{rig};
};

TEST_F(SaRows, ShowAnSaOfTheControlThread) {
  ASSERT_TRUE(connect());
  rig.pass_ms(3000);
  const CtlSa row = sa_row(*rig.sa(client.spi_r), rig.now().ms);
  EXPECT_EQ(row.connection, "rw");
  EXPECT_EQ(row.state, "established");
  EXPECT_EQ(row.own_spi, client.spi_r);
  EXPECT_FALSE(row.by_worker);
  EXPECT_EQ(row.established_s, 3u);
  EXPECT_EQ(std::get<ike::Ip4>(row.remote.address), (ike::Ip4{198, 51, 100, 7}));
  EXPECT_EQ(identity_text(row.remote_id), "client@example.org");
  ASSERT_EQ(row.addresses.size(), 1u);
  ASSERT_EQ(row.children.size(), 1u);
  EXPECT_EQ(row.children[0].spi_in, client.child_out);
  EXPECT_FALSE(row.children[0].traffic);
}

TEST_F(SaRows, ShowAnSaOfAWorker) {
  dp::ReportedSa& sa = workers_.add(1, 0xabc, "eve@example.org");
  sa.established_ms = rig.now().ms - 5000;
  sa.resumptions = 4;
  sa.issuer = ike::IssuerId(7);
  sa.serial = ike::TicketSerial(8);
  sa.traffic.installed_ms = sa.established_ms;
  sa.traffic.seen_ms = rig.now().ms - 2000;
  rig.serve();
  const Plane& plane = rig.plane().plane();
  const CtlSa row = sa_row(1, sa, plane);
  EXPECT_EQ(row.connection, "rw");
  EXPECT_EQ(row.state, "resumed");
  EXPECT_TRUE(row.by_worker);
  EXPECT_EQ(row.worker, 1u);
  EXPECT_EQ(row.own_spi, ike::IkeSpi(0xabc));
  EXPECT_EQ(identity_text(row.remote_id), "eve@example.org");
  EXPECT_EQ(row.established_s, 5u);
  EXPECT_EQ(row.ends_in_s, plane.workers_config.tickets.lifetime_s - 5);
  EXPECT_EQ(row.resumptions, 4u);
  EXPECT_EQ(row.serial.value(), 8u);
  EXPECT_TRUE(row.nat);
  EXPECT_EQ(row.remote.port, rig_path(4500).peer_port);
  ASSERT_EQ(row.addresses.size(), 1u);
  EXPECT_EQ(std::get<ike::Ip4>(row.addresses[0]), rig.workers().address4(sa.ip4_lease));
  ASSERT_EQ(row.children.size(), 1u);
  const CtlChild& child = row.children[0];
  EXPECT_EQ(child.spi_in, sa.child_in);
  EXPECT_EQ(child.worker, 1u);
  ASSERT_EQ(child.remote_ts.count, 1u) << "the leased address";
  EXPECT_EQ(child.traffic->bytes_in, 300u);
  EXPECT_EQ(child.traffic->last_in_s, 2u);
  sa.traffic.packets_in = 0;
  EXPECT_FALSE(sa_row(1, sa, plane).children[0].traffic->last_in_s) << "nothing came yet";
  sa.connection_index = 99;
  EXPECT_EQ(sa_row(1, sa, plane).connection, "");
}

TEST_F(SaRows, FitWhatIsSelected) {
  rig.serve();
  dp::ReportedSa& sa = workers_.add(1, 0xabc, "eve@example.org");
  const CtlSa row = sa_row(1, sa, rig.plane().plane());
  EXPECT_TRUE(fits(row, {}));
  const auto identity = [](const char* text) { return parse_id_pattern(text).value(); };
  EXPECT_TRUE(fits(row, {.identity = identity("*@example.org")}));
  EXPECT_FALSE(fits(row, {.identity = identity("*@example.com")}));
  EXPECT_TRUE(fits(row, {.connection = "rw"}));
  EXPECT_FALSE(fits(row, {.connection = "other"}));
  EXPECT_TRUE(fits(row, {.spi_r = ike::IkeSpi(0xabc)}));
  EXPECT_FALSE(fits(row, {.spi_r = row.spi_i}));
  EXPECT_TRUE(fits(row, {.worker = 1}));
  EXPECT_FALSE(fits(row, {.worker = 0}));
  EXPECT_TRUE(fits(row, {.address = row.addresses[0]}));
  EXPECT_FALSE(fits(row, {.address = row.remote.address}));
  EXPECT_TRUE(fits(row, {.remote = row.remote.address}));
  EXPECT_FALSE(fits(row, {.remote = row.addresses[0]}));
}

// What such a client calls itself is not who it is (RFC 7296 §2.16).
TEST_F(SaRows, FitTheIdentityOfEapToo) {
  CtlSa row;
  row.remote_id = {1, 0, 0, 0, 10, 0, 0, 9};
  row.eap_identity = "anna@example.org";
  const auto is = [&](const char* text) {
    return fits(row, {.identity = parse_id_pattern(text).value()});
  };
  EXPECT_TRUE(is("anna@example.org"));
  EXPECT_TRUE(is("10.0.0.9"));
  EXPECT_FALSE(is("eve@example.org"));
}

}  // namespace
}  // namespace cp
