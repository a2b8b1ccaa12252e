// Rows for resurgectl.
#include "controlplane/loop_verbs.h"

#include <fmt/format.h>

#include <algorithm>

#include "controlplane/totals.h"
#include "controlplane/value_text.h"

namespace cp {
namespace {

std::optional<std::uint64_t> seconds_until(std::uint64_t at_ms, std::uint64_t now_ms) {
  if (at_ms == ExchangeWindow::kNever) return std::nullopt;
  return at_ms > now_ms ? (at_ms - now_ms) / 1000 : 0;
}

CtlEndpoint endpoint(const std::array<std::uint8_t, 16>& octets, bool is_ip6, std::uint16_t port) {
  if (is_ip6) return {ike::Ip6(octets), port};
  ike::Ip4 ip4;
  std::copy_n(octets.begin(), ip4.size(), ip4.begin());
  return {ip4, port};
}

CtlSa row_of(const IkeSa& sa, std::uint64_t now_ms) {
  CtlSa row;
  row.connection = sa.connection;
  row.state = state_name(sa.state);
  row.spi_i = sa.spi_i;
  row.spi_r = sa.spi_r;
  row.worker = sa.worker;
  row.local = endpoint(sa.path.local, sa.path.is_ip6, sa.path.local_port);
  row.remote = endpoint(sa.path.peer, sa.path.is_ip6, sa.path.peer_port);
  row.local_id = sa.own_id;
  row.remote_id = sa.peer_id;
  row.eap_identity.assign(sa.eap_identity.begin(), sa.eap_identity.end());
  row.suite = sa.suite;
  const std::uint64_t since_ms = sa.established_ms != 0 ? sa.established_ms : sa.created_ms;
  row.established_s = (now_ms - std::min(since_ms, now_ms)) / 1000;
  row.rekey_in_s = seconds_until(sa.rekey_at_ms, now_ms);
  row.ends_in_s = seconds_until(sa.ends_at_ms, now_ms);
  row.resumptions = sa.resumptions;
  row.nat = sa.nat_here || sa.nat_there;
  row.mobike = sa.mobike;
  if (sa.ip4) row.addresses.emplace_back(*sa.ip4);
  if (sa.ip6) row.addresses.emplace_back(*sa.ip6);
  row.issuer = sa.issuer;
  row.serial = sa.serial;
  for (const ChildSa& child : sa.children)
    row.children.push_back({.spi_in = child.spi_in,
                            .spi_out = child.spi_out,
                            .suite = child.suite,
                            .installed_s = (now_ms - std::min(child.installed_ms, now_ms)) / 1000,
                            .local_ts = child.ts_local,
                            .remote_ts = child.ts_remote});
  return row;
}

bool fits(const IkeSa& sa, const CtlSelection& selection) {
  if (selection.spi_r && *selection.spi_r != sa.our_spi()) return false;
  if (!selection.connection.empty() && selection.connection != sa.connection) return false;
  return !selection.identity ||
         (!sa.peer_id.empty() && match(*selection.identity, sa.peer_id) != IdMatch::none);
}

}  // namespace

CtlPage<CtlSa> LoopVerbs::list_sas(const CtlSelection& selection, std::uint64_t from) {
  if (from == 0) {
    order_.clear();
    plane_.sas().for_each([&](IkeSa& sa) { order_.push_back(sa.our_spi().value()); });
    std::ranges::sort(order_);
  }
  const std::uint64_t now_ms = time_now().ms;
  CtlPage<CtlSa> page;
  for (auto at = std::ranges::lower_bound(order_, from); at != order_.end(); ++at) {
    const IkeSa* sa = plane_.sas().find(ike::IkeSpi(*at));
    if (sa == nullptr || !fits(*sa, selection)) continue;
    if (page.rows.size() == kCtlPageRows) {
      page.next = *at;
      break;
    }
    page.rows.push_back(row_of(*sa, now_ms));
  }
  return page;
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

crypto::Result<std::uint64_t> LoopVerbs::terminate(const CtlSelection& selection) {
  if (!selection.spi_r && !selection.identity && selection.connection.empty())
    return crypto::fail("say which: an SPI, an identity or a connection");
  std::vector<IkeSa*> meant;
  plane_.sas().for_each([&](IkeSa& sa) {
    if (fits(sa, selection)) meant.push_back(&sa);
  });
  // Established ones by their timers, at their pace: thousands must not hold the loop up.
  const std::uint64_t now_ms = plane_.plane().now.ms;
  for (IkeSa* sa : meant) {
    if (sa->state != SaState::established) {
      plane_.machine().terminate(*sa);
      continue;
    }
    sa->ends_at_ms = now_ms;
    plane_.sas().schedule(*sa, now_ms);
  }
  if (meant.empty() && selection.spi_r) {
    if (!plane_.machine().terminate_resumed(*selection.spi_r))
      return crypto::fail("too many resumed SAs are being closed: try again in a while");
    return 1;
  }
  return meant.size();
}

}  // namespace cp
