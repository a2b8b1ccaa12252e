// Gateway: the composition root. Brings everything up in the order that makes a restart safe, runs
// until it is told to stop, and takes everything down.
//
//   log, keyring -> EAL -> used-sets mapped -> tables, port -> workers made on their cores -> keys
//   and issuers published -> workers run -> READY
#pragma once

#include <string>

#include "controlplane/config.h"
#include "controlplane/signals.h"
#include "crypto/base/error.h"

namespace gateway {

inline constexpr const char* kVersion = "0.1.0";

// Returns after INT or TERM, or with an error when it could not start.
crypto::Status run(const cp::GatewayConfig& config, const std::string& config_path,
                   cp::Signals& signals);

// Versions of ourselves, DPDK and the crypto engine, for --version.
std::string version_text();

}  // namespace gateway
