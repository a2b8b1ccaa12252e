// ConfigError: one mistake in a configuration, named by its place.
#pragma once

#include <cstdint>
#include <string>

namespace cp {

// Lines and columns count from 1; 0 = the text as a whole.
struct ConfigError {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::string key;   // dotted path, empty for a syntax error
  std::string text;  // what was expected
  bool operator==(const ConfigError&) const = default;
};

}  // namespace cp
