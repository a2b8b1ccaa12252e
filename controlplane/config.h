// GatewayConfig: everything that a configuration file can say, checked whole before anything
// starts.
//
// The file is TOML; docs/configuration.md describes each key. Reading never stops at the first
// mistake: all of them are returned, ordered by place, as `file:line:column: key: what was
// expected`. Any thread; nothing here is changed after it was read, except that a reload replaces
// `denied`.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/config_error.h"
#include "controlplane/connection.h"
#include "controlplane/exchange_window.h"
#include "crypto/base/secret.h"
#include "dataplane/api/config.h"
#include "dataplane/api/handoff.h"

namespace cp {

enum class Hugepages : std::uint8_t { automatic, always, never };

// What EAL is started with.
struct DpdkConfig {
  std::vector<std::string> eal;  // passed on as they stand
  Hugepages hugepages = Hugepages::automatic;
  std::uint32_t memory_mib = 512;     // packet buffers, when there are no hugepages
  std::vector<unsigned> worker_cpus;  // one per worker; empty = EAL's own lcore options decide
  unsigned main_cpu = 0;              // of the control thread; used with worker_cpus
};

struct KeyringConfig {
  std::string path;
  std::uint32_t rotate_every_s = 12 * 3600;  // 0 = only `resurge-keys rotate` does
};

enum class LogLevel : std::uint8_t { debug, info, warning, error };

struct LogConfig {
  LogLevel level = LogLevel::info;
  bool level_is_option = false;        // the command line says it
  std::string file;                    // empty = standard error
  std::uint32_t summary_every_s = 10;  // 0 = no summary lines
};

struct StatsConfig {
  std::string file;             // empty = none
  bool file_is_option = false;  // the command line says it
  std::uint32_t every_ms = 1000;
};

// A pre-shared key: its text stands in the configuration, or in a file of its own.
struct SecretConfig {
  std::string name;            // of [secrets.NAME]
  std::vector<IdPattern> ids;  // whose it is; empty = everybody's
  crypto::SecretBytes secret;  // empty with `file`
  std::string file;
};

struct AuthorityConfig {
  std::string name;  // of [authorities.NAME]
  std::string cacert_file;
  std::vector<std::string> crl_files;
};

// What holds for all IKE SAs.
struct IkeConfig {
  RetransmitPolicy retransmit;
};

struct RadiusServer {
  std::string name;  // of [radius.servers.NAME]
  Address address;
  std::uint16_t port = 1812;
  std::string secret_file;
  bool operator==(const RadiusServer&) const = default;
};

struct RadiusConfig {
  std::vector<RadiusServer> servers;  // in the order of the file: the first that answers serves
  std::uint32_t timeout_ms = 1000;    // until a request is sent again
  std::uint32_t tries = 3;            // of one server
  std::string nas_identifier = "resurge";
  bool operator==(const RadiusConfig&) const = default;
};

struct ControlConfig {
  std::string socket;  // empty = none
  std::uint32_t mode = 0600;
  std::string group;  // empty = that of the process
};

struct GatewayConfig {
  DpdkConfig dpdk;
  dp::WorkerConfig workers;
  KeyringConfig keyring;
  dp::DenyList denied;
  LogConfig log;
  StatsConfig stats;
  std::vector<Connection> connections;  // `workers.connections` is derived from them, in order
  std::vector<SecretConfig> secrets;
  std::vector<AuthorityConfig> authorities;
  IkeConfig ike;
  RadiusConfig radius;
  ControlConfig control;
};

// A rotation keeps at most this many keys that only open (crypto::kSnapshotKeysMax less next and
// current). They must cover the lifetime of a ticket.
inline constexpr std::uint32_t kPreviousKeysMax = 6;
inline constexpr std::uint32_t kWorkersMax = 255;
inline constexpr std::uint32_t kSessionsMax = 1u << 24;  // per worker: slots that an SPI can name

using ConfigErrors = std::vector<ConfigError>;

// Reads a whole configuration from its text. A fuzz target: any octets are allowed.
std::expected<GatewayConfig, ConfigErrors> parse_config(std::string_view text);

// The same from a file; the errors are lines ready to be shown, starting with `path`. A file that
// holds secrets must be its owner's alone. Relative names of files with secrets and certificates
// are resolved beside it.
std::expected<GatewayConfig, std::vector<std::string>> load_config(const std::string& path);

// "file:line:column: key: text"; parts that are not there are left out.
std::string error_line(std::string_view file, const ConfigError& error);

// What `--check` prints: the configuration as understood, a few lines, no secrets.
std::string config_summary(const GatewayConfig& config);

// The number a ticket names its connection with: FNV-1a, 32 bits, never 0. Stable over restarts and
// gateways, because tickets carry it.
std::uint32_t connection_id(std::string_view name);

}  // namespace cp
