// Lays out tables.
#include "tools/ctl/table.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

namespace ctl {
namespace {

using Row = std::vector<std::string>;

std::string laid_out(const Row& headings, const std::vector<Row>& rows) {
  if (rows.empty()) return "";
  std::vector<std::size_t> widths;
  for (const std::string& heading : headings) widths.push_back(heading.size());
  for (const Row& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  std::string text;
  const auto add = [&](const Row& row) {
    for (std::size_t i = 0; i + 1 < row.size(); ++i)
      text += fmt::format("{:<{}}  ", row[i], widths[i]);
    text += row.back() + "\n";
  };
  add(headings);
  for (const Row& row : rows) add(row);
  return text;
}

// A member as a cell, whatever it is.
std::string cell(const Json& row, const char* name) {
  const auto found = row.find(name);
  if (found == row.end() || found->is_null()) return "-";
  if (found->is_string()) return printable(found->get<std::string>());
  if (found->is_boolean()) return found->get<bool>() ? "yes" : "no";
  if (!found->is_array()) return printable(found->dump());
  std::string text;
  for (const Json& item : *found) {
    if (!text.empty()) text += ",";
    text += item.is_string() ? printable(item.get<std::string>()) : printable(item.dump());
  }
  return text.empty() ? "-" : text;
}

std::uint64_t number(const Json& row, const char* name) {
  const auto found = row.find(name);
  return found != row.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

std::string first_of(const Json& row, const char* name) {
  const auto found = row.find(name);
  if (found == row.end() || !found->is_array() || found->empty()) return "-";
  const std::string first = found->front().is_string() ? found->front().get<std::string>() : "?";
  return found->size() == 1 ? printable(first)
                            : fmt::format("{} +{}", printable(first), found->size() - 1);
}

// f(child) for each Child SA of an IKE SA.
template <class F>
void for_each_child(const Json& row, F f) {
  const auto children = row.find("children");
  if (children == row.end() || !children->is_array()) return;
  for (const Json& child : *children) f(child);
}

// The sum over the Child SAs; "-" when nobody told.
std::string carried(const Json& row, const char* name) {
  std::uint64_t sum = 0;
  bool is_told = false;
  for_each_child(row, [&](const Json& child) {
    is_told = is_told || (child.contains(name) && child[name].is_number_unsigned());
    sum += number(child, name);
  });
  return is_told ? amount_text(sum) : "-";
}

std::string last_in(const Json& row) {
  std::optional<std::uint64_t> last;
  for_each_child(row, [&](const Json& child) {
    if (!child.contains("last_in_s") || !child["last_in_s"].is_number_unsigned()) return;
    const std::uint64_t age = number(child, "last_in_s");
    last = std::min(last.value_or(age), age);
  });
  return last ? age_text(*last) : "-";
}

std::string served_by(const Json& row) {
  const std::string who = cell(row, "served_by");
  return who == "worker" ? "worker " + cell(row, "worker") : who;
}

std::string identity_of(const Json& row) {
  const std::string eap = cell(row, "eap_identity");
  return eap == "-" ? cell(row, "remote_id") : eap;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string clean(text);
  std::ranges::replace_if(
      clean, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; }, '?');
  return clean;
}

std::string age_text(std::uint64_t seconds) {
  if (seconds >= 86'400) return fmt::format("{}d {}h", seconds / 86'400, seconds / 3600 % 24);
  if (seconds >= 3600) return fmt::format("{}h {}m", seconds / 3600, seconds / 60 % 60);
  if (seconds >= 60) return fmt::format("{}m {}s", seconds / 60, seconds % 60);
  return fmt::format("{}s", seconds);
}

std::string amount_text(std::uint64_t amount) {
  constexpr std::array kUnits = {"k", "M", "G", "T", "P", "E"};
  if (amount < 1000) return fmt::format("{}", amount);
  auto value = static_cast<double>(amount) / 1000;
  std::size_t unit = 0;
  for (; value >= 999.95 && unit + 1 < kUnits.size(); ++unit) value /= 1000;
  return fmt::format("{:.1f}{}", value, kUnits[unit]);
}

std::string sa_table(const std::vector<Json>& rows) {
  std::vector<Row> cells;
  for (const Json& row : rows)
    cells.push_back({cell(row, "ike"), cell(row, "connection"), cell(row, "state"), served_by(row),
                     identity_of(row), cell(row, "remote"), cell(row, "addresses"),
                     cell(row, "proposal"), age_text(number(row, "established_s")),
                     cell(row, "resumptions"), carried(row, "packets_in"), carried(row, "bytes_in"),
                     carried(row, "packets_out"), carried(row, "bytes_out"), last_in(row)});
  return laid_out({"IKE", "CONNECTION", "STATE", "SERVED BY", "IDENTITY", "REMOTE", "ADDRESSES",
                   "PROPOSAL", "AGE", "RESUMED", "PKTS IN", "IN", "PKTS OUT", "OUT", "LAST IN"},
                  cells);
}

std::string missing_text(const Json& done) {
  std::string text;
  if (const std::uint64_t more = number(done, "more"); more != 0)
    text += fmt::format("... {} more, use --limit (0 = all) or a condition\n", more);
  const auto silent = done.find("silent_workers");
  if (silent == done.end() || !silent->is_array()) return text;
  for (const Json& worker : *silent)
    text += fmt::format("worker {} did not answer in time: {}\n", printable(worker.dump()),
                        done.contains("closing") ? "SAs that it serves were not closed"
                                                 : "its SAs or their counters are missing");
  return text;
}

std::string connection_table(const std::vector<Json>& rows) {
  std::vector<Row> cells;
  for (const Json& row : rows)
    cells.push_back({cell(row, "connection"), cell(row, "local_auth"), cell(row, "local_id"),
                     cell(row, "remote_auth"), cell(row, "remote_ids"), first_of(row, "proposals"),
                     first_of(row, "esp_proposals"), cell(row, "local_ts"), cell(row, "tickets")});
  return laid_out(
      {"CONNECTION", "LOCAL", "ID", "REMOTE", "IDS", "PROPOSALS", "ESP", "LOCAL TS", "TICKETS"},
      cells);
}

std::string pool_table(const std::vector<Json>& rows) {
  std::vector<Row> cells;
  for (const Json& row : rows) {
    const std::uint64_t size = number(row, "size");
    const double share =
        size == 0 ? 0
                  : 100.0 * static_cast<double>(number(row, "used")) / static_cast<double>(size);
    cells.push_back({cell(row, "pool"), cell(row, "range"), cell(row, "size"), cell(row, "used"),
                     fmt::format("{:.1f} %", share)});
  }
  return laid_out({"POOL", "RANGE", "SIZE", "USED", "SHARE"}, cells);
}

std::string counter_table(const std::vector<Json>& rows) {
  std::vector<Row> cells;
  for (const Json& row : rows)
    cells.push_back({cell(row, "name"), cell(row, "value"), cell(row, "meaning")});
  return laid_out({"COUNTER", "VALUE", "MEANING"}, cells);
}

std::string stats_text(const Json& row) {
  std::string text;
  if (!row.is_object()) return text;
  for (const auto& [name, value] : row.items()) {
    const bool is_age = name.ends_with("_s") && value.is_number_unsigned();
    text += fmt::format("{:<16} {}\n", name.substr(0, name.size() - (is_age ? 2 : 0)),
                        is_age ? age_text(value.get<std::uint64_t>()) : cell(row, name.c_str()));
  }
  return text;
}

std::string log_text(const Json& row) {
  const std::uint64_t unix_ms = number(row, "unix_ms");
  const std::tm when = fmt::gmtime(static_cast<std::time_t>(unix_ms / 1000));
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z {:<7} {}\n", when, unix_ms % 1000,
                     cell(row, "level"), cell(row, "text"));
}

}  // namespace ctl
