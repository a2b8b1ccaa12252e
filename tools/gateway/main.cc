// resurged: the command line of the gateway.
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/config.h"
#include "controlplane/credentials.h"
#include "controlplane/signals.h"
#include "tools/gateway/gateway.h"

namespace {

constexpr int kConfigWrong = 1;
constexpr int kUsageWrong = 2;
constexpr int kStartFailed = 3;

constexpr const char* kManual = R"(WHAT IT DOES
  Takes IKEv2 clients back after a restart: IKE_SESSION_RESUME and the IKE_AUTH that follows it
  (RFC 5723), on DPDK ports. Runs in the foreground; prints READY on standard output when clients
  are answered, logs to standard error (or [log] file) and, as a service, notifies systemd.

FIRST RUN
  resurge-keys create /var/lib/resurge/keyring
  resurged --check /etc/resurge/gateway.toml
  resurged /etc/resurge/gateway.toml

SIGNALS
  INT, TERM   stop: workers finish their burst, used tickets are written, a report is logged
  HUP         read the keyring again if its file changed, and the deny lists of CONFIG

EXIT STATUS
  0   stopped by a signal, or --check found nothing wrong
  1   the configuration is wrong; every mistake was printed: file:line:column: key: expected
  2   the command line is wrong
  3   could not start: DPDK, device, memory, keyring or state directory; standard error says which

FILES
  docs/configuration.md describes each key, docs/operations.md deployment, keys and counters,
  docs/examples/ has configurations to start from.
)";

struct Options {
  std::string config_path;
  bool check = false;
  std::string stats_file;
  std::optional<cp::LogLevel> log_level;
};

void describe(CLI::App& app, Options& options) {
  const std::map<std::string, cp::LogLevel> levels = {{"debug", cp::LogLevel::debug},
                                                      {"info", cp::LogLevel::info},
                                                      {"warning", cp::LogLevel::warning},
                                                      {"error", cp::LogLevel::error}};
  app.name("resurged");
  app.add_option("CONFIG", options.config_path, "the configuration, a TOML file")->required();
  app.add_flag("--check", options.check,
               "read the configuration, show what was understood, and end");
  app.add_option("--stats", options.stats_file,
                 "write counters as JSON to FILE; overrides [stats] file")
      ->type_name("FILE");
  app.add_option("--log-level", options.log_level, "overrides [log] level")
      ->transform(CLI::CheckedTransformer(levels).description(""))
      ->type_name("debug|info|warning|error");
  app.footer(kManual);
}

// Neither files nor core dumps of ours are for others.
void keep_private() {
  umask(077);
  const rlimit none{0, 0};
  if (setrlimit(RLIMIT_CORE, &none) != 0) fmt::print(stderr, "resurged: core files stay on\n");
}

void override_with(const Options& options, cp::GatewayConfig& config) {
  config.stats.file_is_option = !options.stats_file.empty();
  if (config.stats.file_is_option) config.stats.file = options.stats_file;
  config.log.level_is_option = options.log_level.has_value();
  if (options.log_level) config.log.level = *options.log_level;
}

int refuse(const std::vector<std::string>& mistakes) {
  for (const std::string& line : mistakes) fmt::print(stderr, "{}\n", line);
  return kConfigWrong;
}

int run_with(const Options& options) {
  auto config = cp::load_config(options.config_path);
  if (!config) return refuse(config.error());
  const auto credentials = cp::Credentials::load(*config);
  if (!credentials) return refuse(credentials.error());
  override_with(options, *config);
  if (options.check) {
    fmt::print("{}", cp::config_summary(*config));
    return 0;
  }
  // Before any thread exists: all of them shall leave signals to the control thread.
  auto signals = cp::Signals::block();
  const auto ran = signals ? gateway::run(*config, options.config_path, *signals)
                           : crypto::Status(std::unexpected(signals.error()));
  if (ran) return 0;
  fmt::print(stderr, "resurged: {}\n", ran.error().text);
  return kStartFailed;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("An IKEv2 gateway that takes its clients back after a restart.");
  Options options;
  // Libraries of the command line report by exceptions; none leaves main.
  try {
    describe(app, options);
    app.add_flag_callback(
        "--version",
        [] {
          fmt::print("{}", gateway::version_text());
          throw CLI::Success();
        },
        "print the versions of resurged and its libraries, and end");
    app.parse(argc, argv);
    keep_private();
    return run_with(options);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsageWrong;
  } catch (const std::exception& error) {
    fmt::print(stderr, "resurged: {}\n", error.what());
    return kStartFailed;
  }
}
