// What a reload can take over from a changed configuration, and what it cannot.
#pragma once

#include <string>
#include <vector>

#include "controlplane/config.h"

namespace cp {

// The keys that differ and that only a restart puts into force, in the order of the manual:
// devices, tables and what workers were started with. Everything else (connections and their
// credentials, RADIUS, deny lists, policy of new SAs) is the reload's. Any thread.
std::vector<std::string> restart_only_changes(const GatewayConfig& running,
                                              const GatewayConfig& wanted);

}  // namespace cp
