// The rounds of the control thread.
#include "controlplane/control_loop.h"

#include <fmt/format.h>
#include <poll.h>
#include <time.h>

#include <algorithm>
#include <iterator>

#include "controlplane/config_changes.h"
#include "controlplane/identity_text.h"

namespace cp {
namespace {

// How long a worker's question can wait: well below the first retransmission of a client.
constexpr int kRoundMs = 20;
// What time synchronisation may take back without a word.
constexpr std::uint64_t kClockSlackS = 60;

// CPU time of this thread so far.
double thread_cpu_s() {
  timespec spent{};
  if (::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent) != 0) return 0;
  return static_cast<double>(spent.tv_sec) + static_cast<double>(spent.tv_nsec) / 1e9;
}

crypto::Status status_of(const auto& result) {
  if (result) return {};
  return std::unexpected(result.error());
}

}  // namespace

ControlLoop::ControlLoop(Parts parts, Time now)
    : parts_(std::move(parts)),
      denied_(parts_.config.denied),
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
        "was at least " + std::to_string(latest_s) +
        " (seconds since 1970) before and went back; "
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
  publish_denied();
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

CtlReload ControlLoop::reload() {
  CtlReload done;
  const auto changed = parts_.keys.reload();
  note("reading the keyring again", status_of(changed));
  if (!changed) done.mistakes.push_back(changed.error().text);
  auto config = load_config(parts_.config_path);
  if (!config) std::ranges::copy(config.error(), std::back_inserter(done.mistakes));
  std::unique_ptr<const Credentials> policy;
  if (config && parts_.plane != nullptr) {
    auto loaded = Credentials::load(*config);
    if (loaded) policy = std::move(*loaded);
    else std::ranges::copy(loaded.error(), std::back_inserter(done.mistakes));
  }
  if (changed && *changed) parts_.workers.publish(parts_.keys.keyring().snapshot());
  if (!done.mistakes.empty()) {
    for (const std::string& line : done.mistakes) parts_.log.error("reload: {}", line);
    return done;
  }
  if (policy != nullptr) parts_.plane->replace_policy(std::move(policy));
  parts_.log.info("reload: keyring {}, {:08x} seals; {} connections, {} identities and {} issuers "
                  "denied",
                  *changed ? "read again" : "is unchanged",
                  parts_.keys.keyring().current().id.value(), config->connections.size(),
                  config->denied.identities.size(), config->denied.issuers.size());
  done.need_restart = restart_only_changes(parts_.config, *config);
  for (const std::string& key : done.need_restart)
    parts_.log.warn("reload: {} has changed, which a restart will put into force", key);
  denied_ = std::move(config->denied);
  publish_denied();
  reloaded_ms_ = time_now().ms;
  return done;
}

void ControlLoop::publish_denied() {
  dp::DenyList all =
      parts_.revocations != nullptr ? parts_.revocations->merged(denied_) : denied_;
  if (parts_.plane != nullptr) parts_.plane->raise_generation(all.generation_min);
  parts_.workers.publish(std::move(all));
}

crypto::Result<std::string> ControlLoop::rotate_keys() {
  if (const auto rotated = parts_.keys.rotate(time_now().unix_s); !rotated)
    return std::unexpected(rotated.error());
  parts_.workers.publish(parts_.keys.keyring().snapshot());
  const std::string id = fmt::format("{:08x}", parts_.keys.keyring().current().id.value());
  parts_.log.info("ticket keys rotated on demand: {} seals now", id);
  return id;
}

crypto::Result<std::string> ControlLoop::revoke(const CtlRevocation& revocation) {
  using Kind = CtlRevocation::Kind;
  CHECK(parts_.revocations != nullptr);
  crypto::Status kept;
  std::string what;
  switch (revocation.kind) {
    case Kind::ticket:
      if (const auto use = parts_.workers.open_issuer(revocation.issuer, time_now().unix_s); !use)
        return std::unexpected(use.error());
      what = parts_.workers.spend_ticket(revocation.issuer, revocation.serial)
                 ? "the ticket is spent"
                 : "the ticket was spent before";
      break;
    case Kind::issuer:
      kept = parts_.revocations->add_issuer(revocation.issuer);
      what = fmt::format("tickets of issuer {:016x} are refused", revocation.issuer.value());
      break;
    case Kind::identity:
      kept = parts_.revocations->add_identity(revocation.identity);
      what = fmt::format("tickets of {} are refused", identity_text(revocation.identity));
      break;
    case Kind::generation:
      kept = parts_.revocations->raise_generation(revocation.generation);
      what = fmt::format("tickets of policy generations below {} are refused",
                         revocation.generation);
      break;
  }
  if (!kept) return std::unexpected(kept.error());
  publish_denied();
  parts_.log.info("revoked: {}", what);
  return what;
}

