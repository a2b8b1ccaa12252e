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
constexpr int kPartly = 4;

// A table is laid out in parts of so many rows: a long list takes no more memory than a short one.
constexpr std::size_t kTableRows = 1000;
constexpr std::uint32_t kLimitOfTables = 1000;

constexpr const char* kManual = R"(EXAMPLES
  resurgectl list-sas --connection staff
  resurgectl list-sas --address 10.0.0.7            whoever has this leased address
  resurgectl --json list-sas | jq .children         all SAs, with the counters of each Child SA
  resurgectl terminate --identity alice@example.org
  resurgectl terminate --worker 2                   in batches, see "closing" in stats
  resurgectl revoke --identity alice@example.org    her tickets are refused from now on
  resurgectl reload                                 like HUP, and says what was wrong
  resurgectl log                                    until interrupted
  resurgectl --json counters | jq .value

  The socket is what [control] socket in the gateway's configuration says.

EXIT STATUS
  0 done   1 the gateway refused   2 the command line is wrong   3 no gateway was reached
  4 done in part: a worker did not answer in time, standard error says which
)";

struct Options {
  std::string socket = "/run/resurge/control";
  bool json = false;
  std::string connection, identity, ike, address, remote, ticket, issuer;
  std::uint32_t generation = 0, worker = 0, limit = 0;
};

// What is printed of an answer that is not JSON.
using Layout = std::function<std::string(const std::vector<Json>&)>;

void print(const std::string& text) { fmt::print("{}", text); }

// What stands behind the rows of an answer.
void print_end(const Json& done) {
  if (done.contains("text")) print(ctl::printable(done["text"].get<std::string>()) + "\n");
  if (done.contains("closing"))
    print(fmt::format("closing {} IKE SA(s)\n", done["closing"].dump()));
  if (done.contains("need_restart"))
    for (const Json& key : done["need_restart"])
      print(fmt::format("{} has changed, which a restart will put into force\n",
                        ctl::printable(key.get<std::string>())));
}

// What an answer lacks goes to standard error, so that nobody takes a part for the whole.
int print_missing(const Json& done) {
  std::fflush(stdout);
  fmt::print(stderr, "{}", ctl::missing_text(done));
  const auto silent = done.find("silent_workers");
  return silent != done.end() && !silent->empty() ? kPartly : 0;
}

// Rows as they come with --json and for the log, as tables otherwise.
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
    if (rows.size() == kTableRows) {
      print(layout(rows));
      rows.clear();
    }
    if (is_log) std::fflush(stdout);
  });
  if (!done) {
    fmt::print(stderr, "resurgectl: {}\n", done.error().text);
    return kRefused;
  }
  if (!options.json) {
    print(layout(rows));
    print_end(*done);
  } else if (!done->contains("rows")) {
    print(done->dump() + "\n");
  }
  return print_missing(*done);
}

void add_selection(CLI::App& verb, Options& options) {
  verb.add_option("--ike,--spi", options.ike,
                  "the IKE SA with this SPI of ours: 16 hexadecimal digits");
  verb.add_option("--identity", options.identity, "of this client; \"*@example.org\" is allowed");
  verb.add_option("--connection", options.connection, "of this connection");
  verb.add_option("--address", options.address, "of the client with this leased address");
  verb.add_option("--remote", options.remote, "of clients that come from this address");
  verb.add_option("--worker", options.worker, "whose packets come through this worker");
}

void put(Json& request, const char* name, const std::string& value) {
  if (!value.empty()) request[name] = value;
}

Json request_of(const std::string& verb, const CLI::App& app, const Options& options) {
  Json request = {{"verb", verb}};
  put(request, "ike", options.ike);
  put(request, "identity", options.identity);
  put(request, "connection", options.connection);
  put(request, "address", options.address);
  put(request, "remote", options.remote);
  const CLI::App& chosen = *app.get_subcommand(verb);
  if (const CLI::Option* worker = chosen.get_option_no_throw("--worker");
      worker != nullptr && worker->count() != 0)
    request["worker"] = options.worker;
  if (verb == "list-sas") {
    const bool said = chosen.count("--limit") != 0;
    request["limit"] = said ? options.limit : options.json ? 0 : kLimitOfTables;
  }
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
  CLI::App* list = app.add_subcommand("list-sas", "IKE SAs and their Child SAs");
  add_selection(*list, options);
  list->add_option("--limit", options.limit,
                   "rows at most; 0 = all. 1000 unless it is said, all with --json");
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
