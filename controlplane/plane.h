// Plane: what handlers and the machine may use: policy, engines, the door to the workers, tickets,
// the time of this round. Control thread only.
#pragma once

#include <spdlog/logger.h>

#include <cstdint>

#include "controlplane/control_time.h"
#include "controlplane/credentials.h"
#include "controlplane/eap_authenticator.h"
#include "controlplane/plane_counters.h"
#include "controlplane/sa_table.h"
#include "controlplane/ticket_issuer.h"
#include "controlplane/workers.h"
#include "crypto/engine.h"
#include "crypto/random.h"

namespace cp {

struct Plane {
  // Replaced whole by a reload; SAs name their connection by id, so they find it in the new one.
  const Credentials* policy;
  const dp::WorkerConfig& workers_config;
  Workers& workers;
  crypto::Engine& engine;
  crypto::Random& random;
  TicketIssuer& tickets;
  SaTable& sas;                    // handlers look, the machine writes
  RadiusClient* radius = nullptr;  // null: no [radius]
  EapSettings eap;
  crypto::Bytes qcd_secret;  // RFC 6290 §5.1
  spdlog::logger& log;
  RetransmitPolicy retransmit;
  Time now;
  PlaneCounters counters;
};

}  // namespace cp
