// resurgectl as a program and as a session, against the control socket of a pretended gateway.
#include <gtest/gtest.h>
#include <spdlog/sinks/null_sink.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "controlplane/ctl_server.h"
#include "tests/controlplane/fake_verbs.h"
#include "tests/controlplane/scratch_folder.h"
#include "tests/tools/command.h"
#include "tools/ctl/session.h"

namespace ctl {
namespace {

// A control loop of its own: everything of the server happens in its thread.
class CtlSession : public testing::Test {
 protected:
  CtlSession() {
    verbs_.sas = {cp::FakeVerbs::sa(0xabc), cp::FakeVerbs::sa(0xabd)};
    verbs_.reloaded = {{}, {"dpdk.eal"}};
    config_.socket = folder_.file("control");
    server_ = std::move(cp::CtlServer::open(config_, verbs_, log_).value());
    loop_ = std::jthread([this](const std::stop_token& stop) {
      for (std::uint64_t now_ms = 0; !stop.stop_requested(); ++now_ms) {
        server_->serve(now_ms);
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    });
  }
  tools::Outcome run(const std::string& arguments) const {
    return tools::run_command(std::string(RESURGECTL) + " --socket " + config_.socket + " " +
                              arguments);
  }

  cp::ScratchFolder folder_;
  cp::FakeVerbs verbs_;
  spdlog::logger log_{"test", std::make_shared<spdlog::sinks::null_sink_mt>()};
  cp::ControlConfig config_;
  std::unique_ptr<cp::CtlServer> server_;
  std::jthread loop_;
};

TEST_F(CtlSession, BringsRowsAndTheEnd) {
  auto session = Session::open(config_.socket);
  ASSERT_TRUE(session) << session.error().text;
  std::vector<std::string> spis;
  for (int again = 0; again < 2; ++again) {
    spis.clear();
    const auto done =
        session->ask({{"verb", "list-sas"}}, [&](const Json& row) { spis.push_back(row["ike"]); });
    ASSERT_TRUE(done) << done.error().text;
    EXPECT_EQ((*done)["rows"], 2);
  }
  EXPECT_EQ(spis, (std::vector<std::string>{"0000000000000abc", "0000000000000abd"}));
  const auto refused = session->ask({{"verb", "quit"}}, [](const Json&) {});
  EXPECT_TRUE(refused.error().text.starts_with("expected \"verb\" to name"));
}

TEST_F(CtlSession, SaysThatNoGatewayIsThere) {
  const auto session = Session::open(folder_.file("none"));
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().text, folder_.file("none") +
                                      ": No such file or directory: is resurged running, with "
                                      "[control] socket = this path?");
  EXPECT_FALSE(Session::open(std::string(200, 'x')));
}

TEST_F(CtlSession, TheProgramPrintsTables) {
  const tools::Outcome list = run("list-sas");
  EXPECT_EQ(list.status, 0);
  EXPECT_TRUE(list.output.starts_with("IKE               CONNECTION  STATE")) << list.output;
  EXPECT_NE(list.output.find("0000000000000abd  staff"), std::string::npos);
  EXPECT_EQ(run("list-sas --connection none").output, "");
  EXPECT_NE(run("list-pools").output.find("25.0 %"), std::string::npos);
  EXPECT_NE(run("stats").output.find("uptime           1h 1m\n"), std::string::npos);
  EXPECT_NE(run("counters").output.find("rx_packets  12"), std::string::npos);
  EXPECT_EQ(run("list-conns").status, 0);
}

TEST_F(CtlSession, TheProgramPrintsJsonLines) {
  EXPECT_EQ(run("--json counters").output,
            "{\"name\":\"rx_packets\",\"value\":12,\"meaning\":\"frames received\"}\n");
  EXPECT_EQ(run("rotate-keys --json").output, "{\"text\":\"0abd seals now\"}\n");
}

// Never a part for the whole: rows over the limit and workers that were silent are told.
TEST_F(CtlSession, TheProgramTellsWhatIsMissing) {
  const tools::Outcome limited = run("list-sas --limit 1");
  EXPECT_EQ(limited.status, 0);
  EXPECT_TRUE(limited.output.ends_with("\n... 1 more, use --limit (0 = all) or a condition\n"))
      << limited.output;
  verbs_.silent = {1};
  for (const char* json : {"", "--json "}) {
    const tools::Outcome part = run(json + std::string("list-sas"));
    EXPECT_EQ(part.status, 4);
    EXPECT_NE(part.output.find("worker 1 did not answer in time"), std::string::npos);
  }
  *verbs_.ending = {.is_over = true, .closing = 2, .silent = {0}};
  const tools::Outcome closing = run("terminate --spi 0000000000000abc");
  EXPECT_EQ(closing.status, 4);
  EXPECT_EQ(closing.output,
            "closing 2 IKE SA(s)\n"
            "worker 0 did not answer in time: SAs that it serves were not closed\n");
}

TEST_F(CtlSession, TheProgramLimitsTablesAndNotJson) {
  for (std::uint64_t i = verbs_.sas.size(); i < 1500; ++i)
    verbs_.sas.push_back(cp::FakeVerbs::sa(i));
  const auto lines = [&](const std::string& arguments) {
    return std::ranges::count(run(arguments).output, '\n');
  };
  EXPECT_EQ(lines("list-sas"), 1000 + 2);            // headings, and how many more
  EXPECT_EQ(lines("list-sas --limit 0"), 1500 + 2);  // headings every thousand rows
  EXPECT_EQ(lines("list-sas --json"), 1500);
}

TEST_F(CtlSession, TheProgramSteers) {
  EXPECT_EQ(run("terminate --ike 0000000000000abc").output, "closing 1 IKE SA(s)\n");
  EXPECT_EQ(run("rotate-keys").output, "0abd seals now\n");
  EXPECT_EQ(run("revoke --generation 7").output, "refused from now on\n");
  EXPECT_EQ(run("revoke --identity alice@example.org").status, 0);
  EXPECT_EQ(run("reload").output, "dpdk.eal has changed, which a restart will put into force\n");
}

TEST_F(CtlSession, ItsStatusTellsWhatWentWrong) {
  const tools::Outcome refused = run("terminate --connection c");
  EXPECT_EQ(refused.status, 1);
  EXPECT_EQ(refused.output, "resurgectl: there is no such IKE SA\n");
  EXPECT_EQ(run("terminate").status, 1);
  EXPECT_EQ(run("revoke").status, 2);
  EXPECT_EQ(run("nonsense").status, 2);
  EXPECT_EQ(run("").status, 2);
  EXPECT_EQ(run("--help").status, 0);
  EXPECT_EQ(
      tools::run_command(std::string(RESURGECTL) + " --socket " + folder_.file("none") + " stats")
          .status,
      3);
}

}  // namespace
}  // namespace ctl
