// EAL arguments of the load generator: what the user gave, completed.
#pragma once

#include <string>
#include <vector>

#include "tools/storm/options.h"

namespace storm {

// Adds, where the user says nothing about it: the two cores (progress and polling), hugepages or
// not, no PCI for vdevs, and a file prefix of our own so that a gateway may run beside us.
std::vector<std::string> eal_arguments(const Options& options, unsigned first_cpu,
                                       bool has_hugepages);

// The first CPU that this process may run on, and whether hugepages enough for us are free.
unsigned first_usable_cpu();
bool hugepages_are_free();

}  // namespace storm
