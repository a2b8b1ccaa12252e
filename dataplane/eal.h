// DPDK's environment (EAL): started once per process, worker threads on their cores, and the TSC as
// clock. Nobody but eal.cc and port*.cc includes DPDK.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "crypto/base/error.h"
#include "dataplane/now.h"

namespace dp {

struct EalOptions {
  // As DPDK documents them, without a program name: "--lcores=0@0,1@1", "--no-pci", "--vdev=...".
  // Without hugepages: "--no-huge", "-m", "512", "--no-shconf"; -m is then a hard limit.
  std::vector<std::string> args;
};

// Main thread only. EAL pins the calling thread to the first core of its list, and threads that are
// made later inherit that: give them an affinity of their own.
class Eal {
 public:
  static constexpr unsigned kWorkerLcoresMax = 255;
  using Entry = void (*)(void* argument);

  // One at a time, and DPDK allows one successful start per process. Errors: arguments that EAL
  // refuses, no memory; EAL itself writes the details to stderr.
  static crypto::Result<std::unique_ptr<Eal>> start(const EalOptions& options);
  // Waits for the launched functions to return.
  ~Eal();
  Eal(const Eal&) = delete;
  Eal& operator=(const Eal&) = delete;

  // Cores that run workers: all but the first of the list.
  unsigned worker_lcore_count() const { return static_cast<unsigned>(lcores_.size()); }
  // Runs `entry` on worker core `index` (0 ..). Errors: no such core; it is still busy.
  crypto::Status launch(unsigned index, Entry entry, void* argument);
  // Until every launched function has returned.
  void wait();

 private:
  struct Task {
    Entry entry = nullptr;
    void* argument = nullptr;
  };
  Eal() = default;
  static int run(void* task);

  std::vector<unsigned> lcores_;
  std::array<Task, kWorkerLcoresMax> tasks_;
};

// Cycles of the invariant TSC, and how many make a second. Any thread, with or without EAL.
inline std::uint64_t tsc() { return __builtin_ia32_rdtsc(); }
std::uint64_t tsc_hz();

// "DPDK 22.11.11", with or without EAL.
const char* dpdk_version();

// Stamps bursts with the time for the price of one rdtsc: wall time is read from the kernel every 4
// ms. Milliseconds agree between the clocks of all threads. One object per thread.
class TscClock {
 public:
  explicit TscClock(std::uint64_t hz = tsc_hz());
  Now now() { return at(tsc()); }
  // The stamp for a TSC value; values must not decrease.
  Now at(std::uint64_t cycles) {
    __extension__ using Wide = unsigned __int128;
    const auto ms = static_cast<std::uint64_t>(Wide{cycles} * ms_per_cycle_ >> 64);
    if (ms >= wall_due_ms_) [[unlikely]]
      read_wall(ms);
    return {.ms = ms, .unix_s = unix_s_};
  }

 private:
  void read_wall(std::uint64_t ms);

  std::uint64_t ms_per_cycle_;  // times 2^64
  std::uint64_t wall_due_ms_ = 0;
  std::uint64_t unix_s_ = 0;
};

}  // namespace dp
