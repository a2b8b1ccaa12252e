// Reads and writes hexadecimal, reads Base64.
#include "controlplane/hex_text.h"

#include <fmt/format.h>

namespace cp {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

int base64_digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+' || c == '-') return 62;
  if (c == '/' || c == '_') return 63;
  return -1;
}

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

}  // namespace

std::string hex_text(crypto::Bytes octets) {
  std::string text;
  for (const std::uint8_t octet : octets) text += fmt::format("{:02x}", octet);
  return text;
}

crypto::Result<std::vector<std::uint8_t>> parse_hex(std::string_view text) {
  std::vector<std::uint8_t> octets;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    const int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);
    if (high < 0 || low < 0) return crypto::fail("expected hexadecimal digits");
    octets.push_back(static_cast<std::uint8_t>(high << 4 | low));
  }
  if (text.size() % 2 != 0) return crypto::fail("expected an even number of hexadecimal digits");
  return octets;
}

crypto::Result<std::vector<std::uint8_t>> parse_base64(std::string_view text) {
  std::vector<std::uint8_t> octets;
  std::uint32_t bits = 0;
  unsigned bit_count = 0, digits = 0, padding = 0;
  for (const char c : text) {
    if (is_space(c)) continue;
    if (c == '=') {
      ++padding;
      continue;
    }
    const int digit = base64_digit(c);
    if (digit < 0 || padding != 0) return crypto::fail("expected Base64 digits");
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    bit_count += 6;
    ++digits;
    if (bit_count < 8) continue;
    bit_count -= 8;
    octets.push_back(static_cast<std::uint8_t>(bits >> bit_count));
    bits &= (1u << bit_count) - 1;
  }
  if (digits % 4 == 1 || bits != 0 || (padding != 0 && (digits + padding) % 4 != 0))
    return crypto::fail("the Base64 text ends in the middle of an octet");
  return octets;
}

}  // namespace cp
