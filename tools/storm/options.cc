// The command line of resurge-storm.
#include "tools/storm/options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>

#include "controlplane/identity_text.h"
#include "controlplane/proposal_text.h"
#include "tools/storm/client_identity.h"

namespace storm {
namespace {

constexpr const char* kAbout =
    R"(Many IKEv2 clients connect to one gateway (--connect) or resume their sessions (--tickets,
RFC 5723), over any DPDK device, and check everything that comes back: the ICV of message 4, the
gateway's identity, its AUTH, the Child SA, and with --dpd the keys in both directions once more.
A client is back when an echo request that it sent through its tunnel has been answered through it.

A connecting client does a full handshake with a pre-shared key and asks for an address and for a
ticket; --save-tickets keeps the tickets, and a next run resumes with them. Tickets also come from
`resurge-keys mint`. A ticket is good for one resumption.)";

constexpr const char* kFooter = R"(What follows -- goes to DPDK's EAL as it stands, for example
  -- --no-huge -m 512 --no-shconf
Without it, EAL runs without hugepages when the machine has none free, on the CPU of --cpu.

Examples:
  Two processes on one machine, the gateway with net_virtio_user0,path=/run/r.sock,server=1:
    resurge-storm --tickets t.bag --gateway 198.18.0.1 --source 198.19.0.0/16 \
        --device net_vhost0,iface=/run/r.sock,client=1
  The same two, 20,000 clients connect and keep their tickets:
    resurge-storm --connect 20000 --psk-file psk --save-tickets t.bag --gateway 198.18.0.1 \
        --device net_vhost0,iface=/run/r.sock,client=1
  A NIC, 50,000 clients a second whether or not the gateway keeps up, a report:
    resurge-storm --tickets t.bag --gateway 192.0.2.1 --device 0000:3b:00.0 \
        --rate 50000 --report storm.html

Rates: with --rate R client n starts at n/R seconds and its latency counts from that moment even
when it had to wait (no coordinated omission). With --rate max a client starts as soon as one of
--window places is free; latency is then that of a saturated gateway.

With --tickets and --connect the run ends when those with tickets are through; the others are the
load beside, and what becomes of them does not decide the status. A key pair costs a client as much
as its handshake costs the gateway; --reuse-ke N lets one core of clients saturate a gateway.

--esp-rate keeps traffic on the sessions that are back while others still come; --esp-seconds goes
on with it when the storm is over, so that one run tells what came back with the storm and without.

Status: 0 when every client resumed or connected, every AUTH was right, every connected client got a
ticket, every echo came back (but with --no-echo) and, with --dpd, every session answered; 1 when
not, or when the run could not be done; 2 for a wrong command line.)";

std::string check_rate(const std::string& text, std::uint32_t& rate) {
  if (text == "max") return rate = 0, std::string();
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, rate);
  if (error == std::errc() && rest == end && rate != 0) return {};
  return fmt::format("--rate: '{}' is neither 'max' nor a number of starts a second", text);
}

std::string check_connect_rate(const std::string& text, std::uint32_t resume_rate,
                               std::uint32_t& rate) {
  if (text.empty()) return rate = resume_rate, std::string();
  std::string wrong = check_rate(text, rate);
  return wrong.empty() ? wrong : "--connect-rate" + wrong.substr(std::string("--rate").size());
}

std::string check_mac(const std::string& text, std::optional<dp::Mac>& out) {
  if (text.empty()) return {};
  dp::Mac mac{};
  const std::string wrong =
      fmt::format("--gateway-mac: '{}' is no MAC such as 02:00:5e:10:00:01", text);
  if (text.size() != 17) return wrong;
  for (std::size_t i = 0; i < mac.size(); ++i) {
    const char* at = text.data() + 3 * i;
    const auto [rest, error] = std::from_chars(at, at + 2, mac[i], 16);
    if (error != std::errc() || rest != at + 2 || (i < 5 && at[2] != ':')) return wrong;
  }
  out = mac;
  return {};
}

struct NamedSuite {
  const char* name;
  ike::Suite suite;
};
const std::array kChildSuites = {
    NamedSuite{"aes256gcm16", {.encr = ike::EncrId::aes_gcm_16, .key_bits = 256}},
    NamedSuite{"aes128gcm16", {.encr = ike::EncrId::aes_gcm_16, .key_bits = 128}},
    NamedSuite{"chacha20poly1305", {.encr = ike::EncrId::chacha20_poly1305, .key_bits = 0}},
    NamedSuite{
        "aes256-sha256",
        {.encr = ike::EncrId::aes_cbc, .key_bits = 256, .integ = ike::IntegId::hmac_sha2_256_128}},
    NamedSuite{
        "aes128-sha256",
        {.encr = ike::EncrId::aes_cbc, .key_bits = 128, .integ = ike::IntegId::hmac_sha2_256_128}},
};

