// The rounds of the control thread, with a clock that the test holds.
#include "controlplane/control_loop.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <spdlog/sinks/ostream_sink.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/controlplane/fake_workers.h"

namespace cp {
namespace {

constexpr std::uint64_t kStart = 1'760'000'000;

class ControlLoopTest : public testing::Test {
 protected:
  ControlLoopTest() {
    EXPECT_TRUE(crypto::Keyring::create(kStart).save(folder_.file("keyring")));
    config_.keyring = {.path = folder_.file("keyring"), .rotate_every_s = 3600};
    config_.stats.file = folder_.file("stats.json");
    keys_ = std::make_unique<TicketKeys>(
        TicketKeys::load({.path = config_.keyring.path, .rotate_every_s = 3600, .accept_s = 7200})
            .value());
    log_ = std::make_shared<spdlog::logger>(
        "test", std::make_shared<spdlog::sinks::ostream_sink_st>(text_));
    log_->set_pattern("%v");
    loop_ = std::make_unique<ControlLoop>(ControlLoop::Parts{.config = config_,
                                                             .config_path = folder_.file("gw.toml"),
                                                             .workers = workers_,
                                                             .keys = *keys_,
                                                             .random = random_,
                                                             .log = *log_,
                                                             .version = "test",
                                                             .tsc_hz = 1},
                                          at(0));
  }
  static Time at(std::uint64_t seconds) {
    return {.ms = 5000 + 1000 * seconds, .unix_s = kStart + seconds};
  }
  std::string log_text() { return std::exchange(text_, std::ostringstream()).str(); }
  void write_config(const std::string& denied) {
    folder_.write("gw.toml",
                  "[outside]\ndevice = 'd'\naddresses = '192.0.2.1'\n[tickets]\nkeyring = 'k'\n"
                  "state_dir = 's'\n" +
                      denied + "[pools]\nipv4 = '10.0.0.0/24'\n[connections.a]\n");
  }

