// The figures of a run as table, JSON and CSV.
#include "tools/storm/result.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>

namespace storm {
namespace {

constexpr double kNsPerUs = 1000.0;

double microseconds(std::uint64_t ns) { return static_cast<double>(ns) / kNsPerUs; }

struct Percentile {
  const char* name;
  unsigned ten_thousandths;
};
constexpr std::array kPercentiles = {Percentile{"p50", 5000}, Percentile{"p90", 9000},
                                     Percentile{"p99", 9900}, Percentile{"p999", 9990},
                                     Percentile{"max", 10000}};

std::string latency_row(const char* name, const Histogram& h) {
  std::string row = fmt::format("  {:<22}", name);
  for (const Percentile& p : kPercentiles)
    row += fmt::format(" {:>5} {:>11.1f}", p.name, microseconds(h.quantile(p.ten_thousandths)));
  return row + "\n";
}

std::string tunnel_rows(const TunnelResult& t) {
  std::string text = latency_row("until back, us", t.latency);
  text += latency_row("echo, us", t.round_trip);
  for (const TunnelResult::Traffic& traffic : t.traffic) {
    text += fmt::format("  {:<22} {:>12} of {} answered, {:.2f} %\n",
                        fmt::format("traffic, {}", traffic.name), traffic.answered, traffic.sent,
                        traffic.percent());
    text += latency_row("  latency, us", traffic.latency);
  }
  return text;
}

std::size_t index_of(Outcome o) { return static_cast<std::size_t>(o); }

void add_tunnels(nlohmann::ordered_json& json, const Result& result) {
  const TunnelResult& t = *result.tunnels;
  json["back"] = t.back;
  json["back_seconds"] = t.seconds;
  json["back_extra_seconds"] = result.extra_seconds();
  json["last_back_unix_s"] = t.last_back_unix_s;
  for (const Percentile& p : kPercentiles)
    json[fmt::format("back_{}_us", p.name)] = microseconds(t.latency.quantile(p.ten_thousandths));
  for (const Percentile& p : kPercentiles)
    json[fmt::format("echo_{}_us", p.name)] =
        microseconds(t.round_trip.quantile(p.ten_thousandths));
  for (const TunnelResult::Traffic& traffic : t.traffic) {
    auto& row = json["traffic"][traffic.name];
    row["sent"] = traffic.sent;
    row["answered"] = traffic.answered;
    row["percent"] = traffic.percent();
    row["p50_us"] = microseconds(traffic.latency.quantile(5000));
    row["p99_us"] = microseconds(traffic.latency.quantile(9900));
  }
}

nlohmann::ordered_json json_of(const Result& result) {
  nlohmann::ordered_json json;
  json["clients"] = result.clients;
  json[kOutcomes[index_of(result.success)].name] = result.up();
  json["seconds"] = result.seconds;
  json[result.connecting() ? "handshakes_per_second" : "resumptions_per_second"] = result.rate();
  for (const Percentile& p : kPercentiles)
    json[fmt::format("{}_us", p.name)] = microseconds(result.latency.quantile(p.ten_thousandths));
  if (result.tunnels != nullptr) add_tunnels(json, result);
  json["failed"] = result.clients - result.up();
  json["nacks"] = result.of(Outcome::nack);
  json["auth_failures"] = result.of(Outcome::auth_refused);
  json["wrong_auth"] = result.of(Outcome::wrong_auth) + result.of(Outcome::wrong_identity);
  json["first_up_unix_s"] = result.first_up_unix_s;
  json["last_up_unix_s"] = result.last_up_unix_s;
  for (const auto& [name, number] : result.counts) json[name] = number;
  if (result.dpd) {
    for (const Percentile& p : kPercentiles)
      json[fmt::format("dpd_{}_us", p.name)] =
          microseconds(result.dpd_latency.quantile(p.ten_thousandths));
  }
  auto& outcomes = json["outcomes"];
  for (const OutcomeRow& row : kOutcomes) outcomes[row.name] = result.of(row.outcome);
  if (result.beside != nullptr) json["beside"] = json_of(*result.beside);
  auto& setting = json["setting"];
  for (const auto& [name, value] : result.setting) setting[name] = value;
  json["objection"] = result.objection();
  return json;
}

}  // namespace

std::uint64_t Result::count(std::string_view name) const {
  for (const auto& [counted, number] : counts)
    if (counted == name) return number;
  return 0;
}

double TunnelResult::Traffic::percent() const {
  return sent == 0 ? 0.0 : 100.0 * static_cast<double>(answered) / static_cast<double>(sent);
}

double Result::extra_seconds() const {
  return tunnels == nullptr ? 0.0 : std::max(tunnels->seconds - seconds, 0.0);
}

double Result::rate() const { return seconds > 0 ? static_cast<double>(up()) / seconds : 0.0; }

std::string Result::objection() const {
  const std::uint64_t wrong = of(Outcome::wrong_auth) + of(Outcome::wrong_identity);
  if (wrong != 0) return fmt::format("the gateway's AUTH or identity was wrong {} times", wrong);
  if (up() != clients)
    return fmt::format("{} of {} clients did not {}", clients - up(), clients,
                       connecting() ? "connect" : "resume");
  if (tickets_wanted && count("new_tickets") != up())
    return fmt::format("{} of {} clients got no ticket", up() - count("new_tickets"), up());
  if (tunnels != nullptr && tunnels->back != up())
    return fmt::format(
        "the echo of {} of {} sessions did not come back{}", up() - tunnels->back, up(),
        count("echo_no_address") == 0 ? "" : ": they have no address of the family of --echo-to");
  if (dpd && count("dpd_answered") != up())
    return fmt::format("{} of {} sessions did not answer DPD", up() - count("dpd_answered"), up());
  return {};
}

std::string to_table(const Result& result) {
  std::string text =
      fmt::format("\n  {:<22} {:>12} of {} in {:.3f} s\n", kOutcomes[index_of(result.success)].name,
                  result.up(), result.clients, result.seconds);
  text += fmt::format("  {:<22} {:>12.0f}\n",
                      result.connecting() ? "handshakes a second" : "resumptions a second",
                      result.rate());
  if (result.tunnels != nullptr)
    text += fmt::format("  {:<22} {:>12} of {} in {:.3f} s, {:.3f} s after the last session\n",
                        "back", result.tunnels->back, result.clients, result.tunnels->seconds,
                        result.extra_seconds());
  text += latency_row("latency, us", result.latency);
  if (result.tunnels != nullptr) text += tunnel_rows(*result.tunnels);
  if (result.dpd) text += latency_row("DPD latency, us", result.dpd_latency);
  for (const OutcomeRow& row : kOutcomes)
    if (row.outcome != result.success && result.of(row.outcome) != 0)
      text += fmt::format("  {:<22} {:>12}  {}\n", row.name, result.of(row.outcome), row.meaning);
  for (const auto& [name, number] : result.counts)
    if (number != 0) text += fmt::format("  {:<22} {:>12}\n", name, number);
  for (const auto& [name, value] : result.setting)
    text += fmt::format("  {:<22} {}\n", name, value);
  if (result.beside != nullptr) text += "\n  meanwhile" + to_table(*result.beside);
  return text;
}

std::string to_json(const Result& result) {
  // A device's or machine's name may hold anything.
  return json_of(result).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

std::string to_csv(const Result& result) {
  std::string text = "time_s,up,rate_per_s,in_flight,retransmissions,back\n";
  Sample before;
  for (const Sample& s : result.samples) {
    const double step = s.seconds - before.seconds;
    const double rate = step > 0 ? static_cast<double>(s.up - before.up) / step : 0.0;
    text += fmt::format("{:.3f},{},{:.0f},{},{},{}\n", s.seconds, s.up, rate, s.in_flight,
                        s.retransmissions, s.back);
    before = s;
  }
  return text;
}

crypto::Status write_text(const std::string& path, const std::string& text) {
  std::FILE* file = path == "-" ? stdout : std::fopen(path.c_str(), "w");
  if (file == nullptr)
    return crypto::fail(fmt::format("{}: cannot be created: {}", path, std::strerror(errno)));
  bool wrote = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  wrote = std::fflush(file) == 0 && wrote;
  if (file != stdout) std::fclose(file);
  if (!wrote) return crypto::fail(fmt::format("{}: cannot be written", path));
  return {};
}

std::vector<Sample> thinned(const std::vector<Sample>& samples, std::size_t points) {
  if (samples.size() <= points || points < 2) return samples;
  std::vector<Sample> some;
  for (std::size_t i = 0; i + 1 < points; ++i) some.push_back(samples[i * samples.size() / points]);
  some.push_back(samples.back());
  return some;
}

}  // namespace storm
