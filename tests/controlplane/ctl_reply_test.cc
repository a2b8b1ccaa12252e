// Lines that the control socket answers with.
#include "controlplane/ctl_reply.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/controlplane/fake_verbs.h"

namespace cp {
namespace {

using nlohmann::json;

json row(const std::string& line) {
  EXPECT_EQ(line.find('\n'), line.size() - 1) << line;
  return json::parse(line).at("row");
}

TEST(CtlReply, AnIkeSaHasItsMembers) {
  CtlSa sa = FakeVerbs::sa(0xabc);
  sa.ends_in_s = 7;
  sa.issuer = ike::IssuerId(255);
  sa.serial = ike::TicketSerial(3);
  sa.remote = {ike::Ip6{0x20, 1}, 500};
  const json out = row(ctl_row(sa));
  EXPECT_EQ(out["ike"], "0000000000000abc");
  EXPECT_EQ(out["connection"], "staff");
  EXPECT_EQ(out["local"], "192.0.2.1:4500");
  EXPECT_EQ(out["remote"], "[2001::]:500");
  EXPECT_EQ(out["remote_id"], "alice@example.org");
  EXPECT_EQ(out["local_id"], nullptr);
  EXPECT_EQ(out["proposal"], "aes256gcm16-prfsha256-x25519");
  EXPECT_EQ(out["rekey_in_s"], nullptr);
  EXPECT_EQ(out["ends_in_s"], 7);
  EXPECT_EQ(out["ticket"], "00000000000000ff:3");
  EXPECT_EQ(out["addresses"], json::array({"10.0.0.1"}));
  EXPECT_EQ(out["children"][0]["spi_in"], "00000002");
  const json& child = out["children"][0];
  EXPECT_EQ(child["packets_in"], 3);
  EXPECT_EQ(child["bytes_in"], 1500);
  EXPECT_EQ(child["packets_out"], 1);
  EXPECT_EQ(child["bytes_out"], 7);
  EXPECT_EQ(child["last_in_s"], 2);
}

TEST(CtlReply, TellsWhoServesAnSaAndWhatIsNotKnownOfIt) {
  CtlSa sa = FakeVerbs::sa(1);
  EXPECT_EQ(row(ctl_row(sa))["served_by"], "control");
  sa.by_worker = true;
  sa.worker = 3;
  sa.own_spi = sa.spi_i;
  sa.children[0].traffic.reset();
  const json out = row(ctl_row(sa));
  EXPECT_EQ(out["served_by"], "worker");
  EXPECT_EQ(out["worker"], 3);
  EXPECT_EQ(out["ike"], out["spi_i"]) << "after a rekey of ours";
  EXPECT_EQ(out["children"][0]["packets_in"], nullptr);
  EXPECT_EQ(out["children"][0]["last_in_s"], nullptr);
}

TEST(CtlReply, WhatAPeerSaysEndsNoLine) {
  CtlSa sa = FakeVerbs::sa(1);
  sa.eap_identity = "a\n{\"done\":{}}\xff";
  EXPECT_EQ(row(ctl_row(sa))["eap_identity"], "a\n{\"done\":{}}\xef\xbf\xbd");
}

TEST(CtlReply, AConnectionTellsHowAndWho) {
  Connection c;
  c.name = "staff";
  c.id = 0xff;
  c.full_handshakes = true;
  c.remote.auth = AuthKind::eap_radius;
  c.remote.ids = {parse_id_pattern("*@example.org").value()};
  const json out = row(ctl_row(c));
  EXPECT_EQ(out["id"], "000000ff");
  EXPECT_EQ(out["local_auth"], "psk");
  EXPECT_EQ(out["remote_auth"], "eap-radius");
  EXPECT_EQ(out["remote_ids"], json::array({"*@example.org"}));
  c.full_handshakes = false;
  EXPECT_EQ(row(ctl_row(c))["remote_auth"], nullptr);
}

TEST(CtlReply, OtherRowsHaveTheirMembers) {
  FakeVerbs verbs;
  EXPECT_EQ(row(ctl_row(verbs.list_pools()[0]))["used"], 1);
  EXPECT_EQ(row(ctl_row(verbs.stats()))["uptime_s"], 3700);
  EXPECT_EQ(row(ctl_row(verbs.counters()[0]))["name"], "rx_packets");
  EXPECT_EQ(row(ctl_row(CtlLogLine{5, "info", "up"})),
            json({{"unix_ms", 5}, {"level", "info"}, {"text", "up"}}));
}

TEST(CtlReply, EndsTellWhatWasDone) {
  EXPECT_EQ(ctl_done(3), "{\"done\":{\"rows\":3}}\n");
  EXPECT_EQ(ctl_done(CtlEnding{.closing = 2, .silent = {1}}),
            "{\"done\":{\"closing\":2,\"silent_workers\":[1]}}\n");
  FakeVerbs verbs;
  EXPECT_EQ(ctl_done(**verbs.list_sas({}, 0), 7),
            "{\"done\":{\"rows\":7,\"more\":0,\"silent_workers\":[]}}\n");
  EXPECT_EQ(ctl_done_saying("x"), "{\"done\":{\"text\":\"x\"}}\n");
  EXPECT_EQ(ctl_done_reloading({{}, {"dpdk.eal"}}),
            "{\"done\":{\"need_restart\":[\"dpdk.eal\"]}}\n");
  EXPECT_EQ(ctl_error("no"), "{\"error\":\"no\"}\n");
  EXPECT_EQ(json::parse(ctl_error(std::vector<std::string>{"a", "b"}))["mistakes"],
            json::array({"a", "b"}));
}

}  // namespace
}  // namespace cp
