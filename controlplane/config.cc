// Reads a configuration: the file, its syntax, its sections, and what the sections promise each
// other.
#include "controlplane/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <tuple>

#include "controlplane/config_sections.h"
#include "controlplane/secret_text.h"
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

// No client may be given an address that is ours.
void check_pools(TableReader& root, const dp::WorkerConfig& workers) {
  const auto check = [&](const auto& own, const auto& pool) {
    if (pool.count == 0) return;
    const auto base = crypto::Bytes(pool.base), tail = base.last(4);
    for (const auto& address : own) {
      const crypto::Bytes octets(address);
      const std::uint32_t place =
          crypto::load_be32(octets.last(4).data()) - crypto::load_be32(tail.data());
      if (std::ranges::equal(octets.first(octets.size() - 4), base.first(base.size() - 4)) &&
          place < pool.count)
        root.fail("pools",
                  fmt::format("expected pools without {}, our own address", address_text(address)));
    }
  };
  for (const dp::LinkConfig* link : {&workers.outside, &workers.inside}) {
    check(link->ip4, workers.child.pool4);
    check(link->ip6, workers.child.pool6);
  }
}

// RFC 8200 §5: nobody sends less than 1280 octets, so a tunnel has to carry them in one piece. The
// most that is round them: IPv6, UDP, and ESP with AES-CBC and HMAC-SHA2-512.
void check_mtu(TableReader& root, const dp::WorkerConfig& workers) {
  constexpr unsigned kLeast = 1280 + 40 + 8 + 8 + 16 + 17 + 32;
  if (workers.child.pool6.count != 0 && workers.outside.mtu < kLeast)
    root.fail("outside", fmt::format("expected an mtu of at least {} with an IPv6 pool: packets of "
                                     "1280 octets must fit a tunnel",
                                     kLeast));
}

void read_root(const toml::table& table, GatewayConfig& config, ConfigErrors& errors) {
  TableReader root(table, "", errors);
  dp::WorkerConfig& workers = config.workers;
  optional_section(root, "dpdk", errors,
                   [&](TableReader in) { read_dpdk(std::move(in), config.dpdk, workers); });
  if (const toml::table* outside = root.table("outside", Presence::required))
    read_outside(TableReader(*outside, "outside", errors), workers.outside);
  if (const toml::table* inside = root.table("inside")) {
    read_inside(TableReader(*inside, "inside", errors), workers);
    if (workers.shares_port() && workers.inside.vlan == workers.outside.vlan)
      root.fail("inside", "expected another device than that of [outside], or another vlan on it");
  }
  optional_section(root, "sessions", errors,
                   [&](TableReader in) { read_sessions(std::move(in), workers); });
  optional_section(root, "admission", errors,
                   [&](TableReader in) { read_admission(std::move(in), workers.admission); });
  if (const toml::table* tickets = root.table("tickets", Presence::required))
    read_tickets(TableReader(*tickets, "tickets", errors), config);
  if (const toml::table* pools = root.table("pools", Presence::required))
    read_pools(TableReader(*pools, "pools", errors), workers.child);
  Connection defaults;
  optional_section(root, "child", errors,
                   [&](TableReader in) { read_child(std::move(in), workers.child, defaults); });
  optional_section(root, "secrets", errors,
                   [&](TableReader in) { read_secrets(std::move(in), config.secrets); });
  optional_section(root, "authorities", errors,
                   [&](TableReader in) { read_authorities(std::move(in), config.authorities); });
  if (const toml::table* radius = root.table("radius"))
    read_radius(TableReader(*radius, "radius", errors), config.radius);
  optional_section(root, "ike", errors,
                   [&](TableReader in) { read_ike(std::move(in), config); });
  if (const toml::table* connections = root.table("connections", Presence::required))
    read_connections(TableReader(*connections, "connections", errors), defaults, config);
  optional_section(root, "control", errors,
                   [&](TableReader in) { read_control(std::move(in), config.control); });
  optional_section(root, "log", errors,
                   [&](TableReader in) { read_log(std::move(in), config.log); });
  optional_section(root, "stats", errors,
                   [&](TableReader in) { read_stats(std::move(in), config.stats); });
  if (root.table("pools") != nullptr && workers.child.pool4.count == 0 &&
      workers.child.pool6.count == 0)
    root.fail("pools", "expected ipv4, ipv6 or both: clients need addresses");
  check_pools(root, workers);
  check_mtu(root, workers);
  if (root.table("connections") != nullptr && config.connections.empty())
    root.fail("connections", "expected at least one section [connections.NAME]");
  root.finish();
}

