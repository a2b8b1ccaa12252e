// Lays out tables.
#include "tools/ctl/table.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

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

std::uint64_t sum_of(const Json& row, const char* name) {
  const auto children = row.find("children");
  if (children == row.end() || !children->is_array()) return 0;
  std::uint64_t sum = 0;
  for (const Json& child : *children) sum += number(child, name);
  return sum;
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
    cells.push_back({cell(row, "ike"), cell(row, "connection"), cell(row, "state"),
                     identity_of(row), cell(row, "remote"), cell(row, "addresses"),
                     cell(row, "proposal"), age_text(number(row, "established_s")),
                     cell(row, "resumptions"), amount_text(sum_of(row, "bytes_in")),
                     amount_text(sum_of(row, "bytes_out"))});
  return laid_out({"IKE", "CONNECTION", "STATE", "IDENTITY", "REMOTE", "ADDRESSES", "PROPOSAL",
                   "AGE", "RESUMED", "IN", "OUT"},
                  cells);
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
