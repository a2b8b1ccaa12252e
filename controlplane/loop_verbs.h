// LoopVerbs: what resurgectl asks, answered from the control plane and done by the control loop.
// Control thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "controlplane/control_loop.h"
#include "controlplane/control_plane.h"
#include "controlplane/ctl_verbs.h"
#include "controlplane/sa_ending.h"

namespace cp {

class LoopVerbs final : public CtlVerbs {
 public:
  // All outlive it.
  LoopVerbs(ControlLoop& loop, ControlPlane& plane, const GatewayConfig& config, Workers& workers,
            TicketKeys& keys, std::string version, Time started)
      : loop_(loop),
        plane_(plane),
        config_(config),
        workers_(workers),
        keys_(keys),
        version_(std::move(version)),
        started_(started) {}

  crypto::Result<std::unique_ptr<CtlListing>> list_sas(const CtlSelection& selection,
                                                       std::uint64_t limit) override;
  const std::vector<Connection>& connections() override;
  std::vector<CtlPool> list_pools() override;
  CtlStats stats() override;
  std::vector<CtlValue> counters() override;
  crypto::Result<std::shared_ptr<const CtlEnding>> terminate(
      const CtlSelection& selection) override;
  crypto::Result<std::string> rotate_keys() override { return loop_.rotate_keys(); }
  crypto::Result<std::string> revoke(const CtlRevocation& revocation) override {
    return loop_.revoke(revocation);
  }
  CtlReload reload() override { return loop_.reload(); }

 private:
  crypto::Status check(const CtlSelection& selection) const;

  ControlLoop& loop_;
  ControlPlane& plane_;
  const GatewayConfig& config_;
  Workers& workers_;
  TicketKeys& keys_;
  std::string version_;
  Time started_;
  std::vector<std::unique_ptr<SaEnding>> endings_;
};

}  // namespace cp