// What the parser fills besides Options, to be turned into it.
struct Raw {
  std::string gateway, source, gateway_mac,
      rate = "max", auth_form = "rfc", child_suite = "aes256gcm16", engine = "mb", connect_rate,
      proposal = "aes256gcm16-prfsha256-x25519", gateway_id, flood_source;
  double loss = 0, duplicate = 0, reorder = 0, reorder_ms = 2, retry_ms = 500;
  std::uint16_t port = 500;
  unsigned tries = 7, restarts = 1, tries_message3 = 0;
  bool float_port = false, no_ticket_request = false, no_echo = false;
  std::vector<std::string> echo_to;
};

// `kind` stands for the value in the help.
template <class T>
CLI::Option* add(CLI::App& app, const char* group, const char* name, const char* kind, T& value,
                 const std::string& text) {
  return app.add_option(name, value, text)->option_text(kind)->group(group);
}

void add_target(CLI::App& app, Options& o, Raw& raw) {
  constexpr const char* kGroup = "Who and where";
  add(app, kGroup, "--tickets", "FILE", o.tickets,
      "ticket bag: one client resumes for each record");
  add(app, kGroup, "--clients", "N", o.clients, "the first N of the bag; default all")
      ->check(CLI::Range(1u, 16'777'216u));
  add(app, kGroup, "--gateway", "ADDRESS", raw.gateway, "IPv4 or IPv6 address of the gateway")
      ->required();
  add(app, kGroup, "--gateway-mac", "MAC", raw.gateway_mac,
      "its MAC; default: asked for by ARP or neighbour discovery");
  add(app, kGroup, "--source", "PREFIX", raw.source,
      "prefix over which clients are spread; default 198.19.0.0/16 or 2001:2:0:1::/64");
  add(app, kGroup, "--source-port", "PORT", o.path.first_source_port,
      "first UDP port of clients; default 20000")
      ->check(CLI::Range(1, 65535));
  add(app, kGroup, "--port", "PORT", raw.port, "UDP port of the gateway: 500 or 4500; default 500")
      ->check(CLI::IsMember({500, 4500}));
  app.add_flag("--float", raw.float_port, "message 3 and later go to 4500 after message 1 to 500")
      ->group(kGroup);
  add(app, kGroup, "--device", "DEVICE", o.device,
      "DPDK device: PCI address, or vdev with its arguments")
      ->required();
  add(app, kGroup, "--cpu", "CPU", o.cpu,
      "CPU of the polling thread; default the first we may use");
  add(app, kGroup, "--vlan", "ID", o.vlan, "VLAN id; default untagged")->check(CLI::Range(1, 4094));
  add(app, kGroup, "--mtu", "N", o.mtu, "default 1500")->check(CLI::Range(1280, 9000));
  add(app, kGroup, "--descriptors", "N", o.descriptors, "of each ring of the device; default 1024")
      ->check(CLI::Range(64, 32768));
}

void add_connect(CLI::App& app, Options& o, Raw& raw) {
  constexpr const char* kGroup = "Full handshakes";
  ConnectOptions& c = o.connect;
  add(app, kGroup, "--connect", "N", c.clients, "N clients connect by full handshakes")
      ->check(CLI::Range(1u, 2'000'000u));
  add(app, kGroup, "--psk-file", "FILE", c.psk_file,
      "the pre-shared key of all, one line, mode 0600: text, 0x... or 0s...");
  add(app, kGroup, "--identity", "PATTERN", c.identity,
      "identities; %0Nu is the client's number; default client-%07u@storm.example");
  add(app, kGroup, "--gateway-id", "IDENTITY", raw.gateway_id,
      "identity to ask the gateway for, and to insist on; default any");
  add(app, kGroup, "--proposal", "PROPOSAL", raw.proposal,
      "offered for IKE; the first group is sent; default aes256gcm16-prfsha256-x25519");
  add(app, kGroup, "--connect-rate", "R", raw.connect_rate, "starts a second; default as --rate");
  add(app, kGroup, "--connect-window", "N", c.window,
      "handshakes in flight at most; default as --window")
      ->check(CLI::Range(1u, 1'048'576u));
  add(app, kGroup, "--reuse-ke", "N", c.reuse_ke,
      "N clients in a row use one key pair; default 1, as real clients do")
      ->check(CLI::Range(1u, 16'777'216u));
  add(app, kGroup, "--flood-sa-init", "R", o.flood.rate,
      "beside all else, R requests a second of IKE_SA_INIT that lead nowhere")
      ->check(CLI::Range(1u, 10'000'000u));
  add(app, kGroup, "--flood-source", "PREFIX", raw.flood_source,
      "prefix of their invented sources; default 100.64.0.0/10 or 2001:2:0:2::/64");
  add(app, kGroup, "--flood-sources", "N", o.flood.sources,
      "how many sources; default 1000000, as far as the prefix has them")
      ->check(CLI::Range(1u, 16'777'216u));
}

