// Compares two configurations key by key.
#include "controlplane/config_changes.h"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>
#include <span>
#include <tuple>

namespace cp {
namespace {

bool same(const ike::SelectorList& a, const ike::SelectorList& b) {
  return std::ranges::equal(std::span(a.items).first(a.count), std::span(b.items).first(b.count));
}

// Pools and name servers are those of all connections: compared elsewhere.
bool same(const std::optional<dp::ChildConfig>& a, const std::optional<dp::ChildConfig>& b) {
  if (!a || !b) return !a && !b;
  return a->esp_suites == b->esp_suites && same(a->local_ts, b->local_ts) &&
         (a->pool4.count == 0) == (b->pool4.count == 0) &&
         (a->pool6.count == 0) == (b->pool6.count == 0);
}

bool same(const dp::ConnectionConfig& a, const dp::ConnectionConfig& b) {
  return a.name == b.name && a.auth_form == b.auth_form && a.mobike == b.mobike &&
         a.ike_suites == b.ike_suites && same(a.child, b.child);
}

class Comparison {
 public:
  Comparison(const GatewayConfig& running, const GatewayConfig& wanted)
      : running_(running), wanted_(wanted) {}

  // `get` shows the part of a configuration that `key` says.
  template <class Get>
  void key(const char* key, Get get) {
    if (!(get(running_) == get(wanted_))) keys_.emplace_back(key);
  }
  void dpdk();
  void links();
  void tickets();
  void handshakes();
  void child();
  void connections();
  void outputs();

  std::vector<std::string> keys() && { return std::move(keys_); }

 private:
  const GatewayConfig& running_;
  const GatewayConfig& wanted_;
  std::vector<std::string> keys_;
};

void Comparison::dpdk() {
  key("dpdk.eal", [](const GatewayConfig& c) { return c.dpdk.eal; });
  key("dpdk.workers", [](const GatewayConfig& c) { return c.workers.worker_count; });
  key("dpdk.worker_cpus", [](const GatewayConfig& c) { return c.dpdk.worker_cpus; });
  key("dpdk.main_cpu", [](const GatewayConfig& c) { return c.dpdk.main_cpu; });
  key("dpdk.hugepages", [](const GatewayConfig& c) { return c.dpdk.hugepages; });
  key("dpdk.memory_mib", [](const GatewayConfig& c) { return c.dpdk.memory_mib; });
}

void Comparison::links() {
  key("outside", [](const GatewayConfig& c) -> const auto& { return c.workers.outside; });
  key("inside", [](const GatewayConfig& c) {
    return std::tie(c.workers.inside, c.workers.inside_route, c.workers.clamp_mss);
  });
  key("sessions.max", [](const GatewayConfig& c) { return c.workers.sessions_max; });
  key("sessions.children_max", [](const GatewayConfig& c) { return c.workers.children_max; });
  key("admission", [](const GatewayConfig& c) -> const auto& { return c.workers.admission; });
}

void Comparison::tickets() {
  key("tickets.keyring", [](const GatewayConfig& c) { return c.keyring.path; });
  key("tickets.rotate_every", [](const GatewayConfig& c) { return c.keyring.rotate_every_s; });
  key("tickets.state_dir", [](const GatewayConfig& c) { return c.workers.state_dir; });
  key("tickets.lifetime", [](const GatewayConfig& c) { return c.workers.tickets.lifetime_s; });
  key("tickets.reauth", [](const GatewayConfig& c) { return c.workers.tickets.reauth_s; });
  key("tickets.clock_skew", [](const GatewayConfig& c) { return c.workers.tickets.clock_skew_s; });
  key("tickets.policy_generation",
      [](const GatewayConfig& c) { return c.workers.tickets.policy_generation; });
  key("tickets.resumptions_max",
      [](const GatewayConfig& c) { return c.workers.tickets.resumptions_max; });
  key("tickets.require_post_quantum",
      [](const GatewayConfig& c) { return c.workers.tickets.require_post_quantum; });
}

// Credentials of connections are read again, RADIUS conversations go on as they began.
void Comparison::handshakes() {
  key("ike",
      [](const GatewayConfig& c) { return std::pair(c.ike.retransmit, c.workers.qcd_unasked); });
  key("radius", [](const GatewayConfig& c) -> const auto& { return c.radius; });
}

void Comparison::child() {
  key("pools.ipv4", [](const GatewayConfig& c) { return c.workers.child.pool4; });
  key("pools.ipv6", [](const GatewayConfig& c) { return c.workers.child.pool6; });
  key("child.esp_proposals", [](const GatewayConfig& c) { return c.workers.child.esp_suites; });
  if (!same(running_.workers.child.local_ts, wanted_.workers.child.local_ts))
    keys_.emplace_back("child.local_ts");
  key("child.dns",
      [](const GatewayConfig& c) { return std::pair(c.workers.child.dns4, c.workers.child.dns6); });
}

// Workers know the connections that tickets may name from their start.
void Comparison::connections() {
  const auto& running = running_.workers.connections;
  const auto& wanted = wanted_.workers.connections;
  const auto note = [&](const std::string& name) {
    keys_.push_back(fmt::format("connections.{} (its tickets)", name));
  };
  for (const dp::ConnectionConfig& connection : wanted) {
    const auto known = std::ranges::find(running, connection.name, &dp::ConnectionConfig::name);
    if (known == running.end() || !same(*known, connection)) note(connection.name);
  }
  for (const dp::ConnectionConfig& connection : running)
    if (std::ranges::find(wanted, connection.name, &dp::ConnectionConfig::name) == wanted.end())
      note(connection.name);
}

void Comparison::outputs() {
  key("control.socket", [](const GatewayConfig& c) { return c.control.socket; });
  key("control.mode", [](const GatewayConfig& c) { return c.control.mode; });
  key("control.group", [](const GatewayConfig& c) { return c.control.group; });
  if (!running_.log.level_is_option)
    key("log.level", [](const GatewayConfig& c) { return c.log.level; });
  key("log.file", [](const GatewayConfig& c) { return c.log.file; });
  key("log.summary_every", [](const GatewayConfig& c) { return c.log.summary_every_s; });
  if (!running_.stats.file_is_option)
    key("stats.file", [](const GatewayConfig& c) { return c.stats.file; });
  key("stats.every", [](const GatewayConfig& c) { return c.stats.every_ms; });
}

}  // namespace

std::vector<std::string> restart_only_changes(const GatewayConfig& running,
                                              const GatewayConfig& wanted) {
  Comparison comparison(running, wanted);
  comparison.dpdk();
  comparison.links();
  comparison.tickets();
  comparison.handshakes();
  comparison.child();
  comparison.connections();
  comparison.outputs();
  return std::move(comparison).keys();
}

}  // namespace cp
