// Hexadecimal and Base64 texts of octets, for identities, key ids and tickets on a command line.
// Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/base/bytes.h"
#include "crypto/base/error.h"

namespace cp {

// Lower case, no separators.
std::string hex_text(crypto::Bytes octets);
// Either case; an even number of digits; nothing else.
crypto::Result<std::vector<std::uint8_t>> parse_hex(std::string_view text);
// RFC 4648 §4, or §5 ("-" and "_"); padding may be left out; white space is skipped.
crypto::Result<std::vector<std::uint8_t>> parse_base64(std::string_view text);

}  // namespace cp