void add_load(CLI::App& app, Options& o, Raw& raw) {
  constexpr const char* kGroup = "Load";
  add(app, kGroup, "--rate", "R", raw.rate, "starts a second, or 'max'; default max");
  add(app, kGroup, "--window", "N", o.window,
      "clients in flight at most; default 512 with --rate max, else 65536")
      ->check(CLI::Range(1u, 1'048'576u));
  add(app, kGroup, "--timeout", "S", o.timeout_s, "end the run after S seconds; default 120")
      ->check(CLI::PositiveNumber);
  add(app, kGroup, "--link-timeout", "S", o.link_timeout_s,
      "wait S seconds for the link and for the gateway's MAC; default 30")
      ->check(CLI::PositiveNumber);
  add(app, kGroup, "--retry-ms", "N", raw.retry_ms, "first retransmission after N ms; default 500")
      ->check(CLI::Range(1.0, 60000.0));
  add(app, kGroup, "--retry-factor", "X", o.retry.factor, "growth of the interval; default 1.8")
      ->check(CLI::Range(1.0, 10.0));
  add(app, kGroup, "--retry-jitter", "X", o.retry.jitter, "share of random change; default 0.1")
      ->check(CLI::Range(0.0, 0.9));
  add(app, kGroup, "--retry-tries", "N", raw.tries, "transmissions of one request; default 7")
      ->check(CLI::Range(1u, 50u));
  add(app, kGroup, "--retry-restarts", "N", raw.restarts,
      "new attempts with new SPIs when message 3 stays unanswered; default 1")
      ->check(CLI::Range(0u, 50u));
  add(app, kGroup, "--retry-message3", "N", raw.tries_message3,
      "unanswered transmissions of message 3 before that; default as --retry-tries")
      ->check(CLI::Range(1u, 50u));
  add(app, kGroup, "--loss", "P", raw.loss, "lose P percent of the frames, each way")
      ->check(CLI::Range(0.0, 100.0));
  add(app, kGroup, "--duplicate", "P", raw.duplicate,
      "send P percent of the frames twice, each way")
      ->check(CLI::Range(0.0, 100.0));
  add(app, kGroup, "--reorder", "P", raw.reorder, "hold P percent of the frames back, each way")
      ->check(CLI::Range(0.0, 100.0));
  add(app, kGroup, "--reorder-ms", "N", raw.reorder_ms, "for up to N ms; default 2")
      ->check(CLI::Range(0.001, 60000.0));
  add(app, kGroup, "--seed", "N", o.seed, "of loss, duplication and reordering; default 1");
}

void add_protocol(CLI::App& app, Options& o, Raw& raw) {
  constexpr const char* kGroup = "Protocol";
  add(app, kGroup, "--auth-form", "FORM", raw.auth_form, "rfc or libreswan; default rfc")
      ->check(CLI::IsMember({"rfc", "libreswan"}));
  std::vector<std::string> names;
  std::string suites = "offered for ESP:";
  for (const NamedSuite& s : kChildSuites) {
    names.emplace_back(s.name);
    suites += fmt::format(" {}", s.name);
  }
  suites += "; default the first";
  add(app, kGroup, "--child-suite", "SUITE", raw.child_suite, suites)->check(CLI::IsMember(names));
  app.add_flag("--nat-detection", o.nat_detection, "send NAT_DETECTION_* in message 1")
      ->group(kGroup);
  app.add_flag("--fragmentation", o.fragmentation, "announce IKEV2_FRAGMENTATION_SUPPORTED")
      ->group(kGroup);
  app.add_flag("--no-ticket-request", raw.no_ticket_request, "do not ask for a new ticket")
      ->group(kGroup);
  app.add_flag("--dpd", o.dpd, "afterwards one empty INFORMATIONAL on every session")
      ->group(kGroup);
  add(app, kGroup, "--engine", "NAME", raw.engine, "mb (IPsec-MB) or openssl; default mb")
      ->check(CLI::IsMember({"mb", "openssl"}));
}