// The same mistake can be found twice, by a section and by a check over sections.
void order(ConfigErrors& errors) {
  const auto place = [](const ConfigError& e) { return std::tie(e.line, e.column, e.key); };
  std::ranges::stable_sort(errors, {}, place);
  errors.erase(std::ranges::unique(errors, {}, place).begin(), errors.end());
}

// Some texts are secrets; what toml++ has copied on its way is out of reach.
void wipe_texts(toml::node& node) {
  if (auto* text = node.as_string())
    crypto::secure_zero(text->get().data(), text->get().size());
  else if (auto* table = node.as_table())
    for (auto&& [key, value] : *table) wipe_texts(value);
  else if (auto* array = node.as_array())
    for (toml::node& item : *array) wipe_texts(item);
}

// Without the token that toml++ quotes: it may be a secret whose quotes were forgotten.
std::string syntax_text(std::string_view description) {
  constexpr std::string_view kSaw = ", saw '";
  const std::size_t saw = description.find(kSaw);
  const bool quotes_more_than_one =
      saw != std::string_view::npos && description.size() > saw + kSaw.size() + 2;
  return std::string(quotes_more_than_one ? description.substr(0, saw) : description);
}

// File names without a folder stand beside the configuration.
void resolve_files(GatewayConfig& config, const std::filesystem::path& folder) {
  const auto resolve = [&](std::string& file) {
    if (!file.empty()) file = (folder / file).string();  // an absolute one stays as it is
  };
  for (SecretConfig& secret : config.secrets) resolve(secret.file);
  for (RadiusServer& server : config.radius.servers) resolve(server.secret_file);
  for (AuthorityConfig& authority : config.authorities) {
    resolve(authority.cacert_file);
    std::ranges::for_each(authority.crl_files, resolve);
  }
  for (Connection& connection : config.connections) {
    std::ranges::for_each(connection.local.cert_files, resolve);
    resolve(connection.local.key_file);
    std::ranges::for_each(connection.remote.cacert_files, resolve);
  }
}

bool has_secrets(const GatewayConfig& config) {
  return std::ranges::any_of(config.secrets,
                             [](const SecretConfig& s) { return !s.secret.empty(); });
}

}  // namespace

std::expected<GatewayConfig, ConfigErrors> parse_config(std::string_view text) {
  ConfigErrors errors;
  GatewayConfig config;
  // toml++ reports by exceptions; none leaves this function.
  try {
    toml::table table = toml::parse(text);
    read_root(table, config, errors);
    wipe_texts(table);
  } catch (const toml::parse_error& error) {
    const toml::source_position& at = error.source().begin;
    errors = {{at.line, at.column, "", syntax_text(error.description())}};
  }
  if (errors.empty()) return config;
  order(errors);
  return std::unexpected(std::move(errors));
}

std::expected<GatewayConfig, std::vector<std::string>> load_config(const std::string& path) {
  const auto text = read_file(path, kFileLenMax, KeepOut::no);
  if (!text) return std::unexpected(std::vector{text.error().text});
  auto config = parse_config(text_of(*text));
  if (!config) {
    std::vector<std::string> lines;
    for (const ConfigError& error : config.error()) lines.push_back(error_line(path, error));
    return std::unexpected(std::move(lines));
  }
  if (has_secrets(*config))
    if (const auto good = check_private(path); !good)
      return std::unexpected(std::vector{good.error().text});
  resolve_files(*config, std::filesystem::path(path).parent_path());
  return std::move(*config);
}

std::string error_line(std::string_view file, const ConfigError& error) {
  std::string line(file);
  if (error.line != 0) line += fmt::format(":{}:{}", error.line, error.column);
  if (!error.key.empty()) line += fmt::format(": {}", error.key);
  return line + ": " + error.text;
}

std::uint32_t connection_id(std::string_view name) {
  std::uint32_t hash = 0x811c9dc5;
  for (const char c : name) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x01000193;
  return hash == 0 ? 1 : hash;
}

}  // namespace cp