void ControlLoop::run(Signals& signals) {
  std::uint64_t rounded_ms = 0;
  while (true) {
    const Time now = time_now();
    const bool busy = parts_.plane != nullptr && parts_.plane->serve(judged(now));
    if (server_ != nullptr) server_->go_on(now.ms);
    if (now.ms - rounded_ms >= kRoundMs) {
      round(now);
      rounded_ms = now.ms;
    }
    if (!sleep(signals, pause_ms(now, busy))) return;
  }
}

int ControlLoop::pause_ms(const Time& now, bool busy) const {
  if (busy) return 0;
  if (parts_.plane == nullptr) return kRoundMs;
  const std::uint64_t due_ms = parts_.plane->next_deadline_ms();
  if (due_ms <= now.ms) return 0;
  return static_cast<int>(std::min<std::uint64_t>(kRoundMs, due_ms - now.ms));
}

bool ControlLoop::sleep(Signals& signals, int timeout_ms) {
  dp::Doorbell& bell = parts_.workers.doorbell();
  std::vector<pollfd> waiting = {{.fd = signals.fd(), .events = POLLIN, .revents = 0},
                                 {.fd = bell.fd(), .events = POLLIN, .revents = 0}};
  RadiusClient* radius = parts_.plane != nullptr ? parts_.plane->radius() : nullptr;
  if (radius != nullptr)
    for (const int fd : radius->fds())
      waiting.push_back({.fd = fd, .events = POLLIN, .revents = 0});
  const std::size_t radius_end = waiting.size();
  if (server_ != nullptr) waiting.push_back({.fd = server_->fd(), .events = POLLIN, .revents = 0});
  bell.will_sleep();
  // A letter that came before the bell knew that we sleep.
  if (parts_.plane != nullptr)
    for (unsigned worker = 0; worker < parts_.workers.worker_count(); ++worker)
      if (parts_.workers.next_punt(worker) != nullptr) timeout_ms = 0;
  const int ready = ::poll(waiting.data(), waiting.size(), timeout_ms);
  bell.is_awake();
  if (ready <= 0) return true;
  for (std::size_t i = 2; i < radius_end; ++i)
    if (waiting[i].revents != 0) radius->on_readable(waiting[i].fd, time_now().ms);
  if (server_ != nullptr) server_->serve(time_now().ms);
  if (waiting[0].revents == 0) return true;
  const Wake wake = signals.take();
  if (wake == Wake::reload) reload();
  return wake != Wake::stop;
}

std::string ControlLoop::finish(const Time& now) {
  note("writing used tickets", parts_.workers.flush_issuers());
  if (!parts_.config.stats.file.empty()) write_stats(now);
  return final_report(totals_of(parts_.workers), seconds_since_start(now));
}

void ControlLoop::summarize(const Time& now) {
  const Totals totals = totals_of(parts_.workers);
  const double seconds = static_cast<double>(now.ms - last_summary_ms_) / 1000;
  if (seconds > 0)
    parts_.log.info("{}{}", control_summary(seconds), summary_line(totals, last_totals_, seconds));
  last_totals_ = totals;
  last_summary_ms_ = now.ms;
}

// The control plane's part of a summary line: SAs of full handshakes.
std::string ControlLoop::control_summary(double seconds) {
  if (parts_.plane == nullptr) return "";
  const std::uint64_t handshakes = parts_.plane->counters().handshakes;
  const double rate = static_cast<double>(handshakes - last_handshakes_) / seconds;
  last_handshakes_ = handshakes;
  const SaTable& sas = parts_.plane->sas();
  return fmt::format("IKE SAs {} (half-open {}), connected {} ({:.0f}/s); ",
                     sas.authenticated_count(), sas.half_open_count(), handshakes, rate);
}

void ControlLoop::write_stats(const Time& now) {
  const RadiusClient* radius = parts_.plane != nullptr ? parts_.plane->radius() : nullptr;
  const StatsHead head{.version = parts_.version,
                       .unix_s = now.unix_s,
                       .uptime_s = seconds_since_start(now),
                       .tsc_hz = parts_.tsc_hz,
                       .plane = parts_.plane != nullptr ? &parts_.plane->counters() : nullptr,
                       .radius = radius != nullptr ? &radius->counters() : nullptr,
                       .control_cpu_s = thread_cpu_s()};
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
