// The arguments EAL is started with: those of the configuration, and what follows from the rest of
// it and from the machine.
//
// Nothing is added that the configuration says itself in [dpdk] eal:
//   lcores      the control thread on main_cpu (or the first CPU), each worker on its own
//   device      "--vdev" for a virtual device; "-a" for a PCI address
//   PCI         "--no-pci" with a virtual device: EAL shall not take the machine's own network card
//   memory      without hugepages "--no-huge --no-shconf -m N"
//   prefix      "--file-prefix=resurge", so that tools can find the process
#pragma once

#include <string>
#include <vector>

#include "controlplane/config.h"
#include "crypto/base/error.h"

namespace gateway {

struct Machine {
  std::vector<unsigned> cpus;  // those we may run on, never empty
  bool has_hugepages = false;  // some are free
};
Machine look_at_machine();

// Errors: hugepages are demanded and there are none; a CPU is named that we may not run on.
crypto::Result<std::vector<std::string>> eal_arguments(const cp::GatewayConfig& config,
                                                       const Machine& machine);

}  // namespace gateway
