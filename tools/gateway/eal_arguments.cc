// Completes EAL's arguments.
#include "tools/gateway/eal_arguments.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sched.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <string_view>
#include <system_error>

namespace gateway {
namespace {

using Arguments = std::vector<std::string>;

// Short options may have their value behind a space or directly behind: "-l 0,1", "-l0,1".
bool says(const Arguments& arguments, std::initializer_list<std::string_view> options) {
  return std::ranges::any_of(arguments, [&](const std::string& argument) {
    return std::ranges::any_of(options, [&](std::string_view option) {
      if (!option.starts_with("--")) return argument.starts_with(option) && argument[1] != '-';
      return argument == option || argument.starts_with(fmt::format("{}=", option));
    });
  });
}

// EAL would answer a wrong CPU with its whole manual.
crypto::Status check_cpus(const cp::DpdkConfig& config, const Machine& machine) {
  if (config.worker_cpus.empty()) return {};
  std::vector<unsigned> wanted = config.worker_cpus;
  wanted.insert(wanted.begin(), config.main_cpu);
  for (const unsigned cpu : wanted)
    if (std::ranges::find(machine.cpus, cpu) == machine.cpus.end())
      return crypto::fail(fmt::format(
          "there is no CPU {} to run on, only {}: change [dpdk] main_cpu or worker_cpus, or the "
          "affinity that this process was started with",
          cpu, fmt::join(machine.cpus, ", ")));
  return {};
}

std::string lcores(const cp::GatewayConfig& config, const Machine& machine) {
  const unsigned workers = config.workers.worker_count;
  std::string text = "--lcores=0@";
  if (!config.dpdk.worker_cpus.empty()) {
    text += std::to_string(config.dpdk.main_cpu);
    for (unsigned i = 0; i < workers; ++i)
      text += fmt::format(",{}@{}", i + 1, config.dpdk.worker_cpus[i]);
    return text;
  }
  // The control thread sleeps nearly always: with too few CPUs it is the first to share its own.
  const auto& cpus = machine.cpus;
  const unsigned first = cpus.size() > workers ? 1 : 0;
  text += std::to_string(cpus.front());
  for (unsigned i = 0; i < workers; ++i)
    text += fmt::format(",{}@{}", i + 1, cpus[(first + i) % cpus.size()]);
  return text;
}

bool is_virtual(std::string_view device) {
  return device.starts_with("net_") || device.starts_with("eth_") ||
         device.starts_with("virtio_user");
}

// What the operator says about PCI devices stands; what is not said about ours is added.
void add_devices(std::initializer_list<std::string> devices, Arguments& arguments) {
  const bool pci_is_said = says(arguments, {"--no-pci", "-a", "--allow", "-b", "--block"});
  bool all_virtual = true;
  for (const std::string& device : devices) {
    if (device.empty()) continue;
    const std::string name = device.substr(0, device.find(','));
    const bool named = std::ranges::any_of(arguments, [&](const std::string& argument) {
      return argument.find(name) != std::string::npos;
    });
    if (is_virtual(device)) {
      if (!named) arguments.push_back(fmt::format("--vdev={}", device));
    } else {
      all_virtual = false;
      if (!named && !pci_is_said) arguments.insert(arguments.end(), {"-a", device});
    }
  }
  if (all_virtual && !pci_is_said) arguments.emplace_back("--no-pci");
}

}  // namespace

Machine look_at_machine() {
  Machine machine;
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0)
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu)
      if (CPU_ISSET(cpu, &set)) machine.cpus.push_back(cpu);
  if (machine.cpus.empty()) machine.cpus.push_back(0);
  std::error_code none;  // a kernel without hugepages has no such folder
  for (const auto& size : std::filesystem::directory_iterator("/sys/kernel/mm/hugepages", none)) {
    std::ifstream file(size.path() / "free_hugepages");
    std::uint64_t free_pages = 0;
    if (file >> free_pages && free_pages != 0) machine.has_hugepages = true;
  }
  return machine;
}

crypto::Result<std::vector<std::string>> eal_arguments(const cp::GatewayConfig& config,
                                                       const Machine& machine) {
  Arguments arguments = config.dpdk.eal;
  if (!says(arguments, {"-l", "-c", "--lcores"})) {
    if (const auto there = check_cpus(config.dpdk, machine); !there)
      return std::unexpected(there.error());
    arguments.push_back(lcores(config, machine));
  }
  add_devices({config.workers.outside.device, config.workers.inside.device}, arguments);
  if (!says(arguments, {"--no-huge", "-m", "--socket-mem", "--in-memory", "--huge-dir",
                        "--huge-unlink", "--legacy-mem"})) {
    if (!machine.has_hugepages && config.dpdk.hugepages == cp::Hugepages::always)
      return crypto::fail(
          "there are no free hugepages: reserve some with `dpdk-hugepages.py --setup 1G`, or set "
          "[dpdk] hugepages = \"never\"");
    if (!machine.has_hugepages || config.dpdk.hugepages == cp::Hugepages::never)
      for (const std::string& argument :
           {std::string("--no-huge"), std::string("--no-shconf"), std::string("-m"),
            std::to_string(config.dpdk.memory_mib)})
        arguments.push_back(argument);
  }
  if (!says(arguments, {"--file-prefix", "--in-memory", "--no-shconf"}))
    arguments.emplace_back("--file-prefix=resurge");
  return arguments;
}

}  // namespace gateway