void add_esp(CLI::App& app, Options& o, Raw& raw) {
  constexpr const char* kGroup = "Tunnels";
  app.add_flag("--no-echo", raw.no_echo, "send no ESP: a client that is up counts")->group(kGroup);
  app.add_option("--echo-to", raw.echo_to,
                 "inner addresses of the gateway that echo requests go to, one of each family at "
                 "most; default that of --gateway")
      ->option_text("ADDRESS")
      ->expected(1)
      ->take_all()
      ->group(kGroup);
  add(app, kGroup, "--esp-rate", "R", o.esp.rate,
      "beside all else, R echo requests a second over sessions that are back; default none")
      ->check(CLI::Range(1u, 10'000'000u));
  add(app, kGroup, "--esp-sessions", "N", o.esp.sessions,
      "only the first N sessions that are back carry them; default all")
      ->check(CLI::Range(1u, 16'777'216u));
  add(app, kGroup, "--esp-size", "N", o.esp.size, "octets of their IP packets; default 84")
      ->check(CLI::Range(65u, 1400u));
  add(app, kGroup, "--esp-seconds", "S", o.esp.seconds,
      "go on with them for S seconds after the storm; default 0")
      ->check(CLI::Range(0.0, 86400.0));
}

void add_output(CLI::App& app, Options& o) {
  constexpr const char* kGroup = "Output";
  add(app, kGroup, "--json", "FILE", o.json,
      "one line of JSON with every figure; - for standard output");
  add(app, kGroup, "--csv", "FILE", o.csv, "sessions up over time; - for standard output");
  add(app, kGroup, "--report", "FILE", o.report, "HTML page with curve and histogram");
  add(app, kGroup, "--pcap", "FILE", o.pcap, "all frames of the run, both ways");
  add(app, kGroup, "--save-tickets", "FILE", o.save_tickets,
      "ticket bag for a next run: new tickets, and the old ones of who failed");
  app.add_flag("--quiet", o.quiet, "no progress and no table")->group(kGroup);
}

// Empty, or what is wrong.
std::string settle_connect(const Raw& raw, Options& o) {
  if (o.tickets.empty() && o.connect.clients == 0)
    return "say --tickets FILE, --connect N, or both";
  auto proposal = cp::parse_ike_proposal(raw.proposal);
  if (!proposal) return "--proposal: " + proposal.error().text;
  o.connect.proposal = std::move(*proposal);
  if (o.connect.clients != 0) {
    if (o.connect.psk_file.empty()) return "--connect: --psk-file must name the pre-shared key";
    if (o.dpd && o.tickets.empty()) return "--dpd: only for clients that resume";
    if (const auto identity = ClientIdentity::parse(o.connect.identity); !identity)
      return "--identity: " + identity.error().text;
  }
  if (!raw.gateway_id.empty()) {
    auto body = cp::parse_identity(raw.gateway_id);
    if (!body) return "--gateway-id: " + body.error().text;
    o.connect.gateway_id = std::move(*body);
  }
  std::string source = raw.flood_source;
  if (source.empty()) source = o.path.gateway.is_ip6 ? "2001:2:0:2::/64" : "100.64.0.0/10";
  const auto prefix = parse_prefix(source);
  if (!prefix) return "--flood-source: " + prefix.error().text;
  o.flood.source = *prefix;
  return {};
}

// Empty, or what is wrong.
std::string settle_esp(const Raw& raw, Options& o) {
  EspOptions& esp = o.esp;
  esp.echo = !raw.no_echo;
  if (raw.no_echo && (esp.rate != 0 || !raw.echo_to.empty()))
    return "--no-echo: then nothing goes through the tunnels, and --esp-rate and --echo-to say "
           "nothing";
  if (esp.rate == 0 && (esp.sessions != 0 || esp.seconds != 0))
    return "--esp-sessions, --esp-seconds: of the traffic that --esp-rate asks for";
  std::vector<std::string> targets = raw.echo_to;
  if (targets.empty()) targets.push_back(to_text(o.path.gateway));
  for (const std::string& text : targets) {
    const auto address = parse_address(text);
    if (!address) return "--echo-to: " + address.error().text;
    if (address->is_ip6 ? esp.target6.has_value() : esp.target4.has_value())
      return "--echo-to: two addresses of one family";
    if (address->is_ip6) {
      esp.target6 = address->octets;
    } else {
      esp.target4.emplace();
      std::copy_n(address->octets.begin(), esp.target4->size(), esp.target4->begin());
    }
  }
  return {};
}

