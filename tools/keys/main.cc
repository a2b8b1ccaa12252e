// resurge-keys: the command line for keyrings and tickets.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <string>

#include "controlplane/config.h"
#include "controlplane/control_loop.h"
#include "controlplane/value_text.h"
#include "tools/keys/mint.h"
#include "tools/keys/ring.h"
#include "tools/keys/ticket_view.h"

namespace {

constexpr int kFailed = 1;
constexpr int kUsageWrong = 2;

constexpr const char* kManual = R"(A KEYRING'S LIFE
  resurge-keys create /var/lib/resurge/keyring      once, before the gateway's first start
  resurge-keys show /var/lib/resurge/keyring        ids, generations and ages; never a secret
  resurge-keys rotate /var/lib/resurge/keyring      by hand; the gateway rotates by itself
  resurge-keys revoke /var/lib/resurge/keyring ID   after a leak: the tickets of this key die
  kill -HUP the gateway after rotate and revoke.

TICKETS
  resurge-keys inspect TICKET --keyring FILE        TICKET: hexadecimal, Base64 or a file
  resurge-keys mint --config gateway.toml --clients 100000 --out tickets.bag
                                                    for resurge-storm

EXIT STATUS
  0 done   1 not done, standard error says why   2 the command line is wrong
)";

struct Options {
  std::string path, key_id, ticket, keyring, config, lifetime, accept = "24h";
  bool json = false, no_leases = false;
  keys::MintOrder order;
};

int fail(const std::string& why) {
  fmt::print(stderr, "resurge-keys: {}\n", why);
  return kFailed;
}

int outcome(const crypto::Status& status) { return status ? 0 : fail(status.error().text); }

std::uint64_t now_s() { return cp::time_now().unix_s; }

int show(const Options& options) {
  const auto ring = crypto::Keyring::load(options.path);
  if (!ring) return fail(ring.error().text);
  fmt::print("{}",
             options.json ? keys::ring_json(*ring, now_s()) : keys::ring_text(*ring, now_s()));
  return 0;
}

int rotate(const Options& options) {
  const auto accept_ms = cp::parse_duration_ms(options.accept);
  if (!accept_ms) return fail("--accept: " + accept_ms.error().text);
  return outcome(keys::rotate_ring(options.path, now_s(), *accept_ms / 1000));
}

int inspect(const Options& options) {
  const auto ticket = keys::read_ticket(options.ticket);
  if (!ticket) return fail(ticket.error().text);
  crypto::Result<crypto::Keyring> ring = crypto::fail("");
  if (!options.keyring.empty()) {
    ring = crypto::Keyring::load(options.keyring);
    if (!ring) return fail(ring.error().text);
  }
  const auto text = keys::ticket_text(*ticket, ring ? &*ring : nullptr, now_s());
  if (!text) return fail(text.error().text);
  fmt::print("{}", *text);
  return 0;
}

int mint(Options options) {
  const auto config = cp::load_config(options.config);
  if (!config) {
    for (const std::string& line : config.error()) fmt::print(stderr, "{}\n", line);
    return kFailed;
  }
  if (!options.lifetime.empty()) {
    const auto lifetime_ms = cp::parse_duration_ms(options.lifetime);
    if (!lifetime_ms || *lifetime_ms < 1000 || *lifetime_ms > 366ull * 86'400'000)
      return fail("--lifetime: expected a duration from 1s to 366d");
    options.order.lifetime_s = static_cast<std::uint32_t>(*lifetime_ms / 1000);
  }
  options.order.leases = !options.no_leases;
  const auto started = std::chrono::steady_clock::now();
  const auto seconds = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  };
  double shown_at = 0;
  const bool to_terminal = ::isatty(STDERR_FILENO) == 1;
  crypto::Random random;
  const auto minted = keys::mint(*config, options.order, now_s(), random, [&](std::size_t done) {
    if (!to_terminal || (seconds() - shown_at < 0.2 && done != options.order.clients)) return;
    shown_at = seconds();
    fmt::print(stderr, "\rminted {} of {}", done, options.order.clients);
  });
  if (to_terminal) fmt::print(stderr, "\n");
  if (!minted) return fail(minted.error().text);
  fmt::print("minted {} tickets into {} in {:.2f} s\n", options.order.clients,
             options.order.bag_path, seconds());
  return 0;
}

void describe_ring_commands(CLI::App& app, Options& o, int& status) {
  const auto with_path = [&](const char* name, const char* what, auto run) {
    CLI::App* command = app.add_subcommand(name, what);
    command->add_option("KEYRING", o.path, "the keyring file")->required();
    command->callback([&o, &status, run] { status = run(o); });
    return command;
  };
  with_path("create", "make a new keyring file",
            [](const Options& x) { return outcome(keys::create_ring(x.path, now_s())); });
  with_path("show", "list the keys: id, generation, age", show)
      ->add_flag("--json", o.json, "as JSON");
  with_path("rotate", "next becomes current, current becomes previous", rotate)
      ->add_option("--accept", o.accept,
                   "how long the replaced key opens tickets: their lifetime (default 24h)")
      ->type_name("DURATION");
  with_path("revoke", "remove a key, and with it its tickets",
            [](const Options& x) { return outcome(keys::revoke_key(x.path, x.key_id)); })
      ->add_option("ID", o.key_id, "eight hexadecimal digits, as show prints them")
      ->required();
}

void describe_ticket_commands(CLI::App& app, Options& o, int& status) {
  CLI::App* look = app.add_subcommand("inspect", "show what a ticket says; never its SK_d");
  look->add_option("TICKET", o.ticket, "hexadecimal, Base64, or a file")->required();
  look->add_option("--keyring", o.keyring, "to open the ticket with")->type_name("FILE");
  look->callback([&] { status = inspect(o); });

  CLI::App* make = app.add_subcommand("mint", "make tickets for a load test");
  make->add_option("--config", o.config, "the gateway's configuration")
      ->required()
      ->type_name("FILE");
  make->add_option("--clients", o.order.clients, "how many, one ticket each")->required();
  make->add_option("--out", o.order.bag_path, "the ticket bag to write")
      ->required()
      ->type_name("FILE");
  make->add_option("--connection", o.order.connection, "default: the first of the configuration");
  make->add_option("--proposal", o.order.proposal,
                   "e.g. aes128gcm16-prfsha384-x25519; default: the connection's first");
  make->add_option("--lifetime", o.lifetime, "default: that of the configuration")
      ->type_name("DURATION");
  make->add_option("--client-domain", o.order.client_domain,
                   "clients are called @clientN.DOMAIN; default example");
  make->add_option("--gateway-id", o.order.gateway_identity, "IDr; default @gateway.example");
  make->add_flag("--no-leases", o.no_leases, "without an address in the ticket");
  make->callback([&] { status = mint(o); });
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Keyrings and tickets of an IKEv2 session-resumption gateway.");
  Options options;
  int status = 0;
  // Libraries of the command line report by exceptions; none leaves main.
  try {
    umask(077);
    app.name("resurge-keys");
    app.require_subcommand(1);
    app.footer(kManual);
    describe_ring_commands(app, options, status);
    describe_ticket_commands(app, options, status);
    app.parse(argc, argv);
    return status;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsageWrong;
  } catch (const std::exception& error) {
    return fail(error.what());
  }
}
