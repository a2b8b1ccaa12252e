// The sections of a configuration, one function each: a table in, plain structs out, mistakes
// collected.
#pragma once

#include "controlplane/config.h"
#include "controlplane/table_reader.h"

namespace cp {

void read_dpdk(TableReader in, DpdkConfig& dpdk, dp::WorkerConfig& workers);
void read_outside(TableReader in, dp::LinkConfig& link);
void read_inside(TableReader in, dp::WorkerConfig& workers);
void read_sessions(TableReader in, dp::WorkerConfig& workers);
void read_admission(TableReader in, dp::AdmissionConfig& admission);
void read_tickets(TableReader in, GatewayConfig& config);
void read_pools(TableReader in, dp::ChildConfig& child);
// What [child] says is the default of connections without a child of their own.
void read_child(TableReader in, dp::ChildConfig& child, Connection& defaults);
void read_secrets(TableReader in, std::vector<SecretConfig>& secrets);
void read_authorities(TableReader in, std::vector<AuthorityConfig>& authorities);
void read_ike(TableReader in, GatewayConfig& config);
void read_radius(TableReader in, RadiusConfig& radius);
// After all of the above: a connection is checked against what they said.
void read_connections(TableReader in, const Connection& defaults, GatewayConfig& config);
void read_control(TableReader in, ControlConfig& control);
void read_log(TableReader in, LogConfig& log);
void read_stats(TableReader in, StatsConfig& stats);

}  // namespace cp
