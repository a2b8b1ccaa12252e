// Reads TOML tables by key and type.
#include "controlplane/table_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>

#include "controlplane/value_text.h"

namespace cp {
namespace {

// Insertions, deletions and replacements that turn one word into the other (Levenshtein).
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row.back();
}

// The known word that the unknown one was probably meant to be, or nothing.
std::string_view nearest(std::string_view word, const std::vector<std::string>& known) {
  constexpr std::size_t kWordMax = 64;  // nobody mistypes a longer one; keeps the cost bounded
  std::string_view best;
  if (word.size() > kWordMax) return best;
  std::size_t best_distance = std::max<std::size_t>(2, word.size() / 3) + 1;
  for (const std::string& candidate : known) {
    const std::size_t d = distance(word, candidate);
    if (d >= best_distance) continue;
    best_distance = d;
    best = candidate;
  }
  return best;
}

crypto::Result<std::string> parse_text(std::string_view text) {
  if (text.empty()) return crypto::fail("expected a text that is not empty");
  if (text.find('\0') != std::string_view::npos)
    return crypto::fail("expected a text without NUL characters");
  return std::string(text);
}

}  // namespace

std::string TableReader::path_of(std::string_view key) const {
  return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
}

void TableReader::fail_at(const toml::source_region& place, std::string_view key,
                          std::string text) {
  errors_.push_back({place.begin.line, place.begin.column, path_of(key), std::move(text)});
}

void TableReader::fail(std::string_view key, std::string text) {
  const toml::node* node = table_.get(key);
  fail_at(node != nullptr ? node->source() : table_.source(), key, std::move(text));
}

const toml::node* TableReader::find(std::string_view key, Presence presence) {
  known_.emplace_back(key);
  const toml::node* node = table_.get(key);
  if (node == nullptr && presence == Presence::required)
    fail_at(table_.source(), key, "is missing and has no default");
  return node;
}

void TableReader::string(std::string_view key, std::string& out, Presence presence) {
  value(key, out, parse_text, presence);
}

void TableReader::strings(std::string_view key, std::vector<std::string>& out, Presence presence) {
  values(key, out, parse_text, presence);
}

void TableReader::boolean(std::string_view key, bool& out) {
  const toml::node* node = find(key, Presence::optional);
  if (node == nullptr) return;
  if (const auto* value = node->as_boolean()) {
    out = value->get();
  } else {
    fail_at(node->source(), key, "expected true or false, without quotes");
  }
}

bool TableReader::number(std::string_view key, std::int64_t& out, Range range) {
  const toml::node* node = find(key, Presence::optional);
  if (node == nullptr) return false;
  const auto* value = node->as_integer();
  if (value == nullptr || value->get() < range.first || value->get() > range.second) {
    fail_at(node->source(), key,
            fmt::format("expected a number from {} to {}", range.first, range.second));
    return false;
  }
  out = value->get();
  return true;
}

void TableReader::real(std::string_view key, double& out, Range range) {
  const toml::node* node = find(key, Presence::optional);
  if (node == nullptr) return;
  const std::optional<double> value = node->is_number() ? node->value<double>() : std::nullopt;
  // Not a number compares to nothing.
  if (value && *value >= static_cast<double>(range.first) &&
      *value <= static_cast<double>(range.second))
    out = *value;
  else
    fail_at(node->source(), key,
            fmt::format("expected a number from {} to {}", range.first, range.second));
}

void TableReader::integers(std::string_view key, std::vector<unsigned>& out, Range range) {
  const toml::node* node = find(key, Presence::optional);
  if (node == nullptr) return;
  std::vector<unsigned> read;
  const toml::array* list = node->as_array();
  bool good = list != nullptr;
  for (std::size_t i = 0; good && i < list->size(); ++i) {
    const auto* value = list->get(i)->as_integer();
    good = value != nullptr && value->get() >= range.first && value->get() <= range.second;
    if (good) read.push_back(static_cast<unsigned>(value->get()));
  }
  if (good) {
    out = std::move(read);
  } else {
    fail_at(node->source(), key,
            fmt::format("expected a list of numbers from {} to {}", range.first, range.second));
  }
}

bool TableReader::duration(std::string_view key, std::uint32_t& out, Range range,
                           std::uint64_t unit_ms) {
  const auto low = static_cast<std::uint64_t>(range.first) * unit_ms;
  const auto high = static_cast<std::uint64_t>(range.second) * unit_ms;
  const auto parse = [&](std::string_view text) -> crypto::Result<std::uint32_t> {
    const auto ms = parse_duration_ms(text);
    if (!ms) return std::unexpected(ms.error());
    if (*ms < low || *ms > high || *ms % unit_ms != 0)
      return crypto::fail(fmt::format("expected a duration from {} to {} in whole {}, not \"{}\"",
                                      duration_text(low), duration_text(high),
                                      unit_ms == 1 ? "milliseconds" : "seconds", text));
    return static_cast<std::uint32_t>(*ms / unit_ms);
  };
  const toml::node* node = find(key, Presence::optional);
  if (node == nullptr) return false;
  return parse_node<std::uint32_t>(key, *node, "a duration as a text, e.g. \"90s\" or \"24h\"",
                                   parse, out);
}

const toml::table* TableReader::table(std::string_view key, Presence presence) {
  const toml::node* node = find(key, presence);
  if (node == nullptr) return nullptr;
  if (node->as_table() == nullptr)
    fail_at(node->source(), key, fmt::format("expected a section: [{}]", path_of(key)));
  return node->as_table();
}

std::vector<std::pair<std::string, const toml::table*>> TableReader::named_tables() {
  std::vector<std::pair<std::string, const toml::table*>> found;
  for (const auto& [key, node] : table_) {
    known_.emplace_back(key.str());
    if (node.as_table() != nullptr) {
      found.emplace_back(key.str(), node.as_table());
    } else {
      fail_at(node.source(), key.str(),
              fmt::format("expected a section: [{}]", path_of(key.str())));
    }
  }
  // The order of the file, not of the alphabet: the first connection named comes first.
  std::ranges::sort(found, {}, [](const auto& entry) {
    const toml::source_position& at = entry.second->source().begin;
    return std::pair(at.line, at.column);
  });
  return found;
}

void TableReader::finish() {
  for (const auto& [key, node] : table_) {
    const std::string_view name = key.str();
    if (std::ranges::find(known_, name) != known_.end()) continue;
    const std::string_view meant = nearest(name, known_);
    const std::string_view kind = node.is_table() ? "section" : "key";
    fail_at(key.source(), name,
            meant.empty() ? fmt::format("unknown {}", kind)
                          : fmt::format("unknown {}; did you mean \"{}\"?", kind, meant));
  }
}

std::vector<const toml::node*> TableReader::items(const toml::node& node) {
  const toml::array* list = node.as_array();
  if (list == nullptr) return {&node};
  std::vector<const toml::node*> found;
  for (const toml::node& item : *list) found.push_back(&item);
  return found;
}

std::string TableReader::list_of(const std::vector<std::string_view>& words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i != 0) text += i + 1 == words.size() ? " or " : ", ";
    text += fmt::format("\"{}\"", words[i]);
  }
  return text;
}

}  // namespace cp
