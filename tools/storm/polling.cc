// The polling thread's life.
#include "tools/storm/polling.h"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <chrono>

namespace storm {
namespace {

// After the last packet of the traffic, so that its answers can come.
constexpr std::uint64_t kDrainNs = 300'000'000;

std::uint64_t nanoseconds(double seconds) { return static_cast<std::uint64_t>(seconds * 1e9); }

}  // namespace

Polling::Polling(const Options& options, const Cast& cast, dp::PacketPort& port, Framing& framing)
    : options_(options), cast_(cast), port_(port), framing_(framing) {}

Polling::~Polling() = default;

void Polling::entry(void* polling) {
  Polling& self = *static_cast<Polling*>(polling);
  if (const crypto::Status s = self.prepare(); !s) {
    self.failure_ = s.error().text;
  } else {
    self.poll();
  }
  self.phase_.store(Phase::ended, std::memory_order_release);
}

const Crowd& Polling::leader() const {
  if (initiator_ != nullptr) return *initiator_;
  return *connector_;
}

const Tunnels* Polling::tunnels_of(const Crowd& crowd) const {
  return &crowd == initiator_.get() ? resumed_tunnels_.get() : connected_tunnels_.get();
}

// Only those by whom the run ends carry traffic.
crypto::Status Polling::make_tunnels(std::uint32_t first_client, std::uint32_t clients,
                                     SessionSink* next, std::unique_ptr<Tunnels>& tunnels) {
  const EspOptions& esp = options_.esp;
  if (!esp.echo) return {};
  const TunnelConfig config{.clients = clients,
                            .first_client = first_client,
                            .suite = options_.child_suite,
                            .target4 = esp.target4,
                            .target6 = esp.target6,
                            .retry = options_.retry,
                            .traffic_rate = first_client == 0 ? esp.rate : 0,
                            .traffic_sessions = esp.sessions,
                            .traffic_len = esp.size};
  auto made = Tunnels::make(config, *engine_, *random_, next);
  if (!made) return std::unexpected(made.error());
  tunnels = std::move(*made);
  return {};
}

crypto::Status Polling::make_initiator() {
  if (cast_.bag == nullptr) return {};
  SessionSink* sink = cast_.resumed_sink;
  if (const auto s = make_tunnels(0, cast_.resuming, sink, resumed_tunnels_); !s) return s;
  if (resumed_tunnels_ != nullptr) sink = resumed_tunnels_.get();
  const InitiatorConfig config{{.clients = cast_.resuming,
                                .flights = options_.window,
                                .rate = options_.rate,
                                .retry = options_.retry},
                               options_.auth_form,
                               options_.child_suite,
                               options_.fragmentation,
                               options_.ticket_request,
                               options_.dpd,
                               options_.nat_detection ? &framing_.paths() : nullptr};
  auto made = Initiator::make(config, *cast_.bag, *engine_, *random_, sink);
  if (!made) return std::unexpected(made.error());
  initiator_ = std::move(*made);
  return {};
}

crypto::Status Polling::make_connector() {
  if (cast_.identity == nullptr) return {};
  SessionSink* sink = cast_.connected_sink;
  if (const auto s = make_tunnels(cast_.resuming, cast_.connecting, sink, connected_tunnels_); !s)
    return s;
  if (connected_tunnels_ != nullptr) sink = connected_tunnels_.get();
  const ConnectOptions& connect = options_.connect;
  const ConnectorConfig config{{.clients = cast_.connecting,
                                .first_client = cast_.resuming,
                                .flights = connect.window,
                                .rate = connect.rate,
                                .retry = options_.retry},
                               connect.proposal,
                               options_.child_suite,
                               connect.gateway_id,
                               connect.reuse_ke,
                               options_.fragmentation,
                               options_.ticket_request,
                               options_.nat_detection ? &framing_.paths() : nullptr};
  auto made =
      Connector::make(config, *cast_.identity, cast_.psk->reveal(), *engine_, *random_, sink);
  if (!made) return std::unexpected(made.error());
  connector_ = std::move(*made);
  return {};
}

crypto::Status Polling::prepare() {
  engine_ = options_.openssl ? crypto::make_ossl_engine() : crypto::make_mb_engine();
  if (engine_ == nullptr)
    return crypto::fail("this processor lacks what IPsec-MB needs; use --engine openssl");
  random_ = std::make_unique<crypto::Random>();
  if (const crypto::Status s = make_initiator(); !s) return s;
  if (const crypto::Status s = make_connector(); !s) return s;
  if (cast_.flood_paths != nullptr) {
    const FloodConfig config{.rate = options_.flood.rate,
                             .sources = options_.flood.sources,
                             .suite = options_.connect.proposal.front()};
    auto made = Flood::make(config, *cast_.flood_paths, *random_);
    if (!made) return std::unexpected(made.error());
    flood_ = std::make_unique<Flood>(std::move(*made));
  }
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  unix_ns_at_0_ = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(wall).count());
  const PumpConfig pump{.there = options_.impairments,
                        .back = options_.impairments,
                        .seed = options_.seed,
                        .ask_again = !options_.gateway_mac.has_value(),
                        .unix_ns_at_0 = unix_ns_at_0_};
  pump_ = std::make_unique<Pump>(port_, framing_, ends(), pump, cast_.pcap);
  return {};
}

