// Test vectors: the JSON files of tests/vectors.
//
// The test program is compiled with -DTEST_VECTORS_DIR="<path of tests/vectors>".
#pragma once

#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "tests/support/hex.h"

namespace support {

// A member of a JSON object that is a string, and one that holds hex.
inline std::string text_at(const nlohmann::json& object, const char* key) {
  return object.at(key).get<std::string>();
}
inline Octets hex_at(const nlohmann::json& object, const char* key) {
  return from_hex(text_at(object, key));
}

// `name` is relative to tests/vectors. Throws when the file is missing or malformed.
inline nlohmann::json load_vectors(const std::string& name) {
  std::ifstream file(std::string(TEST_VECTORS_DIR) + "/" + name);
  if (!file) throw std::runtime_error("cannot open test vectors: " + name);
  return nlohmann::json::parse(file);
}

}  // namespace support
