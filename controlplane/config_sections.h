// The sections of a configuration, one function each: a table in, plain structs out, mistakes
// collected.
#pragma once

#include "controlplane/config.h"
#include "controlplane/table_reader.h"

namespace cp {

void read_dpdk(TableReader in, DpdkConfig& dpdk, dp::WorkerConfig& workers);
void read_outside(TableReader in, dp::LinkConfig& link);
void read_sessions(TableReader in, dp::WorkerConfig& workers);
void read_admission(TableReader in, dp::AdmissionConfig& admission);
void read_tickets(TableReader in, GatewayConfig& config);
void read_pools(TableReader in, dp::ChildConfig& child);
void read_child(TableReader in, dp::ChildConfig& child);
void read_connections(TableReader in, std::vector<dp::ConnectionConfig>& connections,
                      std::vector<ConfigError>& errors);
void read_log(TableReader in, LogConfig& log);
void read_stats(TableReader in, StatsConfig& stats);

}  // namespace cp