PumpEnds Polling::ends() {
  PumpEnds ends{.crowds = {}, .flood = flood_.get()};
  if (initiator_ != nullptr) ends.crowds.push_back(initiator_.get());
  if (connector_ != nullptr) ends.crowds.push_back(connector_.get());
  if (resumed_tunnels_ != nullptr) ends.tunnels.push_back(resumed_tunnels_.get());
  if (connected_tunnels_ != nullptr) ends.tunnels.push_back(connected_tunnels_.get());
  return ends;
}

// A storm of full handshakes leaves time between answers, which the gateway's control thread can
// use when it has no core of its own.
void Polling::idle() {
  if (initiator_ == nullptr) {
    sched_yield();
  } else {
    __builtin_ia32_pause();
  }
}

template <class Over>
void Polling::turn_until(std::uint64_t end_ns, Over over) {
  for (std::uint64_t now = clock_->now();
       now < end_ns && !over() && !stop_.load(std::memory_order_relaxed); now = clock_->now())
    if (pump_->turn(now) == 0) idle();
}

bool Polling::find_gateway() {
  turn_until(nanoseconds(options_.link_timeout_s), [this] { return framing_.knows_gateway(); });
  if (framing_.knows_gateway()) return true;
  failure_ = stop_.load(std::memory_order_relaxed)
                 ? "interrupted"
                 : fmt::format(
                       "{} did not tell its MAC within {:g} s: is the gateway running, and is "
                       "this its address on this link?",
                       to_text(framing_.paths().gateway()), options_.link_timeout_s);
  return false;
}

// The same traffic without the storm, for comparison; then its last answers.
void Polling::carry_traffic_on() {
  if (resumed_tunnels_ == nullptr && connected_tunnels_ == nullptr) return;
  Tunnels& tunnels = resumed_tunnels_ != nullptr ? *resumed_tunnels_ : *connected_tunnels_;
  if (options_.esp.rate == 0) return;
  tunnels.storm_is_over();
  turn_until(clock_->now() + nanoseconds(options_.esp.seconds), [] { return false; });
  tunnels.stop_traffic();
  turn_until(clock_->now() + kDrainNs, [] { return false; });
}

void Polling::poll() {
  phase_.store(Phase::asking, std::memory_order_release);
  clock_ = std::make_unique<const NsClock>();
  if (!find_gateway()) return;
  phase_.store(Phase::storming, std::memory_order_release);
  Crowd& main = initiator_ != nullptr ? static_cast<Crowd&>(*initiator_) : *connector_;
  Tunnels* tunnels = initiator_ != nullptr ? resumed_tunnels_.get() : connected_tunnels_.get();
  turn_until(clock_->now() + nanoseconds(options_.timeout_s),
             [&] { return main.done() && (tunnels == nullptr || tunnels->done()); });
  if (!main.done()) main.give_up();
  carry_traffic_on();
  if (connector_ != nullptr && !connector_->done()) connector_->give_up();
  for (Tunnels* some : {resumed_tunnels_.get(), connected_tunnels_.get()})
    if (some != nullptr) some->give_up();
}

}  // namespace storm
