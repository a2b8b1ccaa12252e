// Completing EAL's arguments.
#include "tools/storm/eal_arguments.h"

#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <sstream>
#include <string_view>
#include <system_error>

namespace storm {
namespace {

bool says(const std::vector<std::string>& arguments,
          std::initializer_list<std::string_view> options) {
  return std::ranges::any_of(arguments, [&](const std::string& argument) {
    return std::ranges::any_of(options, [&](std::string_view option) {
      if (!option.starts_with("--")) return argument.starts_with(option);
      return argument == option || argument.starts_with(fmt::format("{}=", option));
    });
  });
}

}  // namespace

std::vector<std::string> eal_arguments(const Options& options, unsigned first_cpu,
                                       bool has_hugepages) {
  std::vector<std::string> arguments = options.eal;
  const unsigned cpu = options.cpu_given ? options.cpu : first_cpu;
  // Progress sleeps nearly always, so it shares the CPU.
  if (!says(arguments, {"-l", "-c", "--lcores"}))
    arguments.push_back(fmt::format("--lcores=0@{0},1@{0}", cpu));
  const bool is_vdev = options.device.starts_with("net_");
  if (is_vdev && !says(arguments, {"--no-pci", "-a", "--allow", "-b", "--block"}))
    arguments.emplace_back("--no-pci");
  if (!is_vdev && !says(arguments, {"-a", "--allow", "-b", "--block"})) {
    arguments.emplace_back("-a");
    arguments.push_back(options.device);
  }
  if (!says(arguments, {"--no-huge", "-m", "--socket-mem", "--in-memory", "--huge-dir"})) {
    if (has_hugepages) {
      arguments.emplace_back("--in-memory");
      // virtio-user hands its memory to the peer as few files.
      if (options.device.starts_with("net_virtio_user"))
        arguments.emplace_back("--single-file-segments");
    } else {
      for (const char* argument : {"--no-huge", "--no-shconf", "-m", "512"})
        arguments.emplace_back(argument);
    }
  }
  if (!says(arguments, {"--no-telemetry"})) arguments.emplace_back("--no-telemetry");
  if (!says(arguments, {"--file-prefix"}))
    arguments.push_back(fmt::format("--file-prefix=storm{}", getpid()));
  return arguments;
}

unsigned first_usable_cpu() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0)
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu)
      if (CPU_ISSET(cpu, &set)) return cpu;
  return 0;
}

bool hugepages_are_free() {
  constexpr std::uint64_t kEnoughKib = 256 * 1024;
  std::error_code none;  // a kernel without hugepages has no such folder
  std::uint64_t free_kib = 0;
  for (const auto& folder : std::filesystem::directory_iterator("/sys/kernel/mm/hugepages", none)) {
    // hugepages-2048kB
    const std::string name = folder.path().filename().string();
    std::uint64_t page_kib = 0, free_pages = 0;
    std::istringstream(name.substr(name.find('-') + 1)) >> page_kib;
    if (std::ifstream(folder.path() / "free_hugepages") >> free_pages)
      free_kib += page_kib * free_pages;
  }
  return free_kib >= kEnoughKib;
}

}  // namespace storm
