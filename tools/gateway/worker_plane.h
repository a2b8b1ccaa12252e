// WorkerPlane: the control thread's door to the workers' tables (controlplane/workers.h), over
// what the workers share.
#pragma once

#include <memory>
#include <vector>

#include "controlplane/workers.h"
#include "dataplane/worker.h"

namespace gateway {

class WorkerPlane final : public cp::Workers {
 public:
  // Both outlive it.
  WorkerPlane(dp::SharedState& shared, dp::UsedSet& used) : shared_(shared), used_(used) {}

  // Before the first counters() or sweep_issuers(): one for each worker, in their order.
  void watch(std::vector<const dp::WorkerCounters*> counters) { counters_ = std::move(counters); }

  unsigned worker_count() const override { return shared_.config.worker_count; }
  const dp::WorkerCounters& counters(unsigned worker) const override { return *counters_[worker]; }

  void publish(crypto::KeyringSnapshot keyring) override;
  void publish(dp::DenyList denied) override;
  void reclaim() override;

  dp::IssuerRequests& issuer_requests() override { return shared_.issuer_requests; }
  dp::IssuerSupply& issuer_supply(unsigned worker) override { return shared_.issuers[worker]; }
  crypto::Result<dp::IssuerUse*> open_issuer(ike::IssuerId issuer,
                                             std::uint64_t valid_until_s) override;
  std::size_t sweep_issuers(std::uint64_t now_s) override;
  crypto::Status flush_issuers() override { return used_.flush(); }

 private:
  dp::SharedState& shared_;
  dp::UsedSet& used_;
  std::vector<const dp::WorkerCounters*> counters_;
  std::vector<std::uint64_t> swept_;  // quiet states at the last sweep; empty = none yet
};

}  // namespace gateway
