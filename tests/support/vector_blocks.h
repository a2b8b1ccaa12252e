// Reads the text vectors of tests/vectors: blocks of "name: value" lines parted by empty lines.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/support/vectors.h"

namespace support {

struct VectorBlock {
  std::map<std::string, std::string> values;
  // Both throw when there is no such value.
  const std::string& text(const std::string& name) const { return values.at(name); }
  Octets octets(const std::string& name) const { return from_hex(text(name)); }
};

// `name` is relative to tests/vectors. Throws when the file is missing, malformed or empty.
inline std::vector<VectorBlock> load_blocks(const std::string& name) {
  std::ifstream file(std::string(TEST_VECTORS_DIR) + "/" + name);
  if (!file) throw std::runtime_error("cannot open test vectors: " + name);
  std::vector<VectorBlock> blocks;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) {
      if (!line.empty()) throw std::runtime_error(name + ": " + line);
      inside = false;
      continue;
    }
    if (!inside) blocks.emplace_back();
    inside = true;
    const std::size_t value = line.find_first_not_of(' ', colon + 1);
    blocks.back().values[line.substr(0, colon)] =
        value == std::string::npos ? std::string() : line.substr(value);
  }
  if (blocks.empty()) throw std::runtime_error("no test vectors in " + name);
  return blocks;
}

}  // namespace support
