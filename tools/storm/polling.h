// Polling: the thread that runs the storm. It makes engine and initiator on its own core, waits for
// the gateway's MAC, and pumps until every client has an outcome.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "dataplane/port.h"
#include "tools/storm/options.h"
#include "tools/storm/pcap_writer.h"
#include "tools/storm/pump.h"
#include "tools/storm/ticket_saver.h"

namespace storm {

enum class Phase : std::uint8_t { starting, asking, storming, ended };

class Polling {
 public:
  // All references outlive the object; `pcap` and `saver` may be null.
  Polling(const Options& options, const TicketBag& bag, std::uint32_t clients, dp::PacketPort& port,
          Framing& framing, const ClientPaths& paths, PcapWriter* pcap, TicketSaver* saver);
  ~Polling();

  // On the polling core; `polling` is a Polling. Returns when the storm is over.
  static void entry(void* polling);

  // Any thread.
  Phase phase() const { return phase_.load(std::memory_order_acquire); }
  void stop() { stop_.store(true, std::memory_order_relaxed); }
  // From Phase::storming on.
  const Totals& totals() const { return initiator_->totals(); }
  const PumpCounters& counters() const { return pump_->counters(); }
  // At Phase::ended: empty, or why there was no storm.
  const std::string& failure() const { return failure_; }
  const Initiator& initiator() const { return *initiator_; }
  std::string_view engine_name() const { return engine_->name(); }

 private:
  crypto::Status prepare();
  void poll();

  const Options& options_;
  const TicketBag& bag_;
  std::uint32_t clients_;
  dp::PacketPort& port_;
  Framing& framing_;
  const ClientPaths& paths_;
  PcapWriter* pcap_;
  TicketSaver* saver_;

  std::unique_ptr<crypto::Engine> engine_;
  std::unique_ptr<crypto::Random> random_;
  std::unique_ptr<Initiator> initiator_;
  std::unique_ptr<Pump> pump_;
  std::string failure_;
  std::atomic<Phase> phase_{Phase::starting};
  std::atomic<bool> stop_{false};
};

}  // namespace storm
