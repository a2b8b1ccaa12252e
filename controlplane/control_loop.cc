// The rounds of the control thread.
#include "controlplane/control_loop.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace cp {
namespace {

// How long a worker's question can wait: well below the first retransmission of a client.
constexpr int kRoundMs = 20;
// What time synchronisation may take back without a word.
constexpr std::uint64_t kClockSlackS = 60;

crypto::Status status_of(const auto& result) {
  if (result) return {};
  return std::unexpected(result.error());
}

}  // namespace

Time time_now() {
  using std::chrono::duration_cast;
  const auto mono = std::chrono::steady_clock::now().time_since_epoch();
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  return {.ms = static_cast<std::uint64_t>(duration_cast<std::chrono::milliseconds>(mono).count()),
          .unix_s = static_cast<std::uint64_t>(duration_cast<std::chrono::seconds>(wall).count())};
}

bool Periodic::is_due(std::uint64_t now_ms) {
  if (period_ms_ == 0) return false;
  const bool due = due_ms_ != 0 && now_ms >= due_ms_;
  if (due || due_ms_ == 0) due_ms_ = now_ms + period_ms_;
  return due;
}

ControlLoop::ControlLoop(Parts parts, Time now)
    : parts_(std::move(parts)),
      start_(now),
      stock_(parts_.workers, parts_.random,
             std::max(parts_.config.workers.tickets.lifetime_s,
                      parts_.config.workers.tickets.reauth_s)),
      summary_(std::uint64_t{parts_.config.log.summary_every_s} * 1000),
      stats_(parts_.config.stats.file.empty() ? 0 : parts_.config.stats.every_ms),
      last_summary_ms_(now.ms) {}

Time ControlLoop::judged(Time now) {
  const std::uint64_t latest_s = parts_.workers.latest_wall_s();
  crypto::Status status;
  if (now.unix_s + kClockSlackS < latest_s)
    status = crypto::fail(
        "was at least " + std::to_string(latest_s) + " (seconds since 1970) before and went back; "
        "tickets are judged by that time until the clock has caught up. If it was that far ahead "
        "by mistake, see clock-mark in docs/operations.md");
  note("wall clock", status);
  now.unix_s = std::max(now.unix_s, latest_s);
  return now;
}

void ControlLoop::prepare(const Time& wall) {
  const Time now = judged(wall);
  note("rotating ticket keys", status_of(parts_.keys.rotate_if_due(now.unix_s)));
  parts_.workers.publish(parts_.keys.keyring().snapshot());
  parts_.workers.publish(dp::DenyList(parts_.config.denied));
  note("drawing issuers", stock_.refill(now.unix_s));
}

void ControlLoop::round(const Time& wall) {
  const Time now = judged(wall);
  note("opening used-sets", status_of(stock_.answer_requests(now.unix_s)));
  note("drawing issuers", stock_.refill(now.unix_s));
  if (rotation_.is_due(now.ms)) rotate(now);
  if (sweep_.is_due(now.ms)) look_after_issuers(now);
  if (flush_.is_due(now.ms)) note("writing used tickets", parts_.workers.flush_issuers());
  if (summary_.is_due(now.ms)) summarize(now);
  if (stats_.is_due(now.ms)) write_stats(now);
  parts_.workers.reclaim();
}

void ControlLoop::rotate(const Time& now) {
  const auto rotated = parts_.keys.rotate_if_due(now.unix_s);
  note("rotating ticket keys", status_of(rotated));
  if (!rotated || !*rotated) return;
  parts_.workers.publish(parts_.keys.keyring().snapshot());
  parts_.log.info("ticket keys rotated: {:08x} seals now",
                  parts_.keys.keyring().current().id.value());
}

void ControlLoop::look_after_issuers(const Time& now) {
  const auto removed = stock_.sweep(now.unix_s);
  note("keeping used-sets", status_of(removed));
  if (removed && *removed != 0) parts_.log.info("{} expired used-sets removed", *removed);
}

void ControlLoop::reload() {
  const auto changed = parts_.keys.reload();
  note("reading the keyring again", status_of(changed));
  if (changed && *changed) parts_.workers.publish(parts_.keys.keyring().snapshot());
  if (changed)
    parts_.log.info("reload: keyring {}, {:08x} seals", *changed ? "read again" : "is unchanged",
                    parts_.keys.keyring().current().id.value());
  auto config = load_config(parts_.config_path);
  if (!config) {
    for (const std::string& line : config.error()) parts_.log.error("reload: {}", line);
    return;
  }
  parts_.log.info("reload: {} identities and {} issuers denied; other settings need a restart",
                  config->denied.identities.size(), config->denied.issuers.size());
  parts_.workers.publish(std::move(config->denied));
}

void ControlLoop::run(Signals& signals) {
  while (true) {
    switch (signals.wait(kRoundMs)) {
      case Wake::stop:
        return;
      case Wake::reload:
        reload();
        break;
      case Wake::timeout:
        break;
    }
    round(time_now());
  }
}

std::string ControlLoop::finish(const Time& now) {
  note("writing used tickets", parts_.workers.flush_issuers());
  if (!parts_.config.stats.file.empty()) write_stats(now);
  return final_report(totals_of(parts_.workers), seconds_since_start(now));
}

void ControlLoop::summarize(const Time& now) {
  const Totals totals = totals_of(parts_.workers);
  const double seconds = static_cast<double>(now.ms - last_summary_ms_) / 1000;
  if (seconds > 0) parts_.log.info("{}", summary_line(totals, last_totals_, seconds));
  last_totals_ = totals;
  last_summary_ms_ = now.ms;
}

void ControlLoop::write_stats(const Time& now) {
  const StatsHead head{.version = parts_.version,
                       .unix_s = now.unix_s,
                       .uptime_s = seconds_since_start(now),
                       .tsc_hz = parts_.tsc_hz};
  note("writing stats", replace_file(parts_.config.stats.file, stats_json(head, parts_.workers)));
}

void ControlLoop::note(std::string_view what, const crypto::Status& status) {
  const auto known = failures_.find(what);
  if (status) {
    if (known == failures_.end()) return;
    parts_.log.info("{}: works again", what);
    failures_.erase(known);
    return;
  }
  if (known != failures_.end() && known->second == status.error().text) return;
  parts_.log.error("{}: {}", what, status.error().text);
  failures_.insert_or_assign(std::string(what), status.error().text);
}

}  // namespace cp
