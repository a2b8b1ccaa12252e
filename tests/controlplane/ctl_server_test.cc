// The control socket: who gets in, what is answered, and that no client holds the loop up.
#include "controlplane/ctl_server.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <spdlog/sinks/ostream_sink.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "controlplane/ctl_log_sink.h"
#include "tests/controlplane/fake_verbs.h"
#include "tests/controlplane/scratch_folder.h"

namespace cp {
namespace {

class Peer {
 public:
  explicit Peer(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    const auto* generic = static_cast<const sockaddr*>(static_cast<const void*>(&address));
    connected = ::connect(fd_, generic, sizeof address) == 0;
  }
  ~Peer() { ::close(fd_); }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  void say(const std::string& text) const {
    EXPECT_EQ(::send(fd_, text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  void end() const { ::shutdown(fd_, SHUT_WR); }
  // What has come; "(end)" behind it when the server has closed.
  std::string take() const {
    std::string text;
    while (true) {
      std::array<char, 65536> octets;
      const ssize_t got = ::recv(fd_, octets.data(), octets.size(), MSG_DONTWAIT);
      if (got == 0) return text + "(end)";
      if (got < 0) return text;
      text.append(octets.data(), static_cast<std::size_t>(got));
    }
  }
  bool connected = false;

 private:
  int fd_;
};

class CtlServerTest : public testing::Test {
 protected:
  CtlServerTest() : sink_(std::make_shared<CtlLogSink>()) {
    log_ = std::make_shared<spdlog::logger>(
        "test",
        spdlog::sinks_init_list{std::make_shared<spdlog::sinks::ostream_sink_st>(text_), sink_});
    config_.socket = folder_.file("control");
    open();
  }
  ~CtlServerTest() override { sink_->attach(nullptr); }
  void open() {
    auto server = CtlServer::open(config_, verbs_, *log_);
    ASSERT_TRUE(server) << server.error().text;
    server_ = std::move(*server);
    sink_->attach(server_.get());
  }
  void serve(int times = 8) {
    for (int i = 0; i < times; ++i) server_->serve(now_ms_);
  }
  std::string why_not(const ControlConfig& config) {
    const auto server = CtlServer::open(config, verbs_, *log_);
    return server ? "" : server.error().text;
  }

  ScratchFolder folder_;
  FakeVerbs verbs_;
  std::ostringstream text_;
  std::shared_ptr<CtlLogSink> sink_;
  std::shared_ptr<spdlog::logger> log_;
  ControlConfig config_;
  std::unique_ptr<CtlServer> server_;
  std::uint64_t now_ms_ = 1000;
};

TEST_F(CtlServerTest, AnswersLineByLine) {
  const Peer peer(config_.socket);
  ASSERT_TRUE(peer.connected);
  peer.say("{\"verb\":\"list-pools\"}\n{\"verb\":\"rotate-keys\"}\n{\"verb\":");
  serve();
  EXPECT_EQ(peer.take(),
            "{\"row\":{\"pool\":\"ipv4\",\"range\":\"10.0.0.1-10.0.0.4\",\"size\":4,\"used\":1}}\n"
            "{\"done\":{\"rows\":1}}\n{\"done\":{\"text\":\"0abd seals now\"}}\n");
  peer.say("\"quit\"}\n");
  serve();
  EXPECT_TRUE(peer.take().starts_with("{\"error\":\"expected \\\"verb\\\" to name"));
  peer.end();
  serve();
  EXPECT_EQ(peer.take(), "(end)");
  EXPECT_EQ(server_->client_count(), 0u);
}

TEST_F(CtlServerTest, AnswersEveryVerb) {
  verbs_.policy.resize(2);
  verbs_.reloaded = {{"gw.toml:1:1: wrong"}, {}};
  const std::pair<const char*, const char*> cases[] = {
      {"\"list-conns\"", "{\"done\":{\"rows\":2}}\n"},
      {"\"stats\"", "{\"done\":{\"rows\":1}}\n"},
      {"\"counters\"", "{\"done\":{\"rows\":1}}\n"},
      {"\"terminate\",\"ike\":\"0000000000000001\"",
       "{\"done\":{\"closing\":1,\"silent_workers\":[]}}\n"},
      {"\"terminate\",\"connection\":\"c\"", "{\"error\":\"there is no such IKE SA\"}\n"},
      {"\"revoke\",\"generation\":7", "{\"done\":{\"text\":\"refused from now on\"}}\n"},
      {"\"reload\"", "\"mistakes\":[\"gw.toml:1:1: wrong\"]}\n"}};
  const Peer peer(config_.socket);
  for (const auto& [verb, end] : cases) {
    peer.say(std::string("{\"verb\":") + verb + "}\n");
    serve();
    EXPECT_TRUE(peer.take().ends_with(end)) << verb;
  }
  EXPECT_EQ(verbs_.revoked.generation, 7u);
  verbs_.reloaded = {{}, {"dpdk.eal"}};
  peer.say("{\"verb\":\"reload\"}\n");
  serve();
  EXPECT_EQ(peer.take(), "{\"done\":{\"need_restart\":[\"dpdk.eal\"]}}\n");
}

TEST_F(CtlServerTest, LogsWhoChangesSomething) {
  const Peer peer(config_.socket);
  peer.say("{\"verb\":\"stats\"}\n{\"verb\":\"rotate-keys\"}\n");
  serve();
  EXPECT_NE(text_.str().find("control: rotate-keys by uid " + std::to_string(getuid())),
            std::string::npos);
  EXPECT_EQ(text_.str().find("stats"), std::string::npos);
}

TEST_F(CtlServerTest, ReadsALongListAsItIsTaken) {
  for (std::uint64_t i = 0; i < 2000; ++i) verbs_.sas.push_back(FakeVerbs::sa(i));
  const Peer slow(config_.socket);
  slow.say("{\"verb\":\"list-sas\"}\n");
  serve(100);
  EXPECT_LT(verbs_.pages, 20) << "nobody has read the first pages";
  const Peer other(config_.socket);
  other.say("{\"verb\":\"list-sas\",\"connection\":\"none\"}\n");
  serve(200);
  EXPECT_EQ(other.take(), "{\"done\":{\"rows\":0,\"more\":0,\"silent_workers\":[]}}\n");
  const std::string end = "{\"done\":{\"rows\":2000,\"more\":0,\"silent_workers\":[]}}\n";
  std::string all;
  for (int i = 0; i < 1000 && !all.ends_with(end); ++i) {
    all += slow.take();
    serve(1);
  }
  EXPECT_TRUE(all.ends_with(end));
  EXPECT_EQ(std::ranges::count(all, '\n'), 2001);
}

TEST_F(CtlServerTest, GivesAListUpToItsLimit) {
  for (std::uint64_t i = 0; i < 100; ++i) verbs_.sas.push_back(FakeVerbs::sa(i));
  verbs_.silent = {1};
  const Peer peer(config_.socket);
  peer.say("{\"verb\":\"list-sas\",\"limit\":70}\n");
  serve();
  const std::string all = peer.take();
  EXPECT_EQ(std::ranges::count(all, '\n'), 71);
  EXPECT_TRUE(all.ends_with("{\"done\":{\"rows\":70,\"more\":30,\"silent_workers\":[1]}}\n"));
  peer.say("{\"verb\":\"list-sas\",\"worker\":7}\n");
  serve();
  EXPECT_EQ(peer.take(), "{\"error\":\"there is no such worker\"}\n");
}

// While a worker is waited for, nothing wakes the loop, others are served, and a client that went
// away takes its list with it.
TEST_F(CtlServerTest, WaitsForWorkersAndHoldsNobodyUp) {
  verbs_.sas.push_back(FakeVerbs::sa(1));
  verbs_.workers_are_slow = true;
  verbs_.ending->is_over = false;
  const Peer lists(config_.socket), ends(config_.socket);
  auto leaves = std::make_unique<Peer>(config_.socket);
  for (const Peer* peer : {&lists, static_cast<const Peer*>(leaves.get())})
    peer->say("{\"verb\":\"list-sas\"}\n");
  ends.say("{\"verb\":\"terminate\",\"ike\":\"0000000000000001\"}\n");
  serve();
  pollfd woken{.fd = server_->fd(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&woken, 1, 0), 0) << "nothing can be done";
  server_->go_on(now_ms_);
  EXPECT_EQ(lists.take() + ends.take(), "");
  leaves.reset();
  serve();
  EXPECT_EQ(verbs_.lists_ended, 1);
  EXPECT_EQ(server_->client_count(), 2u);
  now_ms_ += kCtlIdleMaxMs + 1;
  const Peer other(config_.socket);
  other.say("{\"verb\":\"list-pools\"}\n");
  serve();
  EXPECT_TRUE(other.take().ends_with("{\"done\":{\"rows\":1}}\n"));
  verbs_.workers_are_slow = false;
  *verbs_.ending = {.is_over = true, .closing = 4096, .silent = {0, 1}};
  server_->go_on(now_ms_);
  serve();
  EXPECT_EQ(std::ranges::count(lists.take(), '\n'), 2);
  EXPECT_EQ(ends.take(), "{\"done\":{\"closing\":4096,\"silent_workers\":[0,1]}}\n");
}

TEST_F(CtlServerTest, SendsAwayWhoTakesNothing) {
  for (std::uint64_t i = 0; i < 2000; ++i) verbs_.sas.push_back(FakeVerbs::sa(i));
  const Peer slow(config_.socket);
  slow.say("{\"verb\":\"list-sas\"}\n");
  const Peer silent(config_.socket);
  serve(100);
  EXPECT_EQ(server_->client_count(), 2u);
  now_ms_ += kCtlIdleMaxMs + 1;
  serve();
  EXPECT_EQ(server_->client_count(), 0u);
}

TEST_F(CtlServerTest, SendsAwayWhoAsksTooMuch) {
  const Peer peer(config_.socket);
  peer.say(std::string(kCtlRequestMax + 1, 'x'));
  serve();
  EXPECT_EQ(peer.take(), "{\"error\":\"the request is too long\"}\n(end)");
}

TEST_F(CtlServerTest, HasRoomForSomeClients) {
  std::vector<std::unique_ptr<Peer>> peers;
  for (std::size_t i = 0; i < kCtlClientsMax; ++i) {
    peers.push_back(std::make_unique<Peer>(config_.socket));
    serve(1);
  }
  EXPECT_EQ(server_->client_count(), kCtlClientsMax);
  const Peer one_more(config_.socket);
  serve();
  EXPECT_EQ(one_more.take(), "{\"error\":\"too many clients\"}\n(end)");
  peers.pop_back();
  serve();
  const Peer again(config_.socket);
  again.say("{\"verb\":\"stats\"}\n");
  serve();
  EXPECT_TRUE(again.take().ends_with("{\"done\":{\"rows\":1}}\n"));
}

TEST_F(CtlServerTest, PassesTheLogOn) {
  const Peer peer(config_.socket);
  peer.say("{\"verb\":\"log\"}\n");
  serve();
  log_->warn("the sky\nfalls");
  serve();
  const auto line = nlohmann::json::parse(peer.take());
  EXPECT_EQ(line["row"]["level"], "warning");
  EXPECT_EQ(line["row"]["text"], "the sky\nfalls");
  now_ms_ += 10 * kCtlIdleMaxMs;
  serve();
  EXPECT_EQ(server_->client_count(), 1u) << "a follower may be silent";
  peer.say("{\"verb\":\"stats\"}\n");
  serve();
  log_->warn("unheard");
  serve();
  EXPECT_EQ(peer.take().find("unheard"), std::string::npos) << "another verb ends it";
}

TEST_F(CtlServerTest, ASlowFollowerMissesLines) {
  const Peer peer(config_.socket);
  peer.say("{\"verb\":\"log\"}\n");
  serve();
  const std::string long_text(1000, 'x');
  for (int i = 0; i < 2000; ++i) {
    log_->info("{}", long_text);
    serve(1);
  }
  for (int i = 0; i < 100; ++i) {
    peer.take();
    serve(1);
  }
  log_->info("last");
  serve();
  const std::string rest = peer.take();
  EXPECT_NE(rest.find("lines were lost"), std::string::npos);
  EXPECT_NE(rest.find("last"), std::string::npos);
}

TEST_F(CtlServerTest, TheSocketHasItsModeAndGoesWithTheServer) {
  struct stat about {};
  ASSERT_EQ(::stat(config_.socket.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 07777, 0600u);
  sink_->attach(nullptr);
  server_.reset();
  EXPECT_FALSE(std::filesystem::exists(config_.socket));
  config_.mode = 0660;
  open();
  ASSERT_EQ(::stat(config_.socket.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 07777, 0660u);
}

TEST_F(CtlServerTest, TakesThePlaceOfADeadSocketOnly) {
  EXPECT_TRUE(why_not(config_).ends_with("another process listens there"));
  ControlConfig other = config_;
  other.socket = folder_.file("dead");
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  other.socket.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(fd, static_cast<sockaddr*>(static_cast<void*>(&address)), sizeof address), 0);
  ::close(fd);
  EXPECT_EQ(why_not(other), "");
  other.socket = folder_.write("file", "x");
  EXPECT_TRUE(why_not(other).ends_with("something else stands there"));
}

TEST_F(CtlServerTest, SaysWhyItCannotBeOpened) {
  ControlConfig other = config_;
  other.socket = folder_.file("none/control");
  EXPECT_EQ(why_not(other),
            "control socket " + other.socket + ": cannot be bound: No such file or directory");
  other.socket = folder_.file("x") + std::string(108, 'x');
  EXPECT_TRUE(why_not(other).ends_with("the name is longer than 107 octets"));
  other.socket = folder_.file("grouped");
  other.mode = 0660;
  other.group = "no-such-group-here";
  EXPECT_TRUE(why_not(other).ends_with("there is no group \"no-such-group-here\""));
  EXPECT_FALSE(std::filesystem::exists(other.socket));
}

}  // namespace
}  // namespace cp
