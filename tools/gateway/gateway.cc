// Brings the gateway up, runs it and takes it down.
#include "tools/gateway/gateway.h"

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <latch>
#include <memory>
#include <vector>

#include "controlplane/control_loop.h"
#include "controlplane/ctl_log_sink.h"
#include "controlplane/log.h"
#include "controlplane/loop_verbs.h"
#include "crypto/engine.h"
#include "crypto/key_exchange.h"
#include "dataplane/eal.h"
#include "dataplane/port.h"
#include "dataplane/worker.h"
#include "tools/gateway/control_start.h"
#include "tools/gateway/eal_arguments.h"
#include "tools/gateway/service_notice.h"
#include "tools/gateway/stale_socket.h"
#include "tools/gateway/worker_plane.h"

namespace gateway {
namespace {

// One worker and what its core needs to make it and to run it.
struct Seat {
  unsigned index = 0;
  dp::SharedState* shared = nullptr;
  dp::PacketPort* port = nullptr;
  const dp::Link* link = nullptr;
  dp::InsidePort inside;           // without a port: there is none
  std::latch* finished = nullptr;  // of the function that runs on the core now
  std::unique_ptr<dp::Worker> worker;
  crypto::Status made;
};

// On the worker's core, so that its memory is of that core's node.
void make_worker(Seat& seat) {
  auto engine = crypto::make_mb_engine();
  if (engine == nullptr) {
    seat.made = crypto::fail("this processor lacks SSE4.2, AES-NI or PCLMULQDQ");
    return;
  }
  auto worker = dp::Worker::make(seat.index, *seat.shared, std::move(engine), *seat.port,
                                 *seat.link, std::make_unique<crypto::Random>(), dp::tsc,
                                 seat.inside.port != nullptr ? &seat.inside : nullptr);
  if (worker) {
    seat.worker = std::move(*worker);
  } else {
    seat.made = std::unexpected(worker.error());
  }
}

void run_worker(Seat& seat) {
  dp::TscClock clock;
  dp::Quiescence& quiescence = seat.shared->quiescence;
  quiescence.online(seat.index, true);
  while (!seat.shared->stop.load(std::memory_order_relaxed)) seat.worker->run_once(clock.now());
  quiescence.online(seat.index, false);
}

template <void (*kFunction)(Seat&)>
void on_core(void* argument) {
  Seat& seat = *static_cast<Seat*>(argument);
  kFunction(seat);
  seat.finished->count_down();
}

// Starts `entry` on every worker's core. `finished` counts those that have returned; waiting for it
// sleeps, which waiting in EAL does not.
crypto::Status on_all_cores(dp::Eal& eal, std::vector<Seat>& seats, std::latch& finished,
                            dp::Eal::Entry entry) {
  crypto::Status status;
  for (Seat& seat : seats) {
    seat.finished = &finished;
    if (status) status = eal.launch(seat.index, entry, &seat);
    if (!status) finished.count_down();
  }
  return status;
}

crypto::Status make_workers(dp::Eal& eal, std::vector<Seat>& seats) {
  std::latch finished(static_cast<std::ptrdiff_t>(seats.size()));
  const auto launched = on_all_cores(eal, seats, finished, on_core<make_worker>);
  finished.wait();
  eal.wait();
  if (!launched) return launched;
  for (const Seat& seat : seats)
    if (!seat.made) return seat.made;
  return {};
}

// Key octets belong neither into a core file nor into swap. Best effort: both need no more than
// this to work where we are root, and nothing depends on them.
void protect_memory(spdlog::logger& log) {
  if (prctl(PR_SET_DUMPABLE, 0) != 0) log.warn("core files stay on: {}", std::strerror(errno));
  if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0)
    log.debug("memory is not locked: {}", std::strerror(errno));
}

void announce(spdlog::logger& log, std::string_view state) {
  if (const auto told = notify_service(state); !told) log.warn("{}", told.error().text);
}

// The devices of both sides, which may be one; frames of one leave by the other.
struct Ports {
  Ports() = default;
  Ports(const Ports&) = delete;
  Ports& operator=(const Ports&) = delete;
  ~Ports() {
    for (dp::Port* port : {first.get(), second.get()})
      if (port != nullptr) port->close();
  }

