// Polling: the thread that runs the storm. It makes engine and crowds on its own core, waits for
// the gateway's MAC, and pumps until every client has an outcome and, unless that is left out, its
// echo; then, if asked for, traffic goes on for a while.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "crypto/base/secret.h"
#include "dataplane/port.h"
#include "tools/storm/connector.h"
#include "tools/storm/flood.h"
#include "tools/storm/initiator.h"
#include "tools/storm/ns_clock.h"
#include "tools/storm/options.h"
#include "tools/storm/pcap_writer.h"
#include "tools/storm/pump.h"

namespace storm {

enum class Phase : std::uint8_t { starting, asking, storming, ended };

// Who takes part. With both crowds those that resume have the first numbers, and the run ends with
// them: those that connect are the load beside. All pointers outlive the polling; null where not
// said otherwise means that there is nothing of the kind.
struct Cast {
  const TicketBag* bag = nullptr;  // null: nobody resumes
  std::uint32_t resuming = 0;
  SessionSink* resumed_sink = nullptr;
  const ClientIdentity* identity = nullptr;  // null: nobody connects
  const crypto::SecretBytes* psk = nullptr;  // with `identity`
  std::uint32_t connecting = 0;
  SessionSink* connected_sink = nullptr;
  const ClientPaths* flood_paths = nullptr;
  PcapWriter* pcap = nullptr;
};

class Polling {
 public:
  // All references outlive the object.
  Polling(const Options& options, const Cast& cast, dp::PacketPort& port, Framing& framing);
  ~Polling();

  // On the polling core; `polling` is a Polling. Returns when the storm is over.
  static void entry(void* polling);

  // Any thread.
  Phase phase() const { return phase_.load(std::memory_order_acquire); }
  void stop() { stop_.store(true, std::memory_order_relaxed); }
  // From Phase::storming on. The crowd by which the run ends; at least one of the others is there.
  const Crowd& leader() const;
  // Of the clients of a crowd; null when nothing is sent through tunnels.
  const Tunnels* tunnels_of(const Crowd& crowd) const;
  const Initiator* initiator() const { return initiator_.get(); }
  const Connector* connector() const { return connector_.get(); }
  const PumpCounters& counters() const { return pump_->counters(); }
  std::string_view engine_name() const { return engine_->name(); }
  // Unix time, ns, of the moment that the crowds call 0.
  std::uint64_t unix_ns_at_0() const { return unix_ns_at_0_; }
  // At Phase::ended: empty, or why there was no storm.
  const std::string& failure() const { return failure_; }

 private:
  crypto::Status prepare();
  crypto::Status make_initiator();
  crypto::Status make_connector();
  crypto::Status make_tunnels(std::uint32_t first_client, std::uint32_t clients, SessionSink* next,
                              std::unique_ptr<Tunnels>& tunnels);
  PumpEnds ends();
  void poll();
  bool find_gateway();
  // Turns until `over()` says true, or `end_ns`, or somebody stops the run.
  template <class Over>
  void turn_until(std::uint64_t end_ns, Over over);
  void carry_traffic_on();
  void idle();

  const Options& options_;
  const Cast cast_;
  dp::PacketPort& port_;
  Framing& framing_;

  std::unique_ptr<crypto::Engine> engine_;
  std::unique_ptr<crypto::Random> random_;
  std::unique_ptr<Tunnels> resumed_tunnels_, connected_tunnels_;
  std::unique_ptr<Initiator> initiator_;
  std::unique_ptr<Connector> connector_;
  std::unique_ptr<Flood> flood_;
  std::unique_ptr<Pump> pump_;
  std::unique_ptr<const NsClock> clock_;
  std::string failure_;
  std::uint64_t unix_ns_at_0_ = 0;
  std::atomic<Phase> phase_{Phase::starting};
  std::atomic<bool> stop_{false};
};

}  // namespace storm
