// Tables of resurgectl: columns, ages, amounts, and nothing that a terminal would obey.
#include <gtest/gtest.h>

#include "tools/ctl/table.h"

namespace ctl {
namespace {

TEST(CtlTable, WritesAgesAndAmountsShort) {
  EXPECT_EQ(age_text(0), "0s");
  EXPECT_EQ(age_text(61), "1m 1s");
  EXPECT_EQ(age_text(3600 + 120), "1h 2m");
  EXPECT_EQ(age_text(2 * 86'400 + 3 * 3600), "2d 3h");
  EXPECT_EQ(amount_text(999), "999");
  EXPECT_EQ(amount_text(1000), "1.0k");
  EXPECT_EQ(amount_text(999'999), "1.0M");
  EXPECT_EQ(amount_text(12'345'678), "12.3M");
  EXPECT_EQ(amount_text(~0ull), "18.4E");
}

TEST(CtlTable, AlignsColumns) {
  const std::vector<Json> rows = {
      {{"pool", "ipv4"}, {"range", "10.0.0.1-10.0.0.4"}, {"size", 4u}, {"used", 1u}},
      {{"pool", "ipv6"}, {"range", "::1-::2"}, {"size", 0u}, {"used", 0u}}};
  EXPECT_EQ(pool_table(rows),
            "POOL  RANGE              SIZE  USED  SHARE\n"
            "ipv4  10.0.0.1-10.0.0.4  4     1     25.0 %\n"
            "ipv6  ::1-::2            0     0     0.0 %\n");
  EXPECT_EQ(pool_table({}), "");
}

TEST(CtlTable, ShowsAnIkeSaInALine) {
  const Json sa = Json::parse(
      R"({"ike":"0abc","connection":"staff","state":"established","remote":"198.51.100.7:4500",
      "remote_id":"alice@example.org","eap_identity":null,"proposal":"aes256gcm16",
      "established_s":75,"resumptions":2,"addresses":["10.0.0.1","2001:db8::1"],
      "served_by":"control","worker":1,
      "children":[{"packets_in":10,"bytes_in":1500,"packets_out":1,"bytes_out":7,"last_in_s":70},
                  {"packets_in":2,"bytes_in":1500,"packets_out":0,"bytes_out":0,"last_in_s":4},
                  {"packets_in":null,"bytes_in":null,"last_in_s":null}]})");
  const std::string table = sa_table({sa});
  EXPECT_NE(table.find("0abc  staff       established  control    alice@example.org  "
                       "198.51.100.7:4500  10.0.0.1,2001:db8::1  aes256gcm16  1m 15s  2        "
                       "12       3.0k  1         7    4s\n"),
            std::string::npos)
      << table;
}

TEST(CtlTable, ShowsWhichWorkerServesAndWhatNobodyTold) {
  const std::string table = sa_table({Json::parse(
      R"({"ike":"1","state":"resumed","served_by":"worker","worker":3,"established_s":1,
      "children":[{"packets_in":null,"bytes_in":null,"packets_out":null,"bytes_out":null}]})")});
  EXPECT_NE(table.find("resumed  worker 3"), std::string::npos) << table;
  EXPECT_NE(table.find("-        -   -         -    -\n"), std::string::npos) << table;
}

TEST(CtlTable, TellsWhatIsMissing) {
  EXPECT_EQ(missing_text(Json::parse(R"({"rows":3,"more":0,"silent_workers":[]})")), "");
  EXPECT_EQ(missing_text(Json::parse(R"({"rows":3,"more":7,"silent_workers":[1]})")),
            "... 7 more, use --limit (0 = all) or a condition\n"
            "worker 1 did not answer in time: its SAs or their counters are missing\n");
  EXPECT_EQ(missing_text(Json::parse(R"({"closing":3,"silent_workers":[0]})")),
            "worker 0 did not answer in time: SAs that it serves were not closed\n");
  EXPECT_EQ(missing_text(5), "");
}

TEST(CtlTable, ShowsWhoEapSaysInPlaceOfTheIdentity) {
  EXPECT_NE(
      sa_table({Json::parse(R"({"remote_id":"192.0.2.7","eap_identity":"bob"})")}).find("bob"),
      std::string::npos);
}

TEST(CtlTable, ObeysNobody) {
  EXPECT_EQ(printable("a\x1b[2J\nb\x7f"), "a?[2J?b?");
  const std::string table = sa_table({Json::parse(R"({"eap_identity":"\u001b[2Jx\ny"})")});
  EXPECT_NE(table.find("?[2Jx?y"), std::string::npos);
}

TEST(CtlTable, TakesRowsThatAreNotAsExpected) {
  const std::vector<Json> odd = {Json::object(), {{"children", 7}, {"proposals", {1, 2}}}, 5};
  EXPECT_NE(sa_table(odd), "");
  EXPECT_NE(connection_table(odd), "");
  EXPECT_NE(pool_table(odd), "");
  EXPECT_NE(counter_table(odd), "");
  EXPECT_EQ(stats_text(5), "");
  EXPECT_NE(log_text(5), "");
}

TEST(CtlTable, WritesStatsAndLogLines) {
  EXPECT_EQ(stats_text({{"version", "1"}, {"uptime_s", 3700u}}),
            "version          1\nuptime           1h 1m\n");
  EXPECT_EQ(log_text({{"unix_ms", 1'767'225'600'007u}, {"level", "info"}, {"text", "up"}}),
            "2026-01-01T00:00:00.007Z info    up\n");
}

}  // namespace
}  // namespace ctl
