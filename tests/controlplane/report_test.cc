// Counters as text and JSON, and files that are replaced whole.
#include "controlplane/report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/controlplane/fake_workers.h"

namespace cp {
namespace {

void fill(FakeWorkers& workers) {
  dp::WorkerCounters& c = workers.counters_of(0);
  c.rx_packets.add(400);
  c.resumptions.add(200);
  c.busy_cycles.add(1'000'000);
  c.sessions.set(150);
  c.half_opens.set(7);
  c.nacks.add(3);
  c.stage_cycles[static_cast<std::size_t>(dp::Stage::open_tickets)].add(40'000);
  c.drops[static_cast<std::size_t>(dp::Drop::ticket_expired)].add(3);
}

TEST(Report, SummaryHasRatesAndWhatHappened) {
  FakeWorkers workers(2);
  fill(workers);
  EXPECT_EQ(
      summary_line(totals_of(workers), {}, 2.0),
      "sessions 150 (half-open 7), resumed 200 (100/s), rx 200/s, tx 0/s, nacks 3, 5000 cycles per "
      "resumption; drops: ticket_expired 3");
  const Totals now = totals_of(workers);
  EXPECT_EQ(summary_line(now, now, 2.0),
            "sessions 150 (half-open 7), resumed 200 (0/s), rx 0/s, tx 0/s");
}

TEST(Report, FinalReportNamesCountersDropsAndStages) {
  FakeWorkers workers(1);
  fill(workers);
  const std::string text = final_report(totals_of(workers), 12.5);
  for (const char* part : {"ran 12.5 s", "resumptions", "ticket_expired 3", "open_tickets",
                           "cycles per resumption 5000"})
    EXPECT_NE(text.find(part), std::string::npos) << part << " in\n" << text;
  EXPECT_EQ(text.find("cookies_sent"), std::string::npos) << "what is zero stays away";
}

TEST(Report, StatsHaveEveryCounterDropAndStageOfEveryWorker) {
  FakeWorkers workers(2);
  fill(workers);
  const auto json = nlohmann::json::parse(
      stats_json({.version = "1", .unix_s = 5, .uptime_s = 2.5, .tsc_hz = 1000}, workers));
  EXPECT_EQ(json["version"], "1");
  EXPECT_EQ(json["tsc_hz"], 1000);
  EXPECT_EQ(json["worker_cycles_per_resumption"], 5000.0);
  ASSERT_EQ(json["workers"].size(), 2u);
  for (const auto* counters : {&json["total"], &json["workers"][1]}) {
    for (const CounterRow& row : kCounterRows) EXPECT_TRUE(counters->contains(row.name));
    EXPECT_EQ((*counters)["drops"].size(), dp::kDropCount - 1);
    EXPECT_EQ((*counters)["stages"].size(), dp::kStageCount);
  }
  EXPECT_EQ(json["total"]["drops"]["ticket_expired"], 3);
  EXPECT_EQ(json["total"]["stages"]["open_tickets"]["cycles_per_packet"], 100.0);
  EXPECT_EQ(json["total"]["stages"]["open_tickets"]["cycles_per_resumption"], 200.0);
}

TEST(Report, StatsHaveTheCountersOfTheControlThreadAndOfRadius) {
  FakeWorkers workers(1);
  PlaneCounters plane;
  plane.handshakes = 7;
  RadiusCounters radius;
  radius.timeouts = 3;
  auto json = nlohmann::json::parse(stats_json({.plane = &plane, .radius = &radius}, workers));
  for (const PlaneCounterRow& row : kPlaneCounterRows)
    EXPECT_TRUE(json["control"].contains(row.name));
  for (const RadiusCounterRow& row : kRadiusCounterRows)
    EXPECT_TRUE(json["radius"].contains(row.name));
  EXPECT_EQ(json["control"]["handshakes"], 7);
  EXPECT_EQ(json["radius"]["timeouts"], 3);
  EXPECT_FALSE(nlohmann::json::parse(stats_json({}, workers)).contains("radius"));
}

TEST(ReplaceFile, LeavesOneWholeFile) {
  const ScratchFolder folder;
  ASSERT_TRUE(replace_file(folder.file("stats"), "one"));
  ASSERT_TRUE(replace_file(folder.file("stats"), "two"));
  EXPECT_EQ(folder.read("stats"), "two");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(ReplaceFile, SaysWhyItCannot) {
  EXPECT_EQ(replace_file("/nonexistent/stats", "x").error().text,
            "cannot write /nonexistent/stats: No such file or directory");
  const ScratchFolder folder;
  std::filesystem::create_directory(folder.file("stats"));
  EXPECT_FALSE(replace_file(folder.file("stats"), "x"));
  EXPECT_FALSE(std::filesystem::exists(folder.file("stats.new")));
}

}  // namespace
}  // namespace cp
