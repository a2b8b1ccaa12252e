// Which changes of a configuration need a restart.
#include "controlplane/config_changes.h"

#include <gtest/gtest.h>

namespace cp {
namespace {

using Keys = std::vector<std::string>;

std::string text(const std::string& top, const std::string& more) {
  return top +
         "[outside]\ndevice = 'd'\naddresses = '192.0.2.1'\n[connections.a]\n"
         "[secrets.ike-a]\nsecret = 'x'\n" +
         more;
}
GatewayConfig config(const std::string& top, const std::string& more = "") {
  auto read = parse_config(text(top, more));
  EXPECT_TRUE(read) << read.error().front().key << read.error().front().text;
  return std::move(*read);
}

const std::string kTop = "tickets = {keyring = 'k', state_dir = 's'}\npools.ipv4 = '10.0.0.0/24'\n";

Keys changes(const std::string& top, const std::string& more) {
  return restart_only_changes(config(kTop), config(top, more));
}

TEST(ConfigChanges, NothingChangedNeedsNothing) { EXPECT_EQ(changes(kTop, ""), Keys()); }

TEST(ConfigChanges, ConnectionsAndCredentialsNeedNone) {
  EXPECT_EQ(restart_only_changes(
                config(kTop, "[connections.b]\ntickets = false\n[secrets.ike-b]\nsecret = 'b'\n"),
                config(kTop, "[connections.c]\ntickets = false\nrekey_time = '1h'\n")),
            Keys());
}

TEST(ConfigChanges, TicketsOfAConnectionThatWorkersDoNotKnowNeedOne) {
  EXPECT_EQ(changes(kTop, "[connections.b]\n"), Keys{"connections.b (its tickets)"});
  EXPECT_EQ(restart_only_changes(config(kTop, "[connections.b]\n"),
                                 config(kTop, "[connections.b]\nauth_form = 'rfc'\n")),
            Keys{"connections.b (its tickets)"});
  EXPECT_EQ(restart_only_changes(config(kTop, "[connections.b]\n"),
                                 config(kTop, "[connections.b]\npools = []\n")),
            Keys{"connections.b (its tickets)"});
  EXPECT_EQ(restart_only_changes(config(kTop, "[connections.b]\n"), config(kTop)),
            Keys{"connections.b (its tickets)"});
}

TEST(ConfigChanges, NameEachKeyOfWorkers) {
  const std::pair<const char*, const char*> cases[] = {
      {"[dpdk]\neal = ['-v']\n", "dpdk.eal"},
      {"[dpdk]\nworkers = 2\n", "dpdk.workers"},
      {"[dpdk]\nworker_cpus = [1]\n", "dpdk.worker_cpus"},
      {"[dpdk]\nmain_cpu = 1\n", "dpdk.main_cpu"},
      {"[dpdk]\nhugepages = 'never'\n", "dpdk.hugepages"},
      {"[dpdk]\nmemory_mib = 64\n", "dpdk.memory_mib"},
      {"[inside]\naddresses = '10.9.0.1/24'\n", "inside"},
      {"[sessions]\nmax = 64\n", "sessions.max"},
      {"[sessions]\nchildren_max = 64\n", "sessions.children_max"},
      {"[admission]\nhalf_open_max = 7\n", "admission"},
      {"[child]\nesp_proposals = 'aes128gcm16'\n", "child.esp_proposals"},
      {"[child]\nlocal_ts = '10.0.0.0/8'\n", "child.local_ts"},
      {"[child]\ndns = '10.0.0.53'\n", "child.dns"},
      {"[ike]\nretransmit_tries = 1\n", "ike"},
      {"[radius.servers.one]\naddress = '10.0.0.9'\nsecret_file = 'r'\n", "radius"},
      {"[control]\nsocket = 's'\n", "control.socket"},
      {"[control]\nmode = '0660'\n", "control.mode"},
      {"[log]\nlevel = 'debug'\n", "log.level"},
      {"[log]\nfile = 'l'\n", "log.file"},
      {"[log]\nsummary_every = '1m'\n", "log.summary_every"},
      {"[stats]\nfile = 'l'\n", "stats.file"},
      {"[stats]\nevery = '1m'\n", "stats.every"},
  };
  for (const auto& [more, key] : cases) EXPECT_EQ(changes(kTop, more), Keys{key}) << more;
}

TEST(ConfigChanges, LeaveOutWhatTheCommandLineSaid) {
  GatewayConfig running = config(kTop);
  running.log = {.level = LogLevel::debug, .level_is_option = true, .file = {}};
  running.stats = {.file = "elsewhere", .file_is_option = true};
  EXPECT_EQ(restart_only_changes(running, config(kTop)), Keys());
}

TEST(ConfigChanges, NameEachKeyOfTicketsAndPools) {
  const auto with = [](const std::string& tickets, const std::string& pool = "10.0.0.0/24") {
    return changes("tickets = {" + tickets + "}\npools.ipv4 = '" + pool + "'\n", "");
  };
  const std::string dirs = "keyring = 'k', state_dir = 's'";
  EXPECT_EQ(with("keyring = 'q', state_dir = 's'"), Keys{"tickets.keyring"});
  EXPECT_EQ(with("keyring = 'k', state_dir = 'q'"), Keys{"tickets.state_dir"});
  EXPECT_EQ(with(dirs + ", lifetime = '1h'"), Keys{"tickets.lifetime"});
  EXPECT_EQ(with(dirs + ", reauth = '8d'"), Keys{"tickets.reauth"});
  EXPECT_EQ(with(dirs + ", clock_skew = '6s'"), Keys{"tickets.clock_skew"});
  EXPECT_EQ(with(dirs + ", policy_generation = 2"), Keys{"tickets.policy_generation"});
  EXPECT_EQ(with(dirs + ", resumptions_max = 2"), Keys{"tickets.resumptions_max"});
  EXPECT_EQ(with(dirs + ", require_post_quantum = true"), Keys{"tickets.require_post_quantum"});
  EXPECT_EQ(with(dirs + ", rotate_every = '6h'"), Keys{"tickets.rotate_every"});
  EXPECT_EQ(with(dirs + ", deny_issuers = '0000000000000001'"), Keys());
  EXPECT_EQ(with(dirs, "10.0.0.0/25"), Keys{"pools.ipv4"});
}

}  // namespace
}  // namespace cp
