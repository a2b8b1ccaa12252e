// ControlPlane: full IKEv2 on the control thread, as one thing that the control loop serves:
// letters of the workers in their turn, deadlines, RADIUS. Control thread only.
#pragma once

#include <memory>

#include "controlplane/machine.h"
#include "controlplane/plane.h"
#include "controlplane/report_desk.h"
#include "controlplane/sa_table.h"

namespace cp {

class ControlPlane {
 public:
  struct Parts {
    std::unique_ptr<const Credentials> policy;
    const dp::WorkerConfig& workers_config;
    Workers& workers;
    TicketKeys& keys;
    crypto::Random& random;
    std::unique_ptr<crypto::Engine> engine;
    std::unique_ptr<RadiusClient> radius;  // null: no [radius]
    EapSettings eap;
    RetransmitPolicy retransmit;
    crypto::SecretBytes qcd_secret;
    spdlog::logger& log;
  };
  explicit ControlPlane(Parts parts);

  // One round: what came in, up to a bounded number of letters of each worker, and what is due.
  // True when letters are left: there shall be another round at once.
  bool serve(const Time& now);
  // When serve() has something to do without a letter, monotonic milliseconds.
  std::uint64_t next_deadline_ms() const;

  // New connections and credentials; SAs go on under the connection of the same name.
  void replace_policy(std::unique_ptr<const Credentials> policy);

  // New tickets are of this policy generation at least.
  void raise_generation(std::uint32_t generation) { tickets_.raise_generation(generation); }

  // For whoever shows or steers: resurgectl, statistics.
  SaTable& sas() { return table_; }
  Machine& machine() { return machine_; }
  ReportDesk& reports() { return reports_; }  // of the workers, about their SAs
  Plane& plane() { return plane_; }
  const PlaneCounters& counters() const { return plane_.counters; }
  RadiusClient* radius() { return radius_.get(); }

 private:
  void watch_load();

  std::unique_ptr<const Credentials> policy_;
  std::unique_ptr<crypto::Engine> engine_;
  std::unique_ptr<RadiusClient> radius_;
  crypto::SecretBytes qcd_secret_;
  TicketIssuer tickets_;
  SaTable table_;
  Plane plane_;
  Machine machine_;
  ReportDesk reports_;
  bool cookies_ = false;
  std::uint64_t cookies_until_ms_ = 0;
};

}  // namespace cp