  ScratchFolder folder_;
  FakeWorkers workers_{2};
  crypto::Random random_{1};
  GatewayConfig config_;
  std::unique_ptr<TicketKeys> keys_;
  std::ostringstream text_;
  std::shared_ptr<spdlog::logger> log_;
  std::unique_ptr<ControlLoop> loop_;
};

TEST_F(ControlLoopTest, PreparesKeysDenyListAndIssuers) {
  loop_->prepare(at(0));
  ASSERT_EQ(workers_.keyrings.size(), 1u);
  EXPECT_EQ(workers_.keyrings[0].keys[workers_.keyrings[0].current].id,
            keys_->keyring().current().id);
  EXPECT_EQ(workers_.deny_lists.size(), 1u);
  EXPECT_NE(workers_.issuer_supply(0).ready, nullptr);
  EXPECT_NE(workers_.issuer_supply(1).ready, nullptr);
}

TEST_F(ControlLoopTest, TakesClientsBackEvenWhenTheDiskIsFull) {
  workers_.disk_full = true;
  loop_->prepare(at(0));
  EXPECT_EQ(workers_.keyrings.size(), 1u);
  EXPECT_EQ(log_text(), "drawing issuers: no space left\n");
  workers_.disk_full = false;
  loop_->round(at(1));
  EXPECT_NE(workers_.issuer_supply(0).ready, nullptr);
}

TEST_F(ControlLoopTest, RotatesBeforeWorkersStartWhenItIsOverdue) {
  const auto first = keys_->keyring().current().id;
  loop_->prepare(at(4000));
  EXPECT_NE(workers_.keyrings[0].keys[workers_.keyrings[0].current].id, first);
  EXPECT_NE(workers_.keyrings[0].find(first), nullptr) << "tickets of before the stop still open";
}

TEST_F(ControlLoopTest, RotatesByTheClockAndPublishes) {
  loop_->prepare(at(0));
  for (std::uint64_t s = 3590; s < 3610; ++s) loop_->round(at(s));
  ASSERT_EQ(workers_.keyrings.size(), 2u);
  EXPECT_EQ(crypto::Keyring::load(config_.keyring.path)->current().id,
            workers_.keyrings[1].keys[workers_.keyrings[1].current].id);
  EXPECT_NE(log_text().find("ticket keys rotated"), std::string::npos);
}

TEST_F(ControlLoopTest, RefillsAndAnswersInEveryRound) {
  loop_->prepare(at(0));
  workers_.take(0);
  workers_.requests.post(ike::IssuerId(5));
  loop_->round(at(0));
  EXPECT_NE(workers_.issuer_supply(0).ready, nullptr);
  EXPECT_NE(workers_.used().find(ike::IssuerId(5)), nullptr);
  EXPECT_EQ(workers_.reclaimed, 1);
}

TEST_F(ControlLoopTest, FlushesUsedTicketsNowAndThen) {
  for (std::uint64_t s = 0; s <= 61; ++s) loop_->round(at(s));
  EXPECT_EQ(workers_.flushed, 2);
}

TEST_F(ControlLoopTest, LogsAFailureOnceAndItsEnd) {
  workers_.disk_full = true;
  for (std::uint64_t s = 0; s < 5; ++s) loop_->round(at(s));
  EXPECT_EQ(log_text(), "drawing issuers: no space left\n");
  workers_.disk_full = false;
  loop_->round(at(5));
  loop_->round(at(6));
  EXPECT_EQ(log_text(), "drawing issuers: works again\n");
}

TEST_F(ControlLoopTest, ReloadsKeyringAndDenyLists) {
  loop_->prepare(at(0));
  write_config("deny_identities = ['@lost.example']\n");
  auto ring = crypto::Keyring::load(config_.keyring.path).value();
  ring.rotate(kStart + 1, 7200);
  ASSERT_TRUE(ring.save(config_.keyring.path));
  loop_->reload();
  ASSERT_EQ(workers_.keyrings.size(), 2u);
  EXPECT_EQ(workers_.keyrings[1].keys[workers_.keyrings[1].current].id, ring.current().id);
  ASSERT_EQ(workers_.deny_lists.size(), 2u);
  EXPECT_EQ(workers_.deny_lists[1].identities.size(), 1u);
  EXPECT_NE(log_text().find("reload: outside has changed, which a restart will put into force\n"),
            std::string::npos);
}

TEST_F(ControlLoopTest, KeepsWhatItHasWhenTheConfigurationIsWrong) {
  loop_->prepare(at(0));
  write_config("deny_identities = ['a b']\n");
  loop_->reload();
  EXPECT_EQ(workers_.keyrings.size(), 1u) << "an unchanged keyring is not published again";
  EXPECT_EQ(workers_.deny_lists.size(), 1u);
  EXPECT_NE(log_text().find("gw.toml:7:20: tickets.deny_identities: "), std::string::npos);
}

TEST_F(ControlLoopTest, WritesStatsAndSummaries) {
  loop_->prepare(at(0));
  workers_.counters_of(0).resumptions.add(50);
  for (std::uint64_t s = 0; s <= 10; ++s) loop_->round(at(s));
  EXPECT_NE(log_text().find("resumed 50 (5/s)"), std::string::npos);
  const auto json = nlohmann::json::parse(folder_.read("stats.json"));
  EXPECT_EQ(json["total"]["resumptions"], 50);
  EXPECT_EQ(json["uptime_s"], 10.0);
  workers_.counters_of(0).resumptions.add(1);
  EXPECT_NE(loop_->finish(at(11)).find("ran 11.0 s"), std::string::npos);
  EXPECT_EQ(nlohmann::json::parse(folder_.read("stats.json"))["total"]["resumptions"], 51);
}

// R5723-167: an issuer in use is not swept by a mark that is ahead of the clock.
TEST_F(ControlLoopTest, StandsStillWhileTheClockIsBehind) {
  loop_->prepare(at(0));
  for (std::uint64_t s = 0; s <= 120; ++s) loop_->round(at(100'000 + s));
  const dp::IssuerUse* ready = workers_.issuer_supply(0).ready;
  EXPECT_EQ(log_text().find("wall clock"), std::string::npos);
  for (std::uint64_t s = 121; s <= 300; ++s)
    loop_->round({.ms = 5000 + 1000 * (100'000 + s), .unix_s = kStart});
  EXPECT_EQ(workers_.used().find(ready->issuer()), ready);
  EXPECT_NE(log_text().find("wall clock: was at least 1760100"), std::string::npos);
  loop_->round(at(100'301));
  EXPECT_NE(log_text().find("wall clock: works again"), std::string::npos);
}

TEST_F(ControlLoopTest, RunsUntilTold) {
  auto signals = Signals::block();
  ASSERT_TRUE(signals);
  write_config("");
  raise(SIGHUP);
  raise(SIGTERM);
  loop_->run(*signals);  // returns: TERM (15) or HUP (1) first, both are taken
  SUCCEED();
}

}  // namespace
}  // namespace cp
