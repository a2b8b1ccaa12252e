// Rows for resurgectl.
#include "controlplane/loop_verbs.h"

#include <fmt/format.h>

#include <algorithm>

#include "controlplane/sa_listing.h"
#include "controlplane/totals.h"
#include "controlplane/value_text.h"

namespace cp {
namespace {

// Commands to close SAs that still look for them.
constexpr std::size_t kEndingsMax = 16;
// SAs that were found and wait: no gateway has more.
constexpr std::size_t kClosingMax = std::size_t{1} << 24;

}  // namespace

crypto::Status LoopVerbs::check(const CtlSelection& selection) const {
  const unsigned count = workers_.worker_count();
  if (selection.worker && *selection.worker >= count)
    return crypto::fail(
        fmt::format("there is no worker {}: they are 0 to {}", *selection.worker, count - 1));
  return {};
}

crypto::Result<std::unique_ptr<CtlListing>> LoopVerbs::list_sas(const CtlSelection& selection,
                                                                std::uint64_t limit) {
  if (const auto good = check(selection); !good) return std::unexpected(good.error());
  return std::make_unique<SaListing>(plane_.plane(), plane_.reports(), selection, limit);
}

const std::vector<Connection>& LoopVerbs::connections() {
  return plane_.plane().policy->connections();
}

std::vector<CtlPool> LoopVerbs::list_pools() {
  std::vector<CtlPool> pools;
  const dp::ChildConfig& child = config_.workers.child;
  if (child.pool4.count != 0)
    pools.push_back({"ipv4", pool_text(child.pool4), child.pool4.count, workers_.held4()});
  if (child.pool6.count != 0)
    pools.push_back({"ipv6", pool_text(child.pool6), child.pool6.count, workers_.held6()});
  return pools;
}

CtlStats LoopVerbs::stats() {
  const Time now = time_now();
  const Totals totals = totals_of(workers_);
  CtlStats stats;
  stats.version = version_;
  stats.uptime_s = (now.ms - started_.ms) / 1000;
  stats.workers = workers_.worker_count();
  stats.worker_sessions = totals["sessions"];
  stats.ike_sas = plane_.sas().authenticated_count();
  stats.half_open = plane_.sas().half_open_count();
  plane_.sas().for_each([&](IkeSa& sa) { stats.child_sas += sa.children.size(); });
  stats.closing = plane_.machine().resumed_closing();
  stats.issuers = workers_.issuer_count();
  stats.sealing_key = fmt::format("{:08x}", keys_.keyring().current().id.value());
  const std::uint64_t rotated_s = keys_.rotated_s();
  stats.key_age_s = now.unix_s > rotated_s ? now.unix_s - rotated_s : 0;
  stats.config_read_s = (now.ms - std::max(loop_.reloaded_ms(), started_.ms)) / 1000;
  return stats;
}

std::vector<CtlValue> LoopVerbs::counters() {
  std::vector<CtlValue> values;
  const PlaneCounters& plane = plane_.counters();
  for (const PlaneCounterRow& row : kPlaneCounterRows)
    values.push_back(
        {"control." + std::string(row.name), plane.*row.value, std::string(row.meaning)});
  const Totals totals = totals_of(workers_);
  for (std::size_t i = 0; i < kCounterCount; ++i)
    values.push_back({std::string(kCounterRows[i].name), totals.counters[i],
                      std::string(kCounterRows[i].meaning)});
  for (std::size_t i = 1; i < dp::kDropCount; ++i)
    values.push_back({"drop." + std::string(dp::kDropInfo[i].name), totals.drops[i],
                      std::string(dp::kDropInfo[i].meaning)});
  return values;
}

crypto::Result<std::shared_ptr<const CtlEnding>> LoopVerbs::terminate(
    const CtlSelection& selection) {
  if (selection.says_nothing())
    return crypto::fail("say which: an SPI, an identity, a connection, an address or a worker");
  if (const auto good = check(selection); !good) return std::unexpected(good.error());
  std::erase_if(endings_, [](const auto& ending) { return ending->ending()->is_over; });
  if (endings_.size() >= kEndingsMax || plane_.machine().resumed_closing() >= kClosingMax)
    return crypto::fail("too many IKE SAs are being closed: try again in a while");
  endings_.push_back(
      std::make_unique<SaEnding>(plane_.plane(), plane_.machine(), plane_.reports(), selection));
  return endings_.back()->ending();
}

}  // namespace cp
