// StormRig: the load generator's clients wired to a GatewayRig in one process, with simulated time
// and a wire that may lose, repeat and reorder frames by a seed.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/support/gateway_rig.h"
#include "tools/storm/impairments.h"
#include "tools/storm/initiator.h"

namespace rig {

struct StormOptions {
  storm::InitiatorConfig initiator;  // clients 0 = all of the bag
  std::uint64_t seed = 1;
  unsigned loss_permille = 0, duplicate_permille = 0, reorder_permille = 0;
  bool is_ip6 = false;
  std::uint16_t port = 500;          // of the gateway
  std::uint32_t step_ms = 1;         // simulated time of one round
  std::uint64_t limit_ms = 120'000;  // run_to_end gives up then
};

class StormRig {
 public:
  StormRig(GatewayRig& gateway, const storm::TicketBag& bag, const StormOptions& options);

  // One round: what clients want to send goes out, the workers run, answers go back, time passes.
  void step();
  // Until every client has an outcome, or the limit.
  void run_to_end();
  const storm::Totals& totals() const { return initiator_->totals(); }
  storm::Initiator& initiator() { return *initiator_; }
  // Counts of outcomes and drops, for failure messages.
  std::string describe() const;

 private:
  using Octets = std::vector<std::uint8_t>;
  void send_frames();
  void take_answers();
  // How many copies of a frame arrive now; a reordered one is kept for the next round.
  unsigned copies(Octets& frame, std::vector<Octets>& kept);
  dp::PacketBuilder builder_of(std::uint32_t client) const;

  GatewayRig& gateway_;
  StormOptions options_;
  crypto::Random random_;
  crypto::Random faults_;
  std::unique_ptr<crypto::Engine> engine_;
  std::unique_ptr<storm::Initiator> initiator_;
  std::vector<Octets> late_requests_, late_answers_;
  std::uint64_t now_ns_ = 1'000'000'000;
};

}  // namespace rig
