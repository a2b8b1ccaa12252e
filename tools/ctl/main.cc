// resurgectl: the command line for a running gateway.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "tools/ctl/session.h"
#include "tools/ctl/table.h"

namespace {

using ctl::Json;

constexpr int kRefused = 1;
constexpr int kUsageWrong = 2;
constexpr int kUnreachable = 3;

constexpr const char* kManual = R"(EXAMPLES
  resurgectl list-sas --connection staff
  resurgectl terminate --identity alice@example.org
  resurgectl revoke --identity alice@example.org    her tickets are refused from now on
  resurgectl reload                                 like HUP, and says what was wrong
  resurgectl log                                    until interrupted
  resurgectl --json counters | jq .value

  The socket is what [control] socket in the gateway's configuration says.

EXIT STATUS
  0 done   1 the gateway refused   2 the command line is wrong   3 no gateway was reached
)";

struct Options {
  std::string socket = "/run/resurge/control";
  bool json = false;
  std::string connection, identity, ike, ticket, issuer;
  std::uint32_t generation = 0;
};

// What is printed of an answer that is not JSON.
using Layout = std::function<std::string(const std::vector<Json>&)>;

void print(const std::string& text) { fmt::print("{}", text); }

// Rows as they come with --json and for the log, as one table otherwise.
int run(const Options& options, const Json& request, const Layout& layout) {
  auto session = ctl::Session::open(options.socket);
  if (!session) {
    fmt::print(stderr, "resurgectl: {}\n", session.error().text);
    return kUnreachable;
  }
  const bool is_log = request["verb"] == "log";
  std::vector<Json> rows;
  const auto done = session->ask(request, [&](const Json& row) {
    if (options.json) {
      print(row.dump() + "\n");
    } else if (is_log) {
      print(ctl::log_text(row));
    } else {
      rows.push_back(row);
    }
    if (is_log) std::fflush(stdout);
  });
  if (!done) {
    fmt::print(stderr, "resurgectl: {}\n", done.error().text);
    return kRefused;
  }
  if (!options.json) {
    print(layout(rows));
  } else if (!done->contains("rows")) {
    print(done->dump() + "\n");
  }
  if (done->contains("text") && !options.json)
    print(ctl::printable((*done)["text"].get<std::string>()) + "\n");
  if (done->contains("closing") && !options.json)
    print(fmt::format("closing {} IKE SA(s)\n", (*done)["closing"].dump()));
  if (done->contains("need_restart") && !options.json)
    for (const Json& key : (*done)["need_restart"])
      print(fmt::format("{} has changed, which a restart will put into force\n",
                        ctl::printable(key.get<std::string>())));
  return 0;
}

void add_selection(CLI::App& verb, Options& options) {
  verb.add_option("--ike", options.ike,
                  "the IKE SA with this responder SPI: 16 hexadecimal digits");
  verb.add_option("--identity", options.identity, "of this client; \"*@example.org\" is allowed");
  verb.add_option("--connection", options.connection, "of this connection");
}

void put(Json& request, const char* name, const std::string& value) {
  if (!value.empty()) request[name] = value;
}

Json request_of(const std::string& verb, const CLI::App& app, const Options& options) {
  Json request = {{"verb", verb}};
  put(request, "ike", options.ike);
  put(request, "identity", options.identity);
  put(request, "connection", options.connection);
  put(request, "ticket", options.ticket);
  put(request, "issuer", options.issuer);
  if (verb == "revoke" && app.get_subcommand("revoke")->count("--generation") != 0)
    request["generation"] = options.generation;
  return request;
}

const std::map<std::string, Layout> kLayouts = {
    {"list-sas", ctl::sa_table},
    {"list-conns", ctl::connection_table},
    {"list-pools", ctl::pool_table},
    {"counters", ctl::counter_table},
    {"stats",
     [](const std::vector<Json>& rows) { return rows.empty() ? "" : ctl::stats_text(rows[0]); }},
};

void describe(CLI::App& app, Options& options) {
  app.name("resurgectl");
  app.require_subcommand(1);
  app.add_option("--socket", options.socket, "of the gateway")
      ->type_name("PATH")
      ->capture_default_str();
  app.add_flag("--json", options.json, "one JSON object a line instead of a table");
  add_selection(*app.add_subcommand("list-sas", "IKE SAs and their Child SAs"), options);
  app.add_subcommand("list-conns", "connections in force");
  app.add_subcommand("list-pools", "address pools and how full they are");
  app.add_subcommand("stats", "the gateway in a few lines");
  app.add_subcommand("counters", "all counters and drop reasons");
  add_selection(*app.add_subcommand("terminate", "close IKE SAs, their Child SAs with them"),
                options);
  app.add_subcommand("rotate-keys", "seal tickets with the next key from now on");
  CLI::App* revoke = app.add_subcommand("revoke", "refuse tickets from now on");
  revoke->add_option("--identity", options.identity, "of this client");
  revoke->add_option("--ticket", options.ticket, "this one: issuer:serial, see list-sas --json");
  revoke->add_option("--issuer", options.issuer, "of this issuer: 16 hexadecimal digits");
  revoke->add_option("--generation", options.generation, "of a smaller policy generation");
  revoke->require_option(1);
  app.add_subcommand("reload", "read the configuration again");
  app.add_subcommand("log", "follow the log");
  for (CLI::App* verb : app.get_subcommands({})) verb->fallthrough();
  app.footer(kManual);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Shows and steers a running resurged.");
  Options options;
  // Libraries of the command line report by exceptions; none leaves main.
  try {
    describe(app, options);
    app.parse(argc, argv);
    const std::string verb = app.get_subcommands().front()->get_name();
    const auto layout = kLayouts.find(verb);
    return run(
        options, request_of(verb, app, options),
        layout != kLayouts.end() ? layout->second
                                 : [](const std::vector<Json>&) { return std::string(); });
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsageWrong;
  } catch (const std::exception& error) {
    fmt::print(stderr, "resurgectl: {}\n", error.what());
    return kRefused;
  }
}
