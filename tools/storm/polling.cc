// The polling thread's life.
#include "tools/storm/polling.h"

#include <fmt/format.h>
#include <sched.h>

#include <chrono>

#include "dataplane/eal.h"

namespace storm {
namespace {

// Nanoseconds since it was made, for the price of one rdtsc.
class NsClock {
 public:
  NsClock() : start_(dp::tsc()), ns_per_cycle_((Wide{1'000'000'000} << 64) / dp::tsc_hz()) {}
  std::uint64_t now() const {
    return 1 + static_cast<std::uint64_t>(Wide{dp::tsc() - start_} * ns_per_cycle_ >> 64);
  }

 private:
  __extension__ using Wide = unsigned __int128;
  std::uint64_t start_;
  Wide ns_per_cycle_;  // times 2^64
};

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

crypto::Status Polling::make_initiator() {
  if (cast_.bag == nullptr) return {};
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
  auto made = Initiator::make(config, *cast_.bag, *engine_, *random_, cast_.resumed_sink);
  if (!made) return std::unexpected(made.error());
  initiator_ = std::move(*made);
  return {};
}

crypto::Status Polling::make_connector() {
  if (cast_.identity == nullptr) return {};
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
  auto made = Connector::make(config, *cast_.identity, cast_.psk->reveal(), *engine_, *random_,
                              cast_.connected_sink);
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
  std::vector<Crowd*> crowds;
  if (initiator_ != nullptr) crowds.push_back(initiator_.get());
  if (connector_ != nullptr) crowds.push_back(connector_.get());
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  unix_ns_at_0_ = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(wall).count());
  const PumpConfig pump{.there = options_.impairments,
                        .back = options_.impairments,
                        .seed = options_.seed,
                        .ask_again = !options_.gateway_mac.has_value(),
                        .unix_ns_at_0 = unix_ns_at_0_};
  pump_ =
      std::make_unique<Pump>(port_, framing_, std::move(crowds), pump, cast_.pcap, flood_.get());
  return {};
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

void Polling::poll() {
  phase_.store(Phase::asking, std::memory_order_release);
  const NsClock clock;
  const std::uint64_t asked_until = nanoseconds(options_.link_timeout_s);
  std::uint64_t now = clock.now();
  while (!framing_.knows_gateway()) {
    if (stop_.load(std::memory_order_relaxed)) {
      failure_ = "interrupted";
      return;
    }
    if (now > asked_until) {
      failure_ = fmt::format(
          "{} did not tell its MAC within {:g} s: is the gateway running, and is "
          "this its address on this link?",
          to_text(framing_.paths().gateway()), options_.link_timeout_s);
      return;
    }
    if (pump_->turn(now) == 0) idle();
    now = clock.now();
  }
  phase_.store(Phase::storming, std::memory_order_release);
  const std::uint64_t end = now + nanoseconds(options_.timeout_s);
  Crowd& main = initiator_ != nullptr ? static_cast<Crowd&>(*initiator_) : *connector_;
  while (!main.done() && now < end && !stop_.load(std::memory_order_relaxed)) {
    if (pump_->turn(now) == 0) idle();
    now = clock.now();
  }
  if (!main.done()) main.give_up();
  if (connector_ != nullptr && !connector_->done()) connector_->give_up();
}

}  // namespace storm
