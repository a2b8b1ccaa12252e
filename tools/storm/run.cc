// Bringing a run up, watching it and writing its result.
#include "tools/storm/run.h"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <ctime>
#include <fstream>
#include <string_view>
#include <thread>

#include "controlplane/proposal_text.h"
#include "controlplane/secret_text.h"
#include "dataplane/eal.h"
#include "tools/storm/eal_arguments.h"
#include "tools/storm/polling.h"
#include "tools/storm/result.h"
#include "tools/storm/ticket_saver.h"

namespace storm {
namespace {

using Clock = std::chrono::steady_clock;

volatile std::sig_atomic_t interrupted = 0;
void on_signal(int) { interrupted = 1; }

void complain(const std::string& text) { fmt::print(stderr, "resurge-storm: {}\n", text); }

std::string machine() {
  std::ifstream file("/proc/cpuinfo");
  std::string line, model = "unknown processor";
  while (std::getline(file, line))
    if (line.starts_with("model name")) {
      model = line.substr(std::min(line.find(": ") + 2, line.size()));
      break;
    }
  utsname names{};
  uname(&names);
  return fmt::format("{}, {} CPUs, {} {}", model, std::thread::hardware_concurrency(),
                     names.sysname, names.release);
}

// What stays after set-up, in the order in which it is taken down from the end.
struct Setup {
  std::unique_ptr<TicketBag> bag;
  std::unique_ptr<ClientIdentity> identity;
  crypto::SecretBytes psk;
  std::uint32_t resuming = 0, connecting = 0;
  std::unique_ptr<dp::Eal> eal;
  std::unique_ptr<dp::Port> port;
  std::unique_ptr<ClientPaths> paths, flood_paths;
  std::unique_ptr<Framing> framing;
  std::unique_ptr<PcapWriter> pcap;
  std::unique_ptr<TicketSaver> saver;
  std::unique_ptr<Polling> polling;