  crypto::Status start(const dp::WorkerConfig& workers, spdlog::logger& log) {
    dp::LinkConfig device = workers.outside;
    if (workers.shares_port()) device.mtu = std::max(workers.outside.mtu, workers.inside.mtu);
    auto status = start(first, "outside", device, workers.worker_count, log);
    if (status && !workers.inside.device.empty() && !workers.shares_port())
      status = start(second, "inside", workers.inside, workers.worker_count, log);
    if (!status) return status;
    if (workers.shares_port()) log.info("inside: VLAN {} of the same", workers.inside.vlan);
    outside = dp::link_of(workers.outside, first->link().mac);
    if (dp::Port* port = inside_port(workers))
      inside = dp::link_of(workers.inside, port->link().mac);
    return {};
  }
  // Null when there is none.
  dp::Port* inside_port(const dp::WorkerConfig& workers) const {
    return workers.shares_port() ? first.get() : second.get();
  }

  std::unique_ptr<dp::Port> first, second;
  dp::Link outside, inside;

 private:
  static crypto::Status start(std::unique_ptr<dp::Port>& to, const char* side,
                              const dp::LinkConfig& link, unsigned worker_count,
                              spdlog::logger& log) {
    auto port = dp::Port::start(link, worker_count);
    if (!port) return std::unexpected(port.error());
    to = std::move(*port);
    log.info("{}: {}", side, to->description());
    return {};
  }
};

crypto::Result<std::unique_ptr<dp::Eal>> start_eal(const cp::GatewayConfig& config,
                                                   spdlog::logger& log) {
  const auto arguments = eal_arguments(config, look_at_machine());
  if (!arguments) return std::unexpected(arguments.error());
  std::string line = "EAL arguments:";
  for (const std::string& argument : *arguments) line.append(" ").append(argument);
  log.info("{}", line);
  const std::string socket = listening_path(config.workers.outside.device);
  if (remove_stale_socket(socket)) log.info("removed {}, which nobody listened on", socket);
  auto eal = dp::Eal::start({*arguments});
  if (eal && (*eal)->worker_lcore_count() < config.workers.worker_count)
    return crypto::fail(fmt::format(
        "{} workers need as many lcores besides the main one, and EAL was given {}: change "
        "[dpdk] workers or the lcore options in eal",
        config.workers.worker_count, (*eal)->worker_lcore_count()));
  return eal;
}

// The control socket, if there is one, and the lines of the log that it passes on.
struct ControlSocket {
  std::shared_ptr<cp::CtlLogSink> sink = std::make_shared<cp::CtlLogSink>();
  std::unique_ptr<cp::CtlServer> server;

  ~ControlSocket() { sink->attach(nullptr); }  // the log outlives the server
  crypto::Status open(const cp::ControlConfig& config, cp::CtlVerbs& verbs, spdlog::logger& log) {
    if (config.socket.empty()) return {};
    auto opened = cp::CtlServer::open(config, verbs, log);
    if (!opened) return std::unexpected(opened.error());
    server = std::move(*opened);
    sink->attach(server.get());
    log.sinks().push_back(sink);
    return {};
  }
};

// Until INT or TERM; then no worker runs any more.
crypto::Status serve(dp::Eal& eal, std::vector<Seat>& seats, cp::ControlLoop& control,
                     cp::Signals& signals, spdlog::logger& log) {
  dp::SharedState& shared = *seats.front().shared;
  std::latch finished(static_cast<std::ptrdiff_t>(seats.size()));
  const auto launched = on_all_cores(eal, seats, finished, on_core<run_worker>);
  if (launched) {
    fmt::print("READY\n");
    std::fflush(stdout);
    announce(log, "READY=1");
    control.run(signals);
    announce(log, "STOPPING=1");
  }
  shared.stop.store(true);
  finished.wait();
  eal.wait();
  return launched;
}

}  // namespace

