// Report: counters as a log line, as a final text and as the JSON of the stats file.
#pragma once

#include <cstdint>
#include <string>

#include "controlplane/plane_counters.h"
#include "controlplane/radius_client.h"
#include "controlplane/totals.h"

namespace cp {

// One line: sessions, rates since `earlier`, refusals and drops by name. `seconds` > 0 lie between.
std::string summary_line(const Totals& now, const Totals& earlier, double seconds);

// Several lines for the end of a run: totals, drops by name, cycles by stage.
std::string final_report(const Totals& totals, double seconds);

// The stats file; docs/operations.md describes its members.
struct StatsHead {
  std::string version;
  std::uint64_t unix_s = 0;
  double uptime_s = 0;
  std::uint64_t tsc_hz = 0;
  const PlaneCounters* plane = nullptr;    // of full IKEv2; null when it does not run
  const RadiusCounters* radius = nullptr;  // null without [radius]
  double control_cpu_s = 0;                // CPU time of the control thread
};
std::string stats_json(const StatsHead& head, const Workers& workers);

// Writes a file so that a reader sees the old or the new text and never a part of one.
crypto::Status replace_file(const std::string& path, std::string_view text);

}  // namespace cp