  // Those by whom the run ends.
  std::uint32_t leading() const { return resuming != 0 ? resuming : connecting; }
};

template <class T>
crypto::Status keep(crypto::Result<T> made, std::unique_ptr<T>& where) {
  if (!made) return std::unexpected(made.error());
  where = std::make_unique<T>(std::move(*made));
  return {};
}

crypto::Status open_tickets(const Options& options, Setup& s) {
  if (options.tickets.empty()) return {};
  if (const auto status = keep(TicketBag::open(options.tickets), s.bag); !status) return status;
  const auto records = static_cast<std::uint32_t>(s.bag->count());
  s.resuming = options.clients == 0 ? records : options.clients;
  if (s.resuming > records)
    return crypto::fail(
        fmt::format("{}: {} tickets, {} clients asked for", options.tickets, records, s.resuming));
  return {};
}

crypto::Status open_secret(const Options& options, Setup& s) {
  s.connecting = options.connect.clients;
  if (s.connecting == 0) return {};
  auto psk = cp::load_secret(options.connect.psk_file);
  if (!psk) return std::unexpected(psk.error());
  s.psk = std::move(*psk);
  return keep(ClientIdentity::parse(options.connect.identity), s.identity);
}

crypto::Status lay_paths(const Options& options, Setup& s) {
  const auto status = keep(ClientPaths::make(options.path, s.resuming + s.connecting), s.paths);
  if (!status || options.flood.rate == 0) return status;
  PathConfig flood = options.path;
  flood.source = options.flood.source;
  return keep(ClientPaths::make(flood, options.flood.sources), s.flood_paths);
}

crypto::Status open_files(const Options& options, Setup& s) {
  if (const auto status = open_tickets(options, s); !status) return status;
  if (const auto status = open_secret(options, s); !status) return status;
  if (const auto status = lay_paths(options, s); !status) return status;
  if (!options.pcap.empty())
    if (const auto status = keep(PcapWriter::create(options.pcap), s.pcap); !status) return status;
  if (options.save_tickets.empty()) return {};
  return keep(TicketSaver::create(options.save_tickets, s.bag.get(), s.leading()), s.saver);
}

// virtio-user as client needs the socket of its peer, which may be started later than we are.
crypto::Status wait_for_peer(const Options& options) {
  constexpr std::string_view kPath = "path=";
  const std::string& device = options.device;
  const std::size_t at = device.find(kPath);
  if (!device.starts_with("net_virtio_user") || at == std::string::npos ||
      device.find("server=1") != std::string::npos)
    return {};
  const std::size_t begin = at + kPath.size();
  const std::string path = device.substr(begin, device.find(',', begin) - begin);
  const auto end = Clock::now() + std::chrono::duration<double>(options.link_timeout_s);
  for (bool told = options.quiet; access(path.c_str(), F_OK) != 0; told = true) {
    if (!told) fmt::print(stderr, "waiting for {}, the gateway's socket\n", path);
    if (interrupted != 0) return crypto::fail("interrupted");
    if (Clock::now() > end)
      return crypto::fail(fmt::format("{} did not appear within {:g} s: is the gateway running?",
                                      path, options.link_timeout_s));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return {};
}

crypto::Status bring_up(const Options& options, Setup& s) {
  if (const auto status = wait_for_peer(options); !status) return status;
  const auto arguments = eal_arguments(options, first_usable_cpu(), hugepages_are_free());
  auto eal = dp::Eal::start({arguments});
  if (!eal) return std::unexpected(eal.error());
  s.eal = std::move(*eal);
  if (s.eal->worker_lcore_count() == 0)
    return crypto::fail("EAL has one core; --lcores must name two, for progress and for polling");
  dp::LinkConfig link;
  link.device = options.device;
  link.vlan = options.vlan;
  link.mtu = options.mtu;
  link.rx_descriptors = link.tx_descriptors = options.descriptors;
  auto port = dp::Port::start(link, 1);
  if (!port) return std::unexpected(port.error());
  s.port = std::move(*port);
  if (!options.quiet)
    fmt::print(stderr, "{}\nwaiting for the link, up to {:g} s\n", s.port->description(),
               options.link_timeout_s);
  if (const auto status = s.port->wait_link_up(static_cast<unsigned>(options.link_timeout_s * 1e3));
      !status)
    return status;
  s.framing = std::make_unique<Framing>(FramingConfig{.mac = s.port->link().mac,
                                                      .vlan = options.vlan,
                                                      .mtu = options.mtu,
                                                      .gateway_mac = options.gateway_mac},
                                        *s.paths);
  const Cast cast{.bag = s.bag.get(),
                  .resuming = s.resuming,
                  .resumed_sink = s.bag != nullptr ? s.saver.get() : nullptr,
                  .identity = s.identity.get(),
                  .psk = &s.psk,
                  .connecting = s.connecting,
                  .connected_sink = s.bag == nullptr ? s.saver.get() : nullptr,
                  .flood_paths = s.flood_paths.get(),
                  .pcap = s.pcap.get()};
  s.polling = std::make_unique<Polling>(options, cast, s.port->worker(0), *s.framing);
  return s.eal->launch(0, &Polling::entry, s.polling.get());
}

// The live line: rewritten on a terminal, one line a second elsewhere.
class Progress {
 public:
  explicit Progress(bool quiet) : quiet_(quiet), terminal_(isatty(STDERR_FILENO) == 1) {}
  ~Progress() {
    if (!quiet_ && terminal_ && shown_) fmt::print(stderr, "\n");
  }
  void show(double seconds, const Totals& totals, const Tunnels* tunnels, std::uint32_t clients) {
    if (quiet_) return;
    const std::uint64_t up = totals.up();
    const double rate = seconds > at_ ? static_cast<double>(up - up_) / (seconds - at_) : 0.0;
    const std::uint64_t failed = clients - up - totals.of(Outcome::pending);
    fmt::print(stderr,
               "{}{:7.1f} s  {:>9} up  {:>9.0f}/s {} {:>6} in flight  {:>7} retransmitted  {:>6} "
               "failed{}",
               terminal_ ? "\r" : "", seconds, up, rate,
               tunnels == nullptr ? "" : fmt::format(" {:>9} back ", tunnels->totals().back.get()),
               totals.in_flight.get(), totals.retransmissions.get(), failed, terminal_ ? "" : "\n");
    shown_ = true;
    at_ = seconds;
    up_ = up;
  }

 private:
  bool quiet_, terminal_;
  bool shown_ = false;
  double at_ = 0;
  std::uint64_t up_ = 0;
};

// Samples the storm until it has ended.
std::vector<Sample> watch(const Options& options, Setup& s) {
  constexpr auto kStep = std::chrono::milliseconds(10);
  std::vector<Sample> samples;
  Progress progress(options.quiet);
  Clock::time_point start{}, shown{};
  const auto tunnels = [&] { return s.polling->tunnels_of(s.polling->leader()); };
  const auto sample = [&] {
    const Totals& totals = s.polling->leader().totals();
    const std::chrono::duration<double> elapsed = Clock::now() - start;
    const std::uint64_t back = tunnels() != nullptr ? tunnels()->totals().back.get() : 0;
    samples.push_back({.seconds = elapsed.count(),
                       .up = totals.up(),
                       .back = back,
                       .in_flight = totals.in_flight.get(),
                       .retransmissions = totals.retransmissions.get()});
  };
  for (;;) {
    const Phase phase = s.polling->phase();
    if (interrupted != 0) s.polling->stop();
    if (phase == Phase::ended) break;
    if (phase == Phase::storming) {
      if (start == Clock::time_point{}) start = shown = Clock::now();
      sample();
      if (Clock::now() - shown >= std::chrono::seconds(1)) {
        progress.show(samples.back().seconds, s.polling->leader().totals(), tunnels(), s.leading());
        shown += std::chrono::seconds(1);
      }
    }
    std::this_thread::sleep_for(kStep);
  }
  s.eal->wait();
  if (!s.polling->failure().empty()) return samples;
  if (start == Clock::time_point{}) start = Clock::now();
  sample();
  progress.show(samples.back().seconds, s.polling->leader().totals(), tunnels(), s.leading());
  return samples;
}

using Counts = std::vector<std::pair<std::string, std::uint64_t>>;

Counts counts_of(const Totals& t, bool connecting) {
  Counts counts = {{"retransmissions", t.retransmissions.get()},
                   {"restarts", t.restarts.get()},
                   {"cookies", t.cookies.get()}};
  if (connecting) {
    counts.emplace_back("invalid_ke", t.invalid_ke.get());
    counts.emplace_back("addresses", t.addresses.get());
  } else {
    counts.emplace_back("address_kept", t.address_kept.get());
    counts.emplace_back("address_changed", t.address_changed.get());
  }
  const Counts rest = {{"new_tickets", t.tickets.get()},
                       {"late_answers", t.late.get()},
                       {"unreadable_answers", t.unreadable.get()},
                       {"wrong_icv", t.wrong_icv.get()},
                       {"messages_sent", t.sent.get()},
                       {"messages_received", t.received.get()}};
  counts.insert(counts.end(), rest.begin(), rest.end());
  return counts;
}

Counts counts_of(const TunnelTotals& t) {
  return {{"echo_sent", t.sent.get()},
          {"echo_repeated", t.repeated.get()},
          {"echo_unanswered", t.given_up.get() - t.no_address.get()},
          {"echo_no_address", t.no_address.get()},
          {"echo_late", t.late.get()},
          {"esp_wrong", t.wrong.get()},
          {"esp_wrong_icv", t.wrong_icv.get()},
          {"esp_replayed", t.replayed.get()},
          {"esp_unknown_spi", t.unknown_spi.get()}};
}

Counts counts_of(const PumpCounters& p) {
  return {
      {"misaddressed", p.misaddressed.get()},
      {"wrong_checksum", p.wrong_checksum.get()},
      {"frames_out", p.frames_out.get()},
      {"frames_in", p.frames_in.get()},
      {"ring_full", p.ring_full.get()},
      {"unsendable", p.unsendable.get()},
      {"lost_on_purpose", p.lost.get()},
      {"duplicated_on_purpose", p.duplicated.get()},
      {"reordered_on_purpose", p.reordered.get()},
      {"flooded", p.flooded.get()},
  };
}

// `since_ns` is the first start of the crowd.
std::unique_ptr<TunnelResult> result_of(const Options& options, const Polling& polling,
                                        const Tunnels& tunnels, std::uint64_t since_ns) {
  const TunnelTotals& totals = tunnels.totals();
  auto result = std::make_unique<TunnelResult>();
  result->back = totals.back.get();
  const std::uint64_t last_ns = totals.last_back_ns.get();
  if (last_ns > since_ns) result->seconds = static_cast<double>(last_ns - since_ns) / 1e9;
  if (last_ns != 0)
    result->last_back_unix_s = static_cast<double>(polling.unix_ns_at_0() + last_ns) / 1e9;
  result->latency = tunnels.latency();
  result->round_trip = tunnels.round_trip();
  if (options.esp.rate == 0 || &tunnels != polling.tunnels_of(polling.leader())) return result;
  for (const auto& [time, name] :
       {std::pair{TrafficTime::storm, "storm"}, {TrafficTime::after, "after"}}) {
    const auto i = static_cast<std::size_t>(time);
    result->traffic.push_back({.name = name,
                               .sent = totals.traffic_sent[i].get(),
                               .answered = totals.traffic_answered[i].get(),
                               .latency = tunnels.traffic_latency(time)});
  }
  return result;
}

Result result_of(const Options& options, const Polling& polling, const Crowd& crowd,
                 std::uint32_t clients) {
  const Totals& totals = crowd.totals();
  Result result;
  const bool connecting = &crowd == polling.connector();
  if (connecting) result.success = Outcome::connected;
  result.tickets_wanted = connecting && options.ticket_request;
  result.clients = clients;
  const std::uint64_t first_ns = totals.first_start_ns.get();
  const std::uint64_t last_ns = totals.last_up_ns.get();
  if (last_ns > first_ns) result.seconds = static_cast<double>(last_ns - first_ns) / 1e9;
  if (last_ns != 0) {
    const auto unix_s = [&](std::uint64_t ns) {
      return static_cast<double>(polling.unix_ns_at_0() + ns) / 1e9;
    };
    result.first_up_unix_s = unix_s(totals.first_up_ns.get());
    result.last_up_unix_s = unix_s(last_ns);
  }
  for (std::size_t i = 0; i < kOutcomeCount; ++i) result.outcomes[i] = totals.outcomes[i].get();
  result.latency = crowd.latency();
  result.counts = counts_of(totals, connecting);
  if (const Tunnels* tunnels = polling.tunnels_of(crowd); tunnels != nullptr) {
    result.tunnels = result_of(options, polling, *tunnels, first_ns);
    const Counts more = counts_of(tunnels->totals());
    result.counts.insert(result.counts.end(), more.begin(), more.end());
  }
  return result;
}

Result result_of(const Options& options, const Setup& s, std::vector<Sample> samples) {
  const Polling& polling = *s.polling;
  Result result = result_of(options, polling, polling.leader(), s.leading());
  if (options.dpd && polling.initiator() != nullptr) {
    result.dpd = true;
    result.dpd_latency = polling.initiator()->dpd_latency();
    const Totals& totals = polling.initiator()->totals();
    result.counts.emplace_back("dpd_answered", totals.dpd_answered.get());
    result.counts.emplace_back("dpd_failed", totals.dpd_failed.get());
  }
  for (const auto& count : counts_of(polling.counters())) result.counts.push_back(count);
  if (polling.initiator() != nullptr && polling.connector() != nullptr)
    result.beside =
        std::make_unique<Result>(result_of(options, polling, *polling.connector(), s.connecting));
  result.samples = std::move(samples);
  const ConnectOptions& connect = options.connect;
  const std::uint32_t rate = result.connecting() ? connect.rate : options.rate;
  const std::uint32_t window = result.connecting() ? connect.window : options.window;
  result.setting = {
      {"rate", rate == 0 ? std::string("max") : fmt::format("{}/s", rate)},
      {"window", std::to_string(window)},
      {"auth_form", options.auth_form == ike::AuthForm::rfc ? "rfc" : "libreswan"},
      {"engine", std::string(polling.engine_name())},
      {"device", s.port->description()},
      {"dpdk", dp::dpdk_version()},
      {"machine", machine()},
      {"command", "resurge-storm " + options.line},
  };
  if (polling.connector() != nullptr) {
    result.setting.emplace_back("proposal", cp::ike_suite_text(connect.proposal.front()));
    result.setting.emplace_back("reuse_ke", std::to_string(connect.reuse_ke));
  }
  return result;
}

// All files are tried; the first complaint decides.
bool write_files(const Options& options, const Result& result, Setup& s) {
  bool good = true;
  const auto note = [&](const crypto::Status& status) {
    if (status) return;
    complain(status.error().text);
    good = false;
  };
  if (!options.csv.empty()) note(write_text(options.csv, to_csv(result)));
  if (!options.report.empty()) note(write_text(options.report, to_html(result)));
  if (s.pcap != nullptr) note(s.pcap->close());
  if (s.saver != nullptr) note(s.saver->commit(static_cast<std::uint64_t>(std::time(nullptr))));
  if (!options.json.empty()) note(write_text(options.json, to_json(result) + "\n"));
  return good;
}

}  // namespace

int run(const Options& options) {
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
  Setup s;
  crypto::Status ready = open_files(options, s);
  if (ready) ready = bring_up(options, s);
  if (!ready) {
    complain(ready.error().text);
    return 1;
  }
  std::vector<Sample> samples = watch(options, s);
  if (!s.polling->failure().empty()) {
    complain(s.polling->failure());
    return 1;
  }
  const Result result = result_of(options, s, std::move(samples));
  if (!options.quiet) fmt::print("{}", to_table(result));
  const bool written = write_files(options, result, s);
  const std::string objection = result.objection();
  if (!objection.empty()) complain(objection);
  return written && objection.empty() ? 0 : 1;
}

}  // namespace storm