crypto::Status run(const cp::GatewayConfig& config, const std::string& config_path,
                   cp::Signals& signals) {
  const auto log = cp::make_log(config.log);
  if (!log) return std::unexpected(log.error());
  auto keys = cp::TicketKeys::load({.path = config.keyring.path,
                                    .rotate_every_s = config.keyring.rotate_every_s,
                                    .accept_s = config.workers.tickets.lifetime_s});
  if (!keys) return std::unexpected(keys.error());
  const auto eal = start_eal(config, **log);
  if (!eal) return std::unexpected(eal.error());
  const cp::Time started = cp::time_now();
  auto used = dp::UsedSet::open(config.workers.state_dir, started.unix_s);
  if (!used) return std::unexpected(used.error());

  const auto shared = std::make_unique<dp::SharedState>(config.workers);
  shared->used = used->get();
  const auto qcd_secret = load_qcd_secret(config);
  if (!qcd_secret) return std::unexpected(qcd_secret.error());
  std::ranges::copy(qcd_secret->reveal(), shared->qcd_secret.begin());
  Ports ports;
  if (auto started_ports = ports.start(config.workers, **log); !started_ports) return started_ports;

  WorkerPlane plane(*shared, **used);
  crypto::Random random;
  const auto control_plane = start_control_plane(config, plane, *keys, random, **log);
  if (!control_plane) return std::unexpected(control_plane.error());
  auto revocations = cp::Revocations::load(config.workers.state_dir + "/revocations");
  if (!revocations) return std::unexpected(revocations.error());
  cp::ControlLoop control({.config = config,
                           .config_path = config_path,
                           .workers = plane,
                           .keys = *keys,
                           .random = random,
                           .log = **log,
                           .version = kVersion,
                           .tsc_hz = dp::tsc_hz(),
                           .plane = control_plane->get(),
                           .revocations = &*revocations},
                          started);
  cp::LoopVerbs verbs(control, **control_plane, config, plane, *keys, kVersion, started);
  ControlSocket socket;
  if (const auto opened = socket.open(config.control, verbs, **log); !opened) return opened;
  control.listen(socket.server.get());
  control.prepare(started);

  std::vector<Seat> seats(config.workers.worker_count);
  std::vector<const dp::WorkerCounters*> counters;
  for (unsigned i = 0; i < seats.size(); ++i) {
    seats[i].index = i;
    seats[i].shared = shared.get();
    seats[i].port = &ports.first->worker(i);
    seats[i].link = &ports.outside;
    if (dp::Port* inside = ports.inside_port(config.workers))
      seats[i].inside = {&inside->worker(i), ports.inside};
  }
  if (auto made = make_workers(**eal, seats); !made) return made;
  for (const Seat& seat : seats) counters.push_back(&seat.worker->counters());
  plane.watch(std::move(counters));
  protect_memory(**log);
  (*log)->info("up: {} worker(s), {} issuers mapped, {} octets for a session",
               config.workers.worker_count, (*used)->issuer_count(),
               seats.front().worker->bytes_per_session());

  if (auto served = serve(**eal, seats, control, signals, **log); !served) return served;
  (*log)->info("{}", control.finish(cp::time_now()));
  return {};
}

std::string version_text() {
  const auto engine = crypto::make_mb_engine();
  const auto reference = crypto::make_ossl_engine();
  return fmt::format("resurged {}\n{}\n{}\n{}\nML-KEM-768: {}\n", kVersion, dp::dpdk_version(),
                     engine ? engine->name() : "IPsec-MB: this processor is not supported",
                     reference->name(),
                     crypto::is_available(crypto::KeGroup::ml_kem_768)
                         ? "available"
                         : "not in this OpenSSL (3.5 and later have it)");
}

}  // namespace gateway
