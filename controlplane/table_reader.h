// TableReader: typed reading of one TOML table, with every mistake collected and named by its
// place.
//
// A reader is asked for each key that its table may hold; what was never asked for is reported as
// unknown when finish() is called, with the nearest known name. A key that is absent leaves the
// caller's default. The table must outlive the reader. Any thread.
#pragma once

#include <toml++/toml.h>

#include <concepts>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "controlplane/config_error.h"
#include "crypto/base/error.h"

namespace cp {

enum class Presence : std::uint8_t { optional, required };

class TableReader {
 public:
  using Range = std::pair<std::int64_t, std::int64_t>;  // both ends allowed
  template <class T>
  using Parser = std::function<crypto::Result<T>(std::string_view)>;

  TableReader(const toml::table& table, std::string path, std::vector<ConfigError>& errors)
      : table_(table), path_(std::move(path)), errors_(errors) {}

  void string(std::string_view key, std::string& out, Presence presence = Presence::optional);
  void strings(std::string_view key, std::vector<std::string>& out,
               Presence presence = Presence::optional);
  template <std::integral T>
  void integer(std::string_view key, T& out, Range range) {
    if (std::int64_t value = 0; number(key, value, range)) out = static_cast<T>(value);
  }
  void real(std::string_view key, double& out, Range range);  // 2 and 2.0 are the same
  void integers(std::string_view key, std::vector<unsigned>& out, Range range);
  void boolean(std::string_view key, bool& out);
  // A duration in seconds or milliseconds; the range is in the same unit. True when it was read.
  bool seconds(std::string_view key, std::uint32_t& out, Range range) {
    return duration(key, out, range, 1000);
  }
  bool milliseconds(std::string_view key, std::uint32_t& out, Range range) {
    return duration(key, out, range, 1);
  }

  // One text that `parse` understands.
  template <class T>
  bool value(std::string_view key, T& out, std::type_identity_t<Parser<T>> parse,
             Presence presence = Presence::optional) {
    const toml::node* node = find(key, presence);
    if (node == nullptr) return false;
    return parse_node(key, *node, "a text", parse, out);
  }
  // A list of texts (or one text instead of a list of one). Replaces `out` when the key stands.
  template <class T>
  bool values(std::string_view key, std::vector<T>& out, std::type_identity_t<Parser<T>> parse,
              Presence presence = Presence::optional) {
    const toml::node* node = find(key, presence);
    if (node == nullptr) return false;
    std::vector<T> read;
    bool good = true;
    for (const toml::node* item : items(*node)) {
      T one{};
      good = parse_node(key, *item, "a text or a list of texts", parse, one) && good;
      read.push_back(std::move(one));
    }
    if (good) out = std::move(read);
    return good;
  }
  // One word of a list. True when it was read.
  template <class T>
  bool choice(std::string_view key, T& out, std::vector<std::pair<std::string_view, T>> words) {
    return value(key, out, [&](std::string_view text) { return one_of(text, words); });
  }

  // The table under `key`; null when it is absent or no table (which is reported).
  const toml::table* table(std::string_view key, Presence presence = Presence::optional);
  // All entries, each to be read as a table: for sections whose names the user chooses.
  std::vector<std::pair<std::string, const toml::table*>> named_tables();
  // A reader of `table`, which stands under `key`.
  TableReader inside(std::string_view key, const toml::table& table) const {
    return {table, path_of(key), errors_};
  }
  bool has(std::string_view key) const { return table_.contains(key); }

  void fail(std::string_view key, std::string text);
  // Reports what was never asked for.
  void finish();

  std::string path_of(std::string_view key) const;

 private:
  const toml::node* find(std::string_view key, Presence presence);
  void fail_at(const toml::source_region& place, std::string_view key, std::string text);
  bool number(std::string_view key, std::int64_t& out, Range range);
  bool duration(std::string_view key, std::uint32_t& out, Range range, std::uint64_t unit_ms);
  static std::vector<const toml::node*> items(const toml::node& node);

  template <class T>
  bool parse_node(std::string_view key, const toml::node& node, std::string_view shape,
                  const Parser<T>& parse, T& out) {
    const auto* text = node.as_string();
    if (text == nullptr) {
      fail_at(node.source(), key, "expected " + std::string(shape));
      return false;
    }
    crypto::Result<T> result = parse(text->get());
    if (!result) {
      fail_at(node.source(), key, result.error().text);
      return false;
    }
    out = std::move(*result);
    return true;
  }

  static std::string list_of(const std::vector<std::string_view>& words);
  template <class T>
  static crypto::Result<T> one_of(std::string_view text,
                                  const std::vector<std::pair<std::string_view, T>>& words) {
    std::vector<std::string_view> names;
    for (const auto& [name, value] : words) {
      if (name == text) return value;
      names.push_back(name);
    }
    return crypto::fail("expected " + list_of(names) + ", not \"" + std::string(text) + "\"");
  }

  const toml::table& table_;
  std::string path_;
  std::vector<ConfigError>& errors_;
  std::vector<std::string> known_;
};

}  // namespace cp
