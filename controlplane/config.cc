// Reads a configuration: the file, its syntax, its sections, and what the sections promise each
// other.
#include "controlplane/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <tuple>

#include "controlplane/config_sections.h"
#include "controlplane/proposal_text.h"
#include "controlplane/value_text.h"

namespace cp {
namespace {

constexpr std::size_t kFileLenMax = 1 << 20;

// Reads a section that may be left out: all its keys have defaults.
template <class Read>
void optional_section(TableReader& root, std::string_view name, ConfigErrors& errors, Read read) {
  static const toml::table kEmpty;
  const toml::table* table = root.table(name);
  read(TableReader(table != nullptr ? *table : kEmpty, std::string(name), errors));
}

void read_root(const toml::table& table, GatewayConfig& config, ConfigErrors& errors) {
  TableReader root(table, "", errors);
  dp::WorkerConfig& workers = config.workers;
  optional_section(root, "dpdk", errors,
                   [&](TableReader in) { read_dpdk(std::move(in), config.dpdk, workers); });
  if (const toml::table* outside = root.table("outside", Presence::required))
    read_outside(TableReader(*outside, "outside", errors), workers.outside);
  optional_section(root, "sessions", errors,
                   [&](TableReader in) { read_sessions(std::move(in), workers); });
  optional_section(root, "admission", errors,
                   [&](TableReader in) { read_admission(std::move(in), workers.admission); });
  if (const toml::table* tickets = root.table("tickets", Presence::required))
    read_tickets(TableReader(*tickets, "tickets", errors), config);
  if (const toml::table* pools = root.table("pools", Presence::required))
    read_pools(TableReader(*pools, "pools", errors), workers.child);
  optional_section(root, "child", errors,
                   [&](TableReader in) { read_child(std::move(in), workers.child); });
  if (const toml::table* connections = root.table("connections", Presence::required))
    read_connections(TableReader(*connections, "connections", errors), workers.connections, errors);
  optional_section(root, "log", errors,
                   [&](TableReader in) { read_log(std::move(in), config.log); });
  optional_section(root, "stats", errors,
                   [&](TableReader in) { read_stats(std::move(in), config.stats); });
  if (root.table("pools") != nullptr && workers.child.pool4.count == 0 &&
      workers.child.pool6.count == 0)
    root.fail("pools", "expected ipv4, ipv6 or both: clients need addresses");
  if (root.table("connections") != nullptr && workers.connections.empty())
    root.fail("connections", "expected at least one section [connections.NAME]");
  root.finish();
}

// The same mistake can be found twice, by a section and by a check over sections.
void order(ConfigErrors& errors) {
  const auto place = [](const ConfigError& e) { return std::tie(e.line, e.column, e.key); };
  std::ranges::stable_sort(errors, {}, place);
  errors.erase(std::ranges::unique(errors, {}, place).begin(), errors.end());
}

std::string suites_text(const std::vector<ike::Suite>& suites,
                        std::string (*text_of)(const ike::Suite&)) {
  if (suites.empty()) return "none";
  std::string text = text_of(suites.front());
  if (suites.size() > 1) text += fmt::format(" and {} more", suites.size() - 1);
  return text;
}

}  // namespace

std::expected<GatewayConfig, ConfigErrors> parse_config(std::string_view text) {
  ConfigErrors errors;
  GatewayConfig config;
  // toml++ reports by exceptions; none leaves this function.
  try {
    read_root(toml::parse(text), config, errors);
  } catch (const toml::parse_error& error) {
    const toml::source_position& at = error.source().begin;
    errors = {{at.line, at.column, "", std::string(error.description())}};
  }
  if (errors.empty()) return config;
  order(errors);
  return std::unexpected(std::move(errors));
}

std::expected<GatewayConfig, std::vector<std::string>> load_config(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file)
    return std::unexpected(
        std::vector{fmt::format("{}: cannot be opened: {}", path, std::strerror(errno))});
  std::string text(kFileLenMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad() || (!file && !file.eof()))
    return std::unexpected(std::vector{fmt::format("{}: cannot be read", path)});
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kFileLenMax)
    return std::unexpected(
        std::vector{fmt::format("{}: longer than {} octets", path, kFileLenMax)});
  auto config = parse_config(text);
  if (config) return std::move(*config);
  std::vector<std::string> lines;
  for (const ConfigError& error : config.error()) lines.push_back(error_line(path, error));
  return std::unexpected(std::move(lines));
}

std::string error_line(std::string_view file, const ConfigError& error) {
  std::string line(file);
  if (error.line != 0) line += fmt::format(":{}:{}", error.line, error.column);
  if (!error.key.empty()) line += fmt::format(": {}", error.key);
  return line + ": " + error.text;
}

std::string config_summary(const GatewayConfig& config) {
  const dp::WorkerConfig& w = config.workers;
  std::string text = fmt::format("device       {}, {} worker(s), {} sessions each\n",
                                 w.outside.device, w.worker_count, w.sessions_max);
  text += "addresses   ";
  for (const ike::Ip4& address : w.outside.ip4) text += fmt::format(" {}", address_text(address));
  for (const ike::Ip6& address : w.outside.ip6) text += fmt::format(" {}", address_text(address));
  text += "\n";
  if (w.child.pool4.count != 0)
    text += fmt::format("pool         {}, {} addresses\n", pool_text(w.child.pool4),
                        w.child.pool4.count);
  if (w.child.pool6.count != 0)
    text += fmt::format("pool         {}, {} addresses\n", pool_text(w.child.pool6),
                        w.child.pool6.count);
  text += fmt::format(
      "tickets      live {}, full authentication every {}, keys rotate {}\n",
      duration_text(w.tickets.lifetime_s * 1000ull), duration_text(w.tickets.reauth_s * 1000ull),
      config.keyring.rotate_every_s == 0
          ? std::string("by hand")
          : fmt::format("every {}", duration_text(config.keyring.rotate_every_s * 1000ull)));
  text += fmt::format("keyring      {}\nstate        {}\n", config.keyring.path, w.state_dir);
  text += fmt::format("child        {}\n", suites_text(w.child.esp_suites, esp_suite_text));
  for (const dp::ConnectionConfig& c : w.connections)
    text += fmt::format("connection   {} (id {:08x}): {}\n", c.name, c.id,
                        suites_text(c.ike_suites, ike_suite_text));
  return text;
}

std::uint32_t connection_id(std::string_view name) {
  std::uint32_t hash = 0x811c9dc5;
  for (const char c : name) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x01000193;
  return hash == 0 ? 1 : hash;
}

}  // namespace cp
