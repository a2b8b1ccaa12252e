// The polling thread's life.
#include "tools/storm/polling.h"

#include <fmt/format.h>

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

Polling::Polling(const Options& options, const TicketBag& bag, std::uint32_t clients,
                 dp::PacketPort& port, Framing& framing, const ClientPaths& paths, PcapWriter* pcap,
                 TicketSaver* saver)
    : options_(options),
      bag_(bag),
      clients_(clients),
      port_(port),
      framing_(framing),
      paths_(paths),
      pcap_(pcap),
      saver_(saver) {}

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

crypto::Status Polling::prepare() {
  engine_ = options_.openssl ? crypto::make_ossl_engine() : crypto::make_mb_engine();
  if (engine_ == nullptr)
    return crypto::fail("this processor lacks what IPsec-MB needs; use --engine openssl");
  random_ = std::make_unique<crypto::Random>();
  const InitiatorConfig config{{.clients = clients_,
                                .flights = options_.window,
                                .rate = options_.rate,
                                .retry = options_.retry},
                               options_.auth_form,
                               options_.child_suite,
                               options_.fragmentation,
                               options_.ticket_request,
                               options_.dpd,
                               options_.nat_detection ? &paths_ : nullptr};
  auto made = Initiator::make(config, bag_, *engine_, *random_, saver_);
  if (!made) return std::unexpected(made.error());
  initiator_ = std::move(*made);
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  const PumpConfig pump{.there = options_.impairments,
                        .back = options_.impairments,
                        .seed = options_.seed,
                        .ask_again = !options_.gateway_mac.has_value(),
                        .unix_ns_at_0 = static_cast<std::uint64_t>(
                            std::chrono::duration_cast<std::chrono::nanoseconds>(wall).count())};
  pump_ = std::make_unique<Pump>(port_, framing_, *initiator_, pump, pcap_);
  return {};
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
          to_text(paths_.gateway()), options_.link_timeout_s);
      return;
    }
    if (pump_->turn(now) == 0) __builtin_ia32_pause();
    now = clock.now();
  }
  phase_.store(Phase::storming, std::memory_order_release);
  const std::uint64_t end = now + nanoseconds(options_.timeout_s);
  while (!initiator_->done() && now < end && !stop_.load(std::memory_order_relaxed)) {
    if (pump_->turn(now) == 0) __builtin_ia32_pause();
    now = clock.now();
  }
  if (!initiator_->done()) initiator_->give_up();
}

}  // namespace storm
