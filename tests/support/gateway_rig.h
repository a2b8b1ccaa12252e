// GatewayRig: a whole data plane in one process without DPDK: shared state, keyring, used-set in a
// folder of its own, N workers on connected FakePorts, and tickets to resume with. For tests of the
// pipeline, the simulation and benchmarks.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "crypto/keyring.h"
#include "dataplane/worker.h"
#include "tests/support/fake_port.h"
#include "tests/support/packet_builder.h"
#include "tools/storm/ticket_bag.h"

namespace rig {

struct Options {
  unsigned workers = 1;
  std::uint32_t sessions_max = 1u << 12;
  std::uint64_t seed = 1;
  unsigned port_buffers = 4096;
  bool inside = false;    // a second port for each worker, MAC 02:00:00:00:00:02
  bool one_port = false;  // both sides on one port, the inside with VLAN 7
  // Changes the configuration before it is shared; null does nothing.
  std::function<void(dp::WorkerConfig&)> configure;
  std::function<void(dp::Link&)> link;  // the same for default_link()
  // Null makes the IPsec-MB engine.
  std::function<std::unique_ptr<crypto::Engine>()> engine;
  dp::CycleClock cycles = nullptr;  // null counts calls: tests need order, not time
};

// One client's credentials as the gateway would have left them. Distinct per index.
struct MintOptions {
  std::uint32_t clients = 1;
  std::vector<ike::Suite> suites = {ike::Suite{}};  // by turns
  std::uint32_t lifetime_s = 3600;
  std::size_t id_len = 24;  // octets of an ID body
  bool lease4 = true;
  bool lease6 = false;
};

class GatewayRig {
 public:
  explicit GatewayRig(const Options& options);
  ~GatewayRig();
  GatewayRig(const GatewayRig&) = delete;
  GatewayRig& operator=(const GatewayRig&) = delete;

  dp::Now now{.ms = 1'000'000, .unix_s = 1'800'000'000};
  dp::SharedState& shared() { return *shared_; }
  dp::Worker& worker(unsigned i = 0) { return *workers_[i]; }
  dp::FakePort& port(unsigned i = 0) { return *ports_[i]; }
  dp::FakePort& inside(unsigned i = 0) { return inside_.empty() ? *ports_[i] : *inside_[i]; }
  dp::UsedSet& used() { return *used_; }
  crypto::Keyring& keyring() { return keyring_; }
  crypto::Engine& engine() { return *engine_; }  // of the rig, not of a worker
  unsigned workers() const { return static_cast<unsigned>(workers_.size()); }

  // Runs every worker until no frame waits.
  void run();
  // Publishes the keyring (after a rotation) and the deny list to the workers.
  void publish_keyring();
  void publish_denied(dp::DenyList denied);
  // Does what the control thread does: maps issuers that workers asked for, refills supplies.
  void serve_requests();
  // Workers, ports and shared state go as in a crash; keyring and used-set files stay; all starts
  // anew.
  void restart();

  // A bag of tickets that this gateway honours, in the rig's folder.
  storm::TicketBag mint(const MintOptions& options);
  ike::IssuerId mint_issuer() const { return mint_issuer_; }
  std::string folder() const { return folder_; }

  std::uint64_t drops(dp::Drop why) const;
  std::uint64_t sum(dp::Counter dp::WorkerCounters::* counter) const;
  // Every frame that a port gave was given back.
  bool conserved() const;

 private:
  void start();
  void connect_inside();
  Options options_;
  std::string folder_;
  crypto::Keyring keyring_;
  std::unique_ptr<crypto::Engine> engine_;
  std::unique_ptr<dp::UsedSet> used_;
  std::unique_ptr<dp::SharedState> shared_;
  std::vector<std::unique_ptr<dp::FakePort>> ports_, inside_;
  std::vector<std::unique_ptr<dp::Worker>> workers_;
  ike::IssuerId mint_issuer_;
  std::uint64_t mint_serial_ = 1;
  std::uint64_t starts_ = 0;
};

// The configuration of a rig before Options::configure: addresses 192.0.2.1 and 2001:db8::1, one
// connection "default" that allows every supported suite, pools 10.64.0.0/12 and fd00::/108; inside
// addresses 10.0.0.1 and fd01::1 without a port.
dp::WorkerConfig default_config(unsigned workers, std::uint32_t sessions_max);
dp::Link default_link();

}  // namespace rig
