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
  CHECK(!w.child.esp_suites.empty() && !w.connections.empty());
  for (const ike::Suite& suite : w.child.esp_suites) CHECK(ike::is_supported(suite));
  for (const dp::ConnectionConfig& connection : w.connections) {
    CHECK(connection.id != 0 && !connection.ike_suites.empty());
    for (const ike::Suite& suite : connection.ike_suites) CHECK(ike::is_supported(suite));
  }
  CHECK(!cp::config_summary(*config).empty());
  return 0;
}
