// Questions to workers: one at a time, asked again, given up, and answered to whoever asked.
#include "controlplane/report_desk.h"

#include <gtest/gtest.h>

#include "tests/controlplane/fake_workers.h"

namespace cp {
namespace {

class ReportDeskTest : public testing::Test {
 protected:
  ReportDeskTest() { desk_.serve(now_ms_); }
  void pass(std::uint64_t ms) { desk_.serve(now_ms_ += ms); }
  // What came of a question stands in `heard_` as "name:from" or "name:silent".
  std::uint64_t ask(const std::string& name, unsigned worker = 0) {
    return desk_.ask(worker, dp::OrderKind::report_sas, {}, [this, name](const dp::Report* report) {
      heard_.push_back(name + ":" + (report != nullptr ? std::to_string(report->next) : "silent"));
    });
  }
  // The numbers of the questions that reached the worker since.
  std::vector<std::uint64_t> orders(unsigned worker = 0) {
    std::vector<std::uint64_t> numbers;
    for (auto& ring = workers_.orders(worker); ring.peek() != nullptr; ring.done())
      numbers.push_back(ring.peek()->question.number);
    return numbers;
  }
  void answer(std::uint64_t number, std::uint32_t next, unsigned worker = 0) {
    workers_.report(worker, [&](dp::Report& report) {
      report.number = number;
      report.next = next;
    });
    workers_.punt_done(worker);
    desk_.receive(worker);
    EXPECT_EQ(workers_.next_report(worker), nullptr) << "given back";
  }

  using Numbers = std::vector<std::uint64_t>;
  using Texts = std::vector<std::string>;
  FakeWorkers workers_{2};
  ReportDesk desk_{workers_};
  std::uint64_t now_ms_ = 1'000'000;
  Texts heard_;
};

TEST_F(ReportDeskTest, AsksAWorkerOneQuestionAtATime) {
  const auto a = ask("a"), b = ask("b"), c = ask("c", 1);
  EXPECT_EQ(orders(), Numbers{a});
  EXPECT_EQ(orders(1), Numbers{c});
  answer(a, 7);
  EXPECT_EQ(orders(), Numbers{b});
  answer(c, 8, 1);
  answer(b, 9);
  EXPECT_EQ(heard_, (Texts{"a:7", "c:8", "b:9"}));
  EXPECT_EQ(desk_.waiting(), 0u);
}

TEST_F(ReportDeskTest, AsksAgainAndHearsOneAnswer) {
  const auto a = ask("a");
  EXPECT_EQ(orders(), Numbers{a});
  pass(kReportAgainMs - 1);
  EXPECT_EQ(orders(), Numbers{});
  pass(1);
  EXPECT_EQ(orders(), Numbers{a});
  answer(a, 1);
  answer(a, 1);
  EXPECT_EQ(heard_, Texts{"a:1"});
}

TEST_F(ReportDeskTest, GivesUpAWorkerThatIsSilent) {
  const auto a = ask("a");
  pass(kReportMs / 2);
  ask("b");
  pass(kReportMs / 2 - 1);
  EXPECT_EQ(heard_, Texts{});
  pass(1);
  EXPECT_EQ(heard_, Texts{"a:silent"});
  orders();
  answer(a, 1);  // too late
  EXPECT_EQ(heard_, Texts{"a:silent"});
  pass(kReportMs / 2);
  EXPECT_EQ(heard_, (Texts{"a:silent", "b:silent"}));
}

TEST_F(ReportDeskTest, WaitsForRoomInTheRing) {
  workers_.orders_full = true;
  const auto a = ask("a");
  workers_.orders_full = false;
  EXPECT_EQ(orders(), Numbers{});
  pass(1);
  EXPECT_EQ(orders(), Numbers{a});
}

TEST_F(ReportDeskTest, ForgetsWhatNobodyWantsToKnow) {
  const auto a = ask("a"), b = ask("b"), c = ask("c");
  desk_.forget(b);
  desk_.forget(a);
  EXPECT_EQ(orders(), (Numbers{a, c}));
  answer(a, 1);
  answer(c, 3);
  EXPECT_EQ(heard_, Texts{"c:3"});
}

TEST_F(ReportDeskTest, TakesTheNextQuestionFromTheAnswer) {
  const auto a = desk_.ask(0, dp::OrderKind::report_sas, {}, [&](const dp::Report* report) {
    desk_.ask(0, dp::OrderKind::report_sas, {.from = report->next}, [](const dp::Report*) {});
  });
  orders();
  workers_.report(0, [&](dp::Report& report) {
    report.number = a;
    report.next = 64;
  });
  desk_.receive(0);
  ASSERT_NE(workers_.orders(0).peek(), nullptr);
  EXPECT_EQ(workers_.orders(0).peek()->question.from, 64u);
  EXPECT_EQ(orders(), Numbers{a + 1});
}

}  // namespace
}  // namespace cp
