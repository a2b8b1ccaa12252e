// Fuzz target: the text of a configuration. What is accepted holds what workers rely on; what is
// refused is refused with a place.
#include <cstdint>
#include <string_view>

#include "controlplane/config.h"
#include "crypto/base/error.h"
#include "ike/suite.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t len) {
  const auto* chars = static_cast<const char*>(static_cast<const void*>(octets));
  const auto config = cp::parse_config({chars, len});
  if (!config) {
    CHECK(!config.error().empty());
    for (const cp::ConfigError& error : config.error()) {
      CHECK(error.line != 0 && error.column != 0 && !error.text.empty());
      CHECK(!cp::error_line("file", error).empty());
    }
    return 0;
  }
  const dp::WorkerConfig& w = config->workers;
  CHECK(w.worker_count >= 1 && w.worker_count <= cp::kWorkersMax);
  CHECK(w.sessions_max <= cp::kSessionsMax);
  CHECK(!w.outside.device.empty() && w.outside.ip4.size() + w.outside.ip6.size() != 0);
  CHECK(w.child.pool4.count != 0 || w.child.pool6.count != 0);
  CHECK(w.child.local_ts.count >= 1 && w.child.local_ts.count <= ike::kSelectorsMax);
  CHECK(!w.child.esp_suites.empty() && !config->connections.empty());
  for (const ike::Suite& suite : w.child.esp_suites) CHECK(ike::is_supported(suite));
  for (const dp::ConnectionConfig& connection : w.connections) {
    CHECK(connection.id != 0 && !connection.ike_suites.empty());
    for (const ike::Suite& suite : connection.ike_suites) CHECK(ike::is_supported(suite));
  }
  CHECK(w.connections.size() <= config->connections.size());
  for (const cp::Connection& c : config->connections) {
    CHECK(c.id != 0 && !c.ike_suites.empty() && !c.esp_suites.empty() && !c.child_suites.empty());
    for (const ike::Suite& suite : c.esp_suites) CHECK(suite.ke == ike::KeId::none);
    CHECK(c.child_life_time_s == 0 || c.child_life_time_s > c.child_rekey_time_s);
    CHECK(c.local.auth != cp::AuthKind::eap_radius);
    const bool asks_for_key = c.local.auth == cp::AuthKind::pubkey;
    CHECK(!c.full_handshakes || asks_for_key == !c.local.key_file.empty());
  }
  for (const cp::SecretConfig& secret : config->secrets)
    CHECK(secret.secret.empty() != secret.file.empty());
  CHECK(!cp::config_summary(*config).empty());
  return 0;
}
