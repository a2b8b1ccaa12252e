// Writes counters as text and as JSON.
#include "controlplane/report.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

namespace cp {
namespace {

// The drops that happened, by name.
std::string drops_text(const Totals& totals, std::string_view separator) {
  std::string text;
  for (std::size_t i = 1; i < dp::kDropCount; ++i) {
    if (totals.drops[i] == 0) continue;
    if (!text.empty()) text += separator;
    text += fmt::format("{} {}", dp::kDropInfo[i].name, totals.drops[i]);
  }
  return text;
}

double ratio(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

nlohmann::ordered_json json_of(const Totals& totals) {
  nlohmann::ordered_json json;
  for (std::size_t i = 0; i < kCounterCount; ++i)
    json[std::string(kCounterRows[i].name)] = totals.counters[i];
  json["cycles_per_resumption"] = totals.cycles_per_resumption();
  auto& drops = json["drops"] = nlohmann::ordered_json::object();
  for (std::size_t i = 1; i < dp::kDropCount; ++i)
    drops[std::string(dp::kDropInfo[i].name)] = totals.drops[i];
  auto& stages = json["stages"] = nlohmann::ordered_json::object();
  for (std::size_t i = 0; i < dp::kStageCount; ++i)
    stages[std::string(dp::kStageNames[i])] = {
        {"cycles", totals.stage_cycles[i]},
        {"cycles_per_packet", ratio(totals.stage_cycles[i], totals["rx_packets"])},
        {"cycles_per_resumption", ratio(totals.stage_cycles[i], totals["resumptions"])}};
  return json;
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

std::string summary_line(const Totals& now, const Totals& earlier, double seconds) {
  const Totals d = now.since(earlier);
  const auto rate = [&](std::string_view name) { return static_cast<double>(d[name]) / seconds; };
  std::string line =
      fmt::format("sessions {} (half-open {}), resumed {} ({:.0f}/s)", now["sessions"],
                  now["half_opens"], now["resumptions"], rate("resumptions"));
  line += fmt::format(", rx {:.0f}/s, tx {:.0f}/s", rate("rx_packets"), rate("tx_packets"));
  for (const std::string_view name : {"nacks", "cookies_sent", "auth_failures", "child_failures",
                                      "retransmitted_m2", "retransmitted_m4"})
    if (d[name] != 0) line += fmt::format(", {} {}", name, d[name]);
  if (now["cookie_mode"] != 0) line += ", cookies demanded";
  if (d["resumptions"] != 0)
    line += fmt::format(", {:.0f} cycles per resumption", d.cycles_per_resumption());
  const std::string drops = drops_text(d, ", ");
  if (!drops.empty()) line += fmt::format("; drops: {}", drops);
  return line;
}

std::string final_report(const Totals& totals, double seconds) {
  std::string text = fmt::format("ran {:.1f} s\n", seconds);
  for (std::size_t i = 0; i < kCounterCount; ++i)
    if (totals.counters[i] != 0)
      text += fmt::format("  {:<20} {:>16}\n", kCounterRows[i].name, totals.counters[i]);
  const std::string drops = drops_text(totals, "\n    ");
  if (!drops.empty()) text += fmt::format("  drops\n    {}\n", drops);
  if (totals["resumptions"] == 0) return text;
  text += fmt::format("  cycles per resumption {:.0f}, by stage\n", totals.cycles_per_resumption());
  for (std::size_t i = 0; i < dp::kStageCount; ++i)
    text += fmt::format("    {:<16} {:>8.0f}\n", dp::kStageNames[i],
                        ratio(totals.stage_cycles[i], totals["resumptions"]));
  return text;
}

std::string stats_json(const StatsHead& head, const Workers& workers) {
  const Totals total = totals_of(workers);
  nlohmann::ordered_json json;
  json["version"] = head.version;
  json["pid"] = ::getpid();
  json["unix_s"] = head.unix_s;
  json["uptime_s"] = head.uptime_s;
  json["tsc_hz"] = head.tsc_hz;
  json["worker_cycles_per_resumption"] = total.cycles_per_resumption();
  json["total"] = json_of(total);
  auto& control = json["control"] = {{"cpu_s", head.control_cpu_s}};
  if (head.plane != nullptr)
    for (const PlaneCounterRow& row : kPlaneCounterRows)
      control[std::string(row.name)] = head.plane->*row.value;
  if (head.radius != nullptr) {
    auto& radius = json["radius"] = nlohmann::ordered_json::object();
    for (const RadiusCounterRow& row : kRadiusCounterRows)
      radius[std::string(row.name)] = head.radius->*row.value;
  }
  auto& list = json["workers"] = nlohmann::ordered_json::array();
  for (unsigned worker = 0; worker < workers.worker_count(); ++worker)
    list.push_back(json_of(totals_of(workers.counters(worker))));
  return json.dump(2) + "\n";
}

crypto::Status replace_file(const std::string& path, std::string_view text) {
  const std::string temporary = path + ".new";
  const int fd =
      ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
  bool written = fd >= 0 && write_all(fd, text);
  int error = errno;
  if (fd >= 0 && ::close(fd) != 0 && written) {
    written = false;
    error = errno;
  }
  if (written && ::rename(temporary.c_str(), path.c_str()) == 0) return {};
  if (written) error = errno;
  if (fd >= 0) ::unlink(temporary.c_str());
  return crypto::fail(fmt::format("cannot write {}: {}", path, std::strerror(error)));
}

}  // namespace cp
