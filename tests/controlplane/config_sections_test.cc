// Each section of a configuration: values that arrive, mistakes that are named.
#include "controlplane/config_sections.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "controlplane/value_text.h"
#include "tests/controlplane/section.h"

namespace cp {
namespace {

TEST(ConfigDpdk, TakesEalWorkersAndCpus) {
  Section section(
      "eal = ['--no-huge', '-m', '512']\nworkers = 2\nworker_cpus = [3, 4]\nmain_cpu = 1\n"
      "hugepages = 'never'\nmemory_mib = 256");
  DpdkConfig dpdk;
  dp::WorkerConfig workers;
  read_dpdk(section.reader(), dpdk, workers);
  EXPECT_EQ(section.first_error(), "");
  EXPECT_EQ(dpdk.eal, (std::vector<std::string>{"--no-huge", "-m", "512"}));
  EXPECT_EQ(workers.worker_count, 2u);
  EXPECT_EQ(dpdk.worker_cpus, (std::vector<unsigned>{3, 4}));
  EXPECT_EQ(dpdk.main_cpu, 1u);
  EXPECT_EQ(dpdk.hugepages, Hugepages::never);
  EXPECT_EQ(dpdk.memory_mib, 256u);
}

TEST(ConfigDpdk, NamesMistakes) {
  expect_mistakes(
      {{"eal = '--'", "f:2:7: s.eal: expected EAL options only, without \"--\""},
       {"eal = [1]", "f:2:8: s.eal: expected a text or a list of texts"},
       {"workers = 0", "f:2:11: s.workers: expected a number from 1 to 255"},
       {"worker_cpus = [1, 2]",
        "f:2:15: s.worker_cpus: expected as many CPUs as there are workers (1), not 2"},
       {"worker_cpus = 1", "f:2:15: s.worker_cpus: expected a list of numbers from 0 to 4095"},
       {"worker_cpus = [1]\neal = ['-l', '0,1']",
        "f:2:15: s.worker_cpus: expected either worker_cpus or lcore options in eal, not both"},
       {"worker = 1", "f:2:1: s.worker: unknown key; did you mean \"workers\"?"}},
      [](Section& section) {
        DpdkConfig dpdk;
        dp::WorkerConfig workers;
        read_dpdk(section.reader(), dpdk, workers);
      });
}

TEST(ConfigAdmission, DemandsCookiesBeforeTheLimitIsReached) {
  for (const auto& [text, expected] : std::initializer_list<std::pair<const char*, std::uint32_t>>{
           {"", 32'768},
           {"half_open_max = 1000", 500},
           {"half_open_max = 1", 1},
           {"half_open_max = 1000\ncookie_on_half_opens = 999", 500},
           {"half_open_max = 1000\ncookie_on_half_opens = 400", 400}}) {
    Section section(text);
    dp::AdmissionConfig a;
    read_admission(section.reader(), a);
    EXPECT_EQ(a.cookie_on_half_opens, expected) << text;
  }
}

TEST(ConfigAdmission, TakesEveryKey) {
  Section section(
      "half_open_max = 12\nhalf_open_per_ticket = 3\nhalf_open_per_prefix = 0\nhalf_open_timeout = "
      "'30s'\n"
      "cookies = 'always'\ncookie_on_forged_per_s = 5\ncookie_on_half_opens = 6\ncookie_hold = "
      "'1500ms'\n"
      "answers_per_source_per_s = 7\nnew_issuers_per_s = 8");
  dp::AdmissionConfig a;
  read_admission(section.reader(), a);
  EXPECT_EQ(section.first_error(), "");
  EXPECT_EQ(a.half_open_max, 12u);
  EXPECT_EQ(a.half_open_per_ticket, 3u);
  EXPECT_EQ(a.half_open_per_prefix, 0u);
  EXPECT_EQ(a.half_open_timeout_ms, 30'000u);
  EXPECT_EQ(a.cookies, dp::CookieMode::always);
  EXPECT_EQ(a.cookie_on_forged_per_s, 5u);
  EXPECT_EQ(a.cookie_on_half_opens, 6u);
  EXPECT_EQ(a.cookie_hold_ms, 1500u);
  EXPECT_EQ(a.answers_per_source_per_s, 7u);
  EXPECT_EQ(a.new_issuers_per_s, 8u);
}

TEST(ConfigAdmission, NamesMistakes) {
  expect_mistakes(
      {{"half_open_per_ticket = 4",
        "f:2:24: s.half_open_per_ticket: expected a number from 1 to 3"},
       {"cookies = true", "f:2:11: s.cookies: expected a text"},
       {"cookies = 'on'",
        "f:2:11: s.cookies: expected \"auto\", \"always\" or \"never\", not \"on\""},
       {"half_open_timeout = 10",
        "f:2:21: s.half_open_timeout: expected a duration as a text, e.g. \"90s\" or \"24h\""},
       {"answers_per_source_per_s = 4294967296",
        "f:2:28: s.answers_per_source_per_s: expected a number from 1 to 4294967295"}},
      [](Section& section) {
        dp::AdmissionConfig admission;
        read_admission(section.reader(), admission);
      });
}

TEST(ConfigTickets, TakesEveryKey) {
  Section section(
      "keyring = '/k'\nstate_dir = '/s'\nlifetime = '1h'\nreauth = '2d'\nclock_skew = '0s'\n"
      "policy_generation = 9\nresumptions_max = 10\nrequire_post_quantum = true\nrotate_every = "
      "'10m'\n"
      "deny_identities = ['u@b', '@a', 'u@b']\ndeny_issuers = ['00000000000000ff', "
      "'0000000000000001']");
  GatewayConfig config;
  read_tickets(section.reader(), config);
  EXPECT_EQ(section.first_error(), "");
  EXPECT_EQ(config.keyring.path, "/k");
  EXPECT_EQ(config.keyring.rotate_every_s, 600u);
  EXPECT_EQ(config.workers.state_dir, "/s");
  const dp::TicketConfig& t = config.workers.tickets;
  EXPECT_EQ(t.lifetime_s, 3600u);
  EXPECT_EQ(t.reauth_s, 2u * 86'400);
  EXPECT_EQ(t.clock_skew_s, 0u);
  EXPECT_EQ(t.policy_generation, 9u);
  EXPECT_EQ(t.resumptions_max, 10u);
  EXPECT_TRUE(t.require_post_quantum);
  ASSERT_EQ(config.denied.identities.size(), 2u);
  EXPECT_LT(config.denied.identities[0], config.denied.identities[1]);
  EXPECT_EQ(config.denied.issuers, (std::vector<std::uint64_t>{1, 255}));
}

TEST(ConfigTickets, AsksThatPreviousKeysLiveAsLongAsTickets) {
  const auto read = [](std::string_view rotate_every) {
    Section section(fmt::format(
        "keyring = '/k'\nstate_dir = '/s'\nlifetime = '24h'\nrotate_every = '{}'", rotate_every));
    GatewayConfig config;
    read_tickets(section.reader(), config);
    return section.first_error();
  };
  EXPECT_EQ(read("4h"), "");
  EXPECT_EQ(read("never"), "");
  EXPECT_EQ(read("3h59m59s"),
            "f:4:16: s.rotate_every: a key opens tickets for 6 rotations after it was replaced, "
            "which with "
            "3h59m59s is less than the ticket lifetime of 1d; expected at least 4h");
}

TEST(ConfigTickets, NamesMistakes) {
  expect_mistakes(
      {{"lifetime = '1s'",
        "f:3:12: s.lifetime: expected a duration from 1m to 366d in whole seconds, not \"1s\""},
       {"reauth = '1h'", "f:3:10: s.reauth: expected at least the ticket lifetime of 1d"},
       {"rotate_every = '1s'",
        "f:3:16: s.rotate_every: expected \"never\" or a duration from 1m to 366d in whole "
        "seconds, not "
        "\"1s\""},
       {"deny_identities = ['a b']",
        "f:3:20: s.deny_identities: expected an identity such as \"user@example.org\", "
        "\"@gw.example.org\", an address or \"keyid:...\", not \"a b\""},
       {"deny_issuers = ['ff']",
        "f:3:17: s.deny_issuers: expected an issuer id of 16 hexadecimal digits, not \"ff\""}},
      [](Section& section) {
        GatewayConfig config;
        read_tickets(section.reader(), config);
      },
      "keyring = '/k'\nstate_dir = '/s'\n");
}

TEST(ConfigLogAndStats, TakeEveryKey) {
  Section log_section("level = 'debug'\nfile = '/l'\nsummary_every = '1m'");
  LogConfig log;
  read_log(log_section.reader(), log);
  EXPECT_EQ(log_section.first_error(), "");
  EXPECT_EQ(log.level, LogLevel::debug);
  EXPECT_EQ(log.file, "/l");
  EXPECT_EQ(log.summary_every_s, 60u);
  Section stats_section("file = '/x'\nevery = '250ms'");
  StatsConfig stats;
  read_stats(stats_section.reader(), stats);
  EXPECT_EQ(stats_section.first_error(), "");
  EXPECT_EQ(stats.file, "/x");
  EXPECT_EQ(stats.every_ms, 250u);
}

TEST(ConfigIke, SaysHowLongWeAsk) {
  Section section(
      "retransmit_timeout = '4s'\nretransmit_base = 2\nretransmit_tries = 3\nqcd_unasked = true");
  GatewayConfig config;
  EXPECT_FALSE(config.workers.qcd_unasked);
  read_ike(section.reader(), config);
  EXPECT_EQ(section.first_error(), "");
  EXPECT_TRUE(config.workers.qcd_unasked);
  EXPECT_EQ(config.ike.retransmit, (RetransmitPolicy{.first_ms = 4000, .factor = 2, .tries = 4}));
  const char* base = "f:2:19: s.retransmit_base: expected a number from 1 to 5";
  expect_mistakes(
      {{"retransmit_base = 0.5", base},
       {"retransmit_base = nan", base},
       {"retransmit_base = '2'", base},
       {"retransmit_tries = 21", "f:2:20: s.retransmit_tries: expected a number from 0 to 20"}},
      [](Section& s) {
        GatewayConfig other;
        read_ike(s.reader(), other);
      });
}

TEST(ConfigSessions, HasARange) {
  Section section("max = 10");
  dp::WorkerConfig workers;
  read_sessions(section.reader(), workers);
  EXPECT_EQ(section.first_error(), "f:1:7: s.max: expected a number from 64 to 16777216");
}

TEST(ConfigPools, TakeBothFamilies) {
  Section section("ipv4 = '10.0.0.0/24'\nipv6 = '2001:db8::/120'");
  dp::ChildConfig child;
  read_pools(section.reader(), child);
  EXPECT_EQ(section.first_error(), "");
  EXPECT_EQ(child.pool4.count, 254u);
  EXPECT_EQ(child.pool6.count, 255u);
}

}  // namespace
}  // namespace cp
