// Fuzz target: sequences of messages, time and orders around the state machine of full IKEv2, with
// four clients that seal what the input says, and a RADIUS server (tests/controlplane/plane_world.h
// has its form and what must hold after each step). A run of 2^20 sequences:
//
//   build/asan/tests/fuzz/machine_fuzz -runs=1048576 -max_len=512 tests/fuzz/corpus/machine
#include <algorithm>

#include "tests/controlplane/plane_world.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t len) {
  static cp::PlaneWorld world;
  world.run({octets, std::min<std::size_t>(len, 2048)});
  return 0;
}
