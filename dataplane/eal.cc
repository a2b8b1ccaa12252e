// Start and stop of EAL, launching on its cores, TSC frequency.
#include "dataplane/eal.h"

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_version.h>
#include <time.h>

#include <cstdio>

namespace dp {
namespace {

std::string joined(const std::vector<std::string>& args) {
  std::string text;
  for (const std::string& arg : args) text += (text.empty() ? "" : " ") + arg;
  return text;
}

std::string hint_for(int error) {
  switch (error) {
    case EALREADY:
      return "it was started before in this process, and that works once";
    case ENOMEM:
      return "no memory; without hugepages give --no-huge, -m with the MiB and --no-shconf";
    case EACCES:
    case EPERM:
      return "not permitted; run as root, or use --no-huge, --no-shconf and --no-pci";
    case EINVAL:
      return "an argument is wrong, or --no-huge stands beside --in-memory";
    default:
      return rte_strerror(error);
  }
}

std::uint64_t nanoseconds(clockid_t clock) {
  timespec t{};
  CHECK(clock_gettime(clock, &t) == 0);
  return static_cast<std::uint64_t>(t.tv_sec) * 1000000000u + static_cast<std::uint64_t>(t.tv_nsec);
}

// For programs without EAL: 10 ms against the kernel's clock.
std::uint64_t measured_hz() {
  const std::uint64_t from_ns = nanoseconds(CLOCK_MONOTONIC_RAW);
  const std::uint64_t from = tsc();
  std::uint64_t ns = 0;
  while (ns < 10000000) ns = nanoseconds(CLOCK_MONOTONIC_RAW) - from_ns;
  return (tsc() - from) * 1000 / ns * 1000000;
}

}  // namespace

crypto::Result<std::unique_ptr<Eal>> Eal::start(const EalOptions& options) {
  std::vector<std::string> args = options.args;
  args.insert(args.begin(), "resurge");
  std::vector<char*> argv;
  for (std::string& arg : args) argv.push_back(arg.data());
  argv.push_back(nullptr);
  const int argc = static_cast<int>(args.size());
  const int parsed = rte_eal_init(argc, argv.data());
  const std::string given = "EAL was given \"" + joined(options.args) + "\"";
  if (parsed < 0) {
    std::fflush(stdout);  // EAL's manual, or it would come behind the reason and hide it
    return crypto::fail("DPDK does not start: " + hint_for(rte_errno) + ". " + given +
                        "; its own words are in the lines above");
  }
  std::unique_ptr<Eal> eal(new Eal);
  if (parsed + 1 < argc)
    return crypto::fail("DPDK does not take all arguments: " + given + ", and stopped after " +
                        std::to_string(parsed));
  unsigned lcore = 0;
  RTE_LCORE_FOREACH_WORKER(lcore) eal->lcores_.push_back(lcore);
  if (eal->lcores_.size() > kWorkerLcoresMax)
    return crypto::fail("at most 255 worker cores are supported; shorten --lcores");
  return eal;
}

Eal::~Eal() {
  wait();
  rte_eal_cleanup();
}

int Eal::run(void* task) {
  const auto* t = static_cast<const Task*>(task);
  t->entry(t->argument);
  return 0;
}

crypto::Status Eal::launch(unsigned index, Entry entry, void* argument) {
  if (index >= lcores_.size())
    return crypto::fail("worker " + std::to_string(index) + " has no core: EAL has " +
                        std::to_string(lcores_.size()) +
                        " beside the main one; add to --lcores, as in --lcores=0@0,1@1");
  if (rte_eal_get_lcore_state(lcores_[index]) == RUNNING)
    return crypto::fail("the core of worker " + std::to_string(index) + " is still busy");
  tasks_[index] = {entry, argument};
  if (rte_eal_remote_launch(&Eal::run, &tasks_[index], lcores_[index]) != 0)
    return crypto::fail("worker " + std::to_string(index) + " could not be launched on core " +
                        std::to_string(lcores_[index]));
  return {};
}

void Eal::wait() {
  for (const unsigned lcore : lcores_) rte_eal_wait_lcore(lcore);
}

std::uint64_t tsc_hz() {
  static const std::uint64_t hz = rte_get_tsc_hz() != 0 ? rte_get_tsc_hz() : measured_hz();
  return hz;
}

const char* dpdk_version() { return rte_version(); }

TscClock::TscClock(std::uint64_t hz) {
  CHECK(hz > 1000);
  __extension__ using Wide = unsigned __int128;
  ms_per_cycle_ = static_cast<std::uint64_t>((Wide{1000} << 64) / hz);
}

void TscClock::read_wall(std::uint64_t ms) {
  timespec t{};
  CHECK(clock_gettime(CLOCK_REALTIME, &t) == 0);
  unix_s_ = static_cast<std::uint64_t>(t.tv_sec);
  wall_due_ms_ = ms + 4;
}

}  // namespace dp