// Empty, or what is wrong.
std::string settle(const Raw& raw, Options& o) {
  std::string wrong = check_rate(raw.rate, o.rate);
  if (wrong.empty()) wrong = check_connect_rate(raw.connect_rate, o.rate, o.connect.rate);
  if (wrong.empty()) wrong = check_mac(raw.gateway_mac, o.gateway_mac);
  if (!wrong.empty()) return wrong;
  const auto gateway = parse_address(raw.gateway);
  if (!gateway) return "--gateway: " + gateway.error().text;
  o.path.gateway = *gateway;
  std::string source = raw.source;
  if (source.empty()) source = gateway->is_ip6 ? "2001:2:0:1::/64" : "198.19.0.0/16";
  const auto prefix = parse_prefix(source);
  if (!prefix) return "--source: " + prefix.error().text;
  o.path.source = *prefix;
  if (raw.float_port && raw.port != dp::kIkePort) return "--float: message 1 must go to port 500";
  o.path.gateway_port = raw.port;
  o.path.later_gateway_port = raw.float_port ? dp::kNatPort : raw.port;
  o.auth_form = raw.auth_form == "rfc" ? ike::AuthForm::rfc : ike::AuthForm::libreswan;
  for (const NamedSuite& s : kChildSuites)
    if (raw.child_suite == s.name) o.child_suite = s.suite;
  if (wrong = settle_connect(raw, o); !wrong.empty()) return wrong;
  if (wrong = settle_esp(raw, o); !wrong.empty()) return wrong;
  o.ticket_request = !raw.no_ticket_request;
  if (!o.ticket_request && !o.save_tickets.empty())
    return "--save-tickets: with --no-ticket-request there are no new tickets";
  o.openssl = raw.engine == "openssl";
  if (o.connect.window == 0) {
    o.connect.window = o.window;
    if (o.window == 0) o.connect.window = o.connect.rate == 0 ? 512 : 65536;
  }
  if (o.window == 0) o.window = o.rate == 0 ? 512 : 65536;
  o.retry.first_ns = static_cast<std::uint64_t>(raw.retry_ms * 1e6);
  o.retry.tries = static_cast<std::uint8_t>(raw.tries);
  o.retry.restarts = static_cast<std::uint8_t>(raw.restarts);
  o.retry.tries_message3 = static_cast<std::uint8_t>(raw.tries_message3);
  o.impairments = {.loss = raw.loss / 100,
                   .duplicate = raw.duplicate / 100,
                   .reorder = raw.reorder / 100,
                   .reorder_ns_max = static_cast<std::uint64_t>(raw.reorder_ms * 1e6)};
  return {};
}

}  // namespace

CommandLine read_command_line(int argc, char** argv) {
  Options o;
  Raw raw;
  CLI::App app(kAbout, "resurge-storm");
  app.footer(kFooter);
  app.get_formatter()->column_width(26);
  app.get_formatter()->label("REQUIRED", "(required)");
  add_target(app, o, raw);
  add_connect(app, o, raw);
  add_load(app, o, raw);
  add_protocol(app, o, raw);
  add_esp(app, o, raw);
  add_output(app, o);
  const std::vector<std::string> all(argv + 1, argv + argc);
  const auto end = std::ranges::find(all, "--");
  for (const std::string& argument : all) o.line += (o.line.empty() ? "" : " ") + argument;
  if (end != all.end()) o.eal.assign(end + 1, all.end());
  // CLI11 takes the arguments from the back.
  std::vector<std::string> ours(all.begin(), end);
  std::ranges::reverse(ours);
  try {
    app.parse(ours);
  } catch (const CLI::ParseError& error) {
    return {std::nullopt, app.exit(error) == 0 ? 0 : 2};
  }
  o.cpu_given = app.count("--cpu") != 0;
  if (const std::string wrong = settle(raw, o); !wrong.empty()) {
    fmt::print(stderr, "resurge-storm: {}\n", wrong);
    return {std::nullopt, 2};
  }
  return {std::move(o), 0};
}

}  // namespace storm
