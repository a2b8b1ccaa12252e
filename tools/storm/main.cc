// resurge-storm: a DPDK load generator of IKEv2 clients that resume their sessions.
#include "tools/storm/options.h"
#include "tools/storm/run.h"

int main(int argc, char** argv) {
  const storm::CommandLine line = storm::read_command_line(argc, argv);
  return line.options ? storm::run(*line.options) : line.status;
}
