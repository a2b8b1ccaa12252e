// Reads each section of a configuration.
#include "controlplane/config_sections.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "controlplane/hex_text.h"
#include "controlplane/identity_text.h"
#include "controlplane/value_text.h"

namespace cp {
namespace {

constexpr std::int64_t kCountMax = std::numeric_limits<std::uint32_t>::max();
constexpr std::int64_t kDayS = 86'400;

crypto::Result<std::uint64_t> parse_issuer(std::string_view text) {
  const auto octets = parse_hex(text);
  if (!octets || octets->size() != 8)
    return crypto::fail(
        fmt::format("expected an issuer id of 16 hexadecimal digits, not \"{}\"", text));
  return crypto::load_be64(octets->data());
}

// "never" is 0 for the keys that can be switched off.
crypto::Result<std::uint32_t> parse_period_s(std::string_view text) {
  if (text == "never") return 0;
  const auto ms = parse_duration_ms(text);
  if (!ms) return std::unexpected(ms.error());
  if (*ms < 60'000 || *ms > 366ull * 86'400'000 || *ms % 1000 != 0)
    return crypto::fail(fmt::format(
        "expected \"never\" or a duration from 1m to 366d in whole seconds, not \"{}\"", text));
  return static_cast<std::uint32_t>(*ms / 1000);
}

void read_denied(TableReader& in, dp::DenyList& denied) {
  in.values("deny_identities", denied.identities, parse_identity);
  in.values("deny_issuers", denied.issuers, parse_issuer);
  const auto sort = [](auto& list) {
    std::ranges::sort(list);
    list.erase(std::ranges::unique(list).begin(), list.end());
  };
  sort(denied.identities);
  sort(denied.issuers);
}

bool says_lcores(std::string_view argument) {
  return argument.starts_with("--lcores") || argument.starts_with("-l") ||
         argument.starts_with("-c") || argument.starts_with("--main-lcore");
}

}  // namespace

void read_dpdk(TableReader in, DpdkConfig& dpdk, dp::WorkerConfig& workers) {
  in.strings("eal", dpdk.eal);
  in.choice<Hugepages>(
      "hugepages", dpdk.hugepages,
      {{"auto", Hugepages::automatic}, {"always", Hugepages::always}, {"never", Hugepages::never}});
  in.integer("memory_mib", dpdk.memory_mib, {64, 1 << 20});
  in.integer("workers", workers.worker_count, {1, kWorkersMax});
  in.integers("worker_cpus", dpdk.worker_cpus, {0, 4095});
  in.integer("main_cpu", dpdk.main_cpu, {0, 4095});
  if (std::ranges::find(dpdk.eal, "--") != dpdk.eal.end())
    in.fail("eal", "expected EAL options only, without \"--\"");
  if (!dpdk.worker_cpus.empty() && dpdk.worker_cpus.size() != workers.worker_count)
    in.fail("worker_cpus", fmt::format("expected as many CPUs as there are workers ({}), not {}",
                                       workers.worker_count, dpdk.worker_cpus.size()));
  if (!dpdk.worker_cpus.empty() && std::ranges::any_of(dpdk.eal, says_lcores))
    in.fail("worker_cpus", "expected either worker_cpus or lcore options in eal, not both");
  in.finish();
}

void read_sessions(TableReader in, dp::WorkerConfig& workers) {
  in.integer("max", workers.sessions_max, {64, kSessionsMax});
  in.integer("children_max", workers.children_max, {16, kSessionsMax});
  in.finish();
}

void read_admission(TableReader in, dp::AdmissionConfig& admission) {
  in.integer("half_open_max", admission.half_open_max, {1, kSessionsMax});
  in.integer("half_open_per_ticket", admission.half_open_per_ticket, {1, 3});
  in.integer("half_open_per_prefix", admission.half_open_per_prefix, {0, kCountMax});
  in.milliseconds("half_open_timeout", admission.half_open_timeout_ms, {1000, 600'000});
  in.choice<dp::CookieMode>("cookies", admission.cookies,
                            {{"auto", dp::CookieMode::automatic},
                             {"always", dp::CookieMode::always},
                             {"never", dp::CookieMode::never}});
  in.integer("cookie_on_forged_per_s", admission.cookie_on_forged_per_s, {1, kCountMax});
  in.integer("cookie_on_half_opens", admission.cookie_on_half_opens, {1, kCountMax});
  // Where the limit came first, no cookie would be demanded and a flood would keep everybody out.
  admission.cookie_on_half_opens =
      std::clamp(admission.half_open_max / 2, 1u, admission.cookie_on_half_opens);
  in.milliseconds("cookie_hold", admission.cookie_hold_ms, {1000, 600'000});
  in.integer("answers_per_source_per_s", admission.answers_per_source_per_s, {1, kCountMax});
  in.integer("new_issuers_per_s", admission.new_issuers_per_s, {1, kCountMax});
  in.finish();
}

void read_tickets(TableReader in, GatewayConfig& config) {
  dp::TicketConfig& tickets = config.workers.tickets;
  in.string("keyring", config.keyring.path, Presence::required);
  in.string("state_dir", config.workers.state_dir, Presence::required);
  in.seconds("lifetime", tickets.lifetime_s, {60, 366 * kDayS});
  in.seconds("reauth", tickets.reauth_s, {60, 3660 * kDayS});
  in.seconds("clock_skew", tickets.clock_skew_s, {0, 3600});
  in.integer("policy_generation", tickets.policy_generation, {0, kCountMax});
  in.integer("resumptions_max", tickets.resumptions_max, {0, 65535});
  in.boolean("require_post_quantum", tickets.require_post_quantum);
  in.value("rotate_every", config.keyring.rotate_every_s, parse_period_s);
  read_denied(in, config.denied);

  // RFC 5723 §6.2 with our keyring: a ticket must not outlive the key that opens it.
  const std::uint64_t kept_s = std::uint64_t{config.keyring.rotate_every_s} * kPreviousKeysMax;
  if (kept_s != 0 && kept_s < tickets.lifetime_s)
    in.fail(
        "rotate_every",
        fmt::format("a key opens tickets for {} rotations after it was replaced, which with {} is "
                    "less than the ticket lifetime of {}; expected at least {}",
                    kPreviousKeysMax, duration_text(config.keyring.rotate_every_s * 1000ull),
                    duration_text(tickets.lifetime_s * 1000ull),
                    duration_text((tickets.lifetime_s + kPreviousKeysMax - 1) / kPreviousKeysMax *
                                  1000ull)));
  if (tickets.reauth_s < tickets.lifetime_s)
    in.fail("reauth", fmt::format("expected at least the ticket lifetime of {}",
                                  duration_text(tickets.lifetime_s * 1000ull)));
  in.finish();
}

void read_ike(TableReader in, GatewayConfig& config) {
  IkeConfig& ike = config.ike;
  in.milliseconds("retransmit_timeout", ike.retransmit.first_ms, {100, 60'000});
  in.real("retransmit_base", ike.retransmit.factor, {1, 5});
  std::uint8_t repetitions = ike.retransmit.tries - 1;
  in.integer("retransmit_tries", repetitions, {0, 20});
  ike.retransmit.tries = static_cast<std::uint8_t>(repetitions + 1);
  in.boolean("qcd_unasked", config.workers.qcd_unasked);
  in.finish();
}

void read_pools(TableReader in, dp::ChildConfig& child) {
  in.value("ipv4", child.pool4, parse_pool4);
  in.value("ipv6", child.pool6, parse_pool6);
  in.finish();
}

void read_log(TableReader in, LogConfig& log) {
  in.choice<LogLevel>("level", log.level,
                      {{"debug", LogLevel::debug},
                       {"info", LogLevel::info},
                       {"warning", LogLevel::warning},
                       {"error", LogLevel::error}});
  in.string("file", log.file);
  in.seconds("summary_every", log.summary_every_s, {0, kDayS});
  in.finish();
}

void read_stats(TableReader in, StatsConfig& stats) {
  in.string("file", stats.file);
  in.milliseconds("every", stats.every_ms, {100, 3'600'000});
  in.finish();
}

}  // namespace cp
