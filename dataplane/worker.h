// Worker: one lcore's whole packet path. run_once() is the table of contents.
//
// A worker owns its port queue, session table, engine and counters and shares nothing that is
// written, except the lease table and the used-set, which are made of atomics. It never locks,
// allocates, logs or waits. Everything here runs on the worker's thread; counters() may be read
// from any thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "crypto/base/error.h"
#include "crypto/engine.h"
#include "crypto/keyring.h"
#include "crypto/random.h"
#include "dataplane/api/config.h"
#include "dataplane/api/counters.h"
#include "dataplane/api/handoff.h"
#include "dataplane/api/seam.h"
#include "dataplane/esp_routes.h"
#include "dataplane/frame.h"
#include "dataplane/lease_table.h"
#include "dataplane/neighbour_table.h"
#include "dataplane/now.h"
#include "dataplane/packet_port.h"
#include "dataplane/snapshot.h"
#include "dataplane/used_set.h"

namespace dp {

// What all workers of a process share. Outlives them.
struct SharedState {
  explicit SharedState(const WorkerConfig& worker_config);

  const WorkerConfig config;
  Quiescence quiescence;
  Snapshot<crypto::KeyringSnapshot> keyring;
  Snapshot<DenyList> denied;
  LeaseTable leases;
  EspRoutes esp_routes;
  NeighbourTable neighbours;
  UsedSet* used = nullptr;  // set before workers start
  IssuerRequests issuer_requests;
  std::array<IssuerSupply, 256> issuers;     // by worker; `ready` filled before workers start
  std::array<CloseBox, 255> close_boxes;     // by worker
  std::vector<std::unique_ptr<Seam>> seams;  // by worker
  Doorbell doorbell;                         // of the control thread
  std::atomic<bool> sa_init_cookies{false};  // set by the control thread
  std::array<std::uint8_t, 16> spi_secret;   // per start
  std::array<std::uint8_t, 32> cookie_seed;  // per start
  std::uint64_t spread_secret = 0;           // per start
  // Of the tokens of RFC 6290. Tokens told before a restart are good after it when it is set to
  // what was kept, before workers start.
  std::array<std::uint8_t, 32> qcd_secret;
  std::atomic<bool> stop{false};
};

// The clock of the TSC for stage accounting, injected so that tests need none.
using CycleClock = std::uint64_t (*)();

// A worker's port on the private side. The port may be shared by nobody else; frames of either port
// leave by the other.
struct InsidePort {
  PacketPort* port = nullptr;
  Link link;
};

class WorkerState;  // tables and scratch; worker_state.h

class Worker {
 public:
  // `inside` may be null: then packets to the private network are dropped.
  // Maps the tables (on the calling thread's NUMA node). `random` may be seeded in tests.
  static crypto::Result<std::unique_ptr<Worker>> make(unsigned index, SharedState& shared,
                                                      std::unique_ptr<crypto::Engine> engine,
                                                      PacketPort& port, const Link& link,
                                                      std::unique_ptr<crypto::Random> random,
                                                      CycleClock cycles,
                                                      const InsidePort* inside = nullptr);
  ~Worker();

  // One burst: receive, all stages, transmit, upkeep. Returns the number of packets received.
  unsigned run_once(const Now& now);

  const WorkerCounters& counters() const;
  std::size_t bytes_per_session() const;

 private:
  explicit Worker(std::unique_ptr<WorkerState> state);
  std::unique_ptr<WorkerState> state_;
};

}  // namespace dp
