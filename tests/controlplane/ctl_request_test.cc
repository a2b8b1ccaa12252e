// Lines that clients of the control socket send: what is read, what is refused and why.
#include "controlplane/ctl_request.h"

#include <gtest/gtest.h>

#include "controlplane/identity_text.h"

namespace cp {
namespace {

std::string refusal(std::string_view line) {
  const auto request = parse_ctl_request(line);
  return request ? "" : request.error().text;
}

TEST(CtlRequest, NamesEveryVerb) {
  for (const CtlVerb verb :
       {CtlVerb::list_sas, CtlVerb::list_conns, CtlVerb::list_pools, CtlVerb::stats,
        CtlVerb::counters, CtlVerb::rotate_keys, CtlVerb::reload, CtlVerb::log}) {
    const auto request =
        parse_ctl_request(std::string("{\"verb\":\"") + ctl_verb_name(verb) + "\"}");
    ASSERT_TRUE(request) << ctl_verb_name(verb);
    EXPECT_EQ(request->verb, verb);
  }
}

TEST(CtlRequest, SelectsIkeSas) {
  const auto request =
      parse_ctl_request(R"({"verb":"list-sas","ike":"00f1e2d3c4b5a697","identity":"*@example.org",)"
                        R"("connection":"c"})");
  ASSERT_TRUE(request) << request.error().text;
  EXPECT_EQ(request->selection.spi_r, ike::IkeSpi(0x00f1e2d3c4b5a697));
  EXPECT_EQ(id_pattern_text(*request->selection.identity), "*@example.org");
  EXPECT_EQ(request->selection.connection, "c");
  EXPECT_EQ(request->limit, 0u);
  EXPECT_TRUE(parse_ctl_request(R"({"verb":"terminate","connection":"c"})"));
}

TEST(CtlRequest, RevokesOneThingAtATime) {
  using Kind = CtlRevocation::Kind;
  const auto revocation = [](std::string_view what) {
    const auto request =
        parse_ctl_request(std::string(R"({"verb":"revoke",)") + std::string(what) + "}");
    EXPECT_TRUE(request) << request.error().text;
    return request->revocation;
  };
  EXPECT_EQ(identity_text(revocation(R"("identity":"alice@example.org")").identity),
            "alice@example.org");
  const CtlRevocation ticket = revocation(R"("ticket":"00000000000000ff:12")");
  EXPECT_EQ(ticket.kind, Kind::ticket);
  EXPECT_EQ(ticket.issuer, ike::IssuerId(255));
  EXPECT_EQ(ticket.serial, ike::TicketSerial(12));
  EXPECT_EQ(revocation(R"("issuer":"00000000000000ff")").kind, Kind::issuer);
  EXPECT_EQ(revocation(R"("generation":7)").generation, 7u);
  EXPECT_EQ(refusal(R"({"verb":"revoke"})"),
            "expected one of identity, ticket, issuer and generation");
  EXPECT_EQ(refusal(R"({"verb":"revoke","generation":7,"identity":"a"})"),
            "expected one of identity, ticket, issuer and generation");
}

TEST(CtlRequest, SelectsByAddressAndWorkerUpToALimit) {
  const auto request = parse_ctl_request(
      R"({"verb":"list-sas","address":"10.0.0.7","remote":"2001:db8::9","worker":3,"limit":5})");
  ASSERT_TRUE(request);
  EXPECT_EQ(std::get<ike::Ip4>(*request->selection.address), (ike::Ip4{10, 0, 0, 7}));
  EXPECT_EQ(std::get<ike::Ip6>(*request->selection.remote)[15], 9);
  EXPECT_EQ(request->selection.worker, 3u);
  EXPECT_EQ(request->limit, 5u);
  for (const char* name : {"address", "remote"})
    EXPECT_TRUE(
        parse_ctl_request(std::string(R"({"verb":"terminate",")") + name + R"(":"10.0.0.7"})"));
}

TEST(CtlRequest, RefusesWithAReason) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "expected a JSON object in one line"},
      {"[]", "expected a JSON object in one line"},
      {"{\"verb\":", "expected a JSON object in one line"},
      {"{}", "expected \"verb\" to name one of the verbs of resurgectl"},
      {R"({"verb":7})", "expected \"verb\" to name one of the verbs of resurgectl"},
      {R"({"verb":"quit"})", "expected \"verb\" to name one of the verbs of resurgectl"},
      {R"({"verb":"stats","x":1})", "the request has a member that its verb does not know"},
      {R"({"verb":"stats","ike":"00f1e2d3c4b5a697"})",
       "the request has a member that its verb does not know"},
      {R"({"verb":"terminate"})",
       "expected one of ike, identity, connection, address, remote and worker"},
      {R"({"verb":"terminate","limit":1,"worker":0})",
       "the request has a member that its verb does not know"},
      {R"({"verb":"list-sas","limit":"all"})",
       "expected \"limit\" to be a number from 0 to 4294967295"},
      {R"({"verb":"list-sas","address":"10.0.0.0/8"})",
       "address: expected an IPv4 or IPv6 address"},
      {R"({"verb":"terminate","ike":"f1"})", "ike: expected 16 hexadecimal digits"},
      {R"({"verb":"terminate","ike":1})", "expected \"ike\" to be a text of 1 to 1024 octets"},
      {R"({"verb":"terminate","connection":""})",
       "expected \"connection\" to be a text of 1 to 1024 octets"},
      {R"({"verb":"revoke","ticket":"00000000000000ff"})",
       "ticket: expected the issuer's 16 hexadecimal digits, ':' and the serial number"},
      {R"({"verb":"revoke","ticket":"00000000000000ff:0"})",
       "ticket: expected the issuer's 16 hexadecimal digits, ':' and the serial number"},
      {R"({"verb":"revoke","generation":-1})",
       "expected \"generation\" to be a number from 0 to 4294967295"},
      {R"({"verb":"revoke","generation":4294967296})",
       "expected \"generation\" to be a number from 0 to 4294967295"},
  };
  for (const auto& [line, why] : cases) EXPECT_EQ(refusal(line), why) << line;
  EXPECT_TRUE(
      refusal(R"({"verb":"revoke","identity":"a b"})").starts_with("identity: expected an"));
}

TEST(CtlRequest, HasALimit) {
  EXPECT_EQ(refusal(std::string(kCtlRequestMax + 1, ' ')), "the request is too long");
  EXPECT_EQ(refusal(std::string(kCtlRequestMax, '[')), "expected a JSON object in one line");
}

}  // namespace
}  // namespace cp
