// What is said about a run, and what counts as success.
#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "tools/storm/result.h"

namespace storm {
namespace {

std::unique_ptr<Result> good_result() {
  auto r = std::make_unique<Result>();
  r->clients = 100;
  r->seconds = 0.5;
  r->outcomes[static_cast<std::size_t>(Outcome::resumed)] = 100;
  for (std::uint64_t i = 1; i <= 100; ++i) r->latency.record(i * 1000);
  r->counts = {{"retransmissions", 3}, {"address_kept", 100}};
  r->setting = {{"engine", "an <engine> & \"more\""}};
  for (int i = 0; i <= 10; ++i)
    r->samples.push_back(
        {.seconds = 0.05 * i, .up = static_cast<std::uint64_t>(10 * i), .in_flight = 5});
  return r;
}

TEST(Result, IsGoodOnlyWhenEveryClientResumed) {
  auto r = good_result();
  EXPECT_EQ(r->objection(), "");
  r->clients = 101;
  EXPECT_NE(r->objection(), "");
  r = good_result();
  r->outcomes[static_cast<std::size_t>(Outcome::wrong_auth)] = 1;
  EXPECT_NE(r->objection().find("AUTH"), std::string::npos);
  r = good_result();
  r->dpd = true;
  EXPECT_NE(r->objection().find("DPD"), std::string::npos);
  r->counts.emplace_back("dpd_answered", 100);
  EXPECT_EQ(r->objection(), "");
}

TEST(Result, OfConnectingClientsAsksForTickets) {
  auto r = good_result();
  r->success = Outcome::connected;
  EXPECT_NE(r->objection().find("connect"), std::string::npos);
  std::swap(r->outcomes[static_cast<std::size_t>(Outcome::resumed)],
            r->outcomes[static_cast<std::size_t>(Outcome::connected)]);
  EXPECT_EQ(r->objection(), "");
  r->tickets_wanted = true;
  EXPECT_NE(r->objection().find("ticket"), std::string::npos);
  r->counts.emplace_back("new_tickets", 100);
  EXPECT_EQ(r->objection(), "");
  const auto json = nlohmann::json::parse(to_json(*r));
  EXPECT_EQ(json["connected"], 100);
  EXPECT_DOUBLE_EQ(json["handshakes_per_second"], 200.0);
  EXPECT_FALSE(json.contains("resumptions_per_second"));
  EXPECT_NE(to_table(*r).find("handshakes a second"), std::string::npos);
  EXPECT_NE(to_html(*r).find("100 of 100 sessions connected"), std::string::npos);
}

TEST(Result, TellsWhatWasBeside) {
  auto r = good_result();
  r->beside = good_result();
  r->beside->success = Outcome::connected;
  EXPECT_EQ(r->objection(), "");  // though nobody of them connected
  const auto json = nlohmann::json::parse(to_json(*r));
  EXPECT_EQ(json["beside"]["connected"], 0);
  EXPECT_NE(to_table(*r).find("meanwhile"), std::string::npos);
}

std::unique_ptr<TunnelResult> all_back() {
  auto tunnels = std::make_unique<TunnelResult>();
  tunnels->back = 100;
  tunnels->seconds = 0.75;
  for (std::uint64_t i = 1; i <= 100; ++i) {
    tunnels->latency.record(i * 2000);
    tunnels->round_trip.record(i * 500);
  }
  return tunnels;
}

TEST(Result, AsksForEveryEcho) {
  auto r = good_result();
  EXPECT_FALSE(nlohmann::json::parse(to_json(*r)).contains("back"));
  r->tunnels = all_back();
  EXPECT_EQ(r->objection(), "");
  const auto json = nlohmann::json::parse(to_json(*r));
  EXPECT_EQ(json["back"], 100);
  EXPECT_DOUBLE_EQ(json["back_seconds"], 0.75);
  EXPECT_DOUBLE_EQ(json["back_extra_seconds"], 0.25);
  EXPECT_NEAR(json["back_p50_us"].get<double>(), 100, 1.0);
  EXPECT_NEAR(json["echo_p50_us"].get<double>(), 25, 0.5);
  EXPECT_FALSE(json.contains("traffic"));
  EXPECT_NE(to_table(*r).find("100 of 100 in 0.750 s, 0.250 s after"), std::string::npos);
  EXPECT_NE(to_html(*r).find("class=\"back\""), std::string::npos);
  r->tunnels->back = 99;
  EXPECT_NE(r->objection().find("echo of 1 of 100"), std::string::npos);
  EXPECT_EQ(r->objection().find("family"), std::string::npos);
  r->counts.emplace_back("echo_no_address", 1);
  EXPECT_NE(r->objection().find("family"), std::string::npos);
}

TEST(Result, ComparesTrafficInTheStormAndAfterIt) {
  auto r = good_result();
  r->tunnels = all_back();
  r->tunnels->traffic = {{.name = "storm", .sent = 1000, .answered = 900, .latency = {}},
                         {.name = "after", .sent = 0, .answered = 0, .latency = {}}};
  const auto json = nlohmann::json::parse(to_json(*r));
  EXPECT_DOUBLE_EQ(json["traffic"]["storm"]["percent"], 90.0);
  EXPECT_DOUBLE_EQ(json["traffic"]["after"]["percent"], 0.0);
  EXPECT_EQ(r->objection(), "");  // goodput is for the reader to judge
  EXPECT_NE(to_table(*r).find("900 of 1000 answered, 90.00 %"), std::string::npos);
  EXPECT_NE(to_html(*r).find("Traffic, storm"), std::string::npos);
}

TEST(Result, IsOneLineOfJson) {
  const std::string text = to_json(*good_result());
  EXPECT_EQ(text.find('\n'), std::string::npos);
  const auto json = nlohmann::json::parse(text);
  EXPECT_EQ(json["clients"], 100);
  EXPECT_EQ(json["resumed"], 100);
  EXPECT_DOUBLE_EQ(json["resumptions_per_second"], 200.0);
  EXPECT_NEAR(json["p50_us"].get<double>(), 50, 0.5);
  EXPECT_NEAR(json["p999_us"].get<double>(), 100, 1.0);
  for (const char* key : {"seconds", "p90_us", "p99_us", "max_us", "retransmissions", "nacks",
                          "auth_failures", "wrong_auth", "address_kept", "failed"})
    EXPECT_TRUE(json.contains(key)) << key;
  EXPECT_EQ(json["outcomes"]["resumed"], 100);
  EXPECT_EQ(json["outcomes"].size(), kOutcomeCount);
}

TEST(Result, DrawsTheCurveAsCsv) {
  const std::string csv = to_csv(*good_result());
  EXPECT_EQ(csv.substr(0, csv.find('\n')), "time_s,up,rate_per_s,in_flight,retransmissions,back");
  EXPECT_NE(csv.find("\n0.500,100,200,5,0,0\n"), std::string::npos);
}

TEST(Result, MakesAPageThatNeedsNothingElse) {
  const std::string page = to_html(*good_result());
  EXPECT_EQ(page.find("http"), std::string::npos);
  EXPECT_EQ(page.find("src="), std::string::npos);
  EXPECT_NE(page.find("<polyline"), std::string::npos);
  EXPECT_NE(page.find("an &lt;engine&gt; &amp; &quot;more&quot;"), std::string::npos);
  EXPECT_EQ(page.find("nan"), std::string::npos);
  EXPECT_NE(to_html(Result{}).find("</html>"), std::string::npos);
}

TEST(Result, TableNamesWhatFailed) {
  auto r = good_result();
  r->outcomes[static_cast<std::size_t>(Outcome::nack)] = 4;
  const std::string table = to_table(*r);
  EXPECT_NE(table.find("nack"), std::string::npos);
  EXPECT_EQ(table.find("wrong_child"), std::string::npos);
}

TEST(Result, ThinsSamplesButKeepsTheLast) {
  const auto r = good_result();
  const auto some = thinned(r->samples, 4);
  ASSERT_EQ(some.size(), 4u);
  EXPECT_EQ(some.back().up, 100u);
  EXPECT_EQ(thinned(r->samples, 100).size(), 11u);
}

TEST(Result, SaysWhenAFileCannotBeWritten) {
  const auto status = write_text("/nonexistent/folder/file", "x");
  ASSERT_FALSE(status.has_value());
  EXPECT_NE(status.error().text.find("/nonexistent/folder/file"), std::string::npos);
}

}  // namespace
}  // namespace storm
