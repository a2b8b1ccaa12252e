// The used-set's file format as octets, and where an issuer's place in the published array begins.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/mix.h"
#include "dataplane/used_set.h"

namespace dp {

inline constexpr std::size_t kUsedHeaderLen = 4096;
inline constexpr std::size_t kUsedValidUntilOffset = 24;
using UsedHeader = std::array<std::uint8_t, kUsedHeaderLen>;

struct UsedFields {
  ike::IssuerId issuer;
  std::uint64_t capacity = 0;
  std::uint64_t valid_until_s = 0;
};

UsedHeader write_used_header(const UsedFields& fields);
// False unless every octet is as write_used_header() makes it.
[[nodiscard]] bool parse_used_header(const UsedHeader& header, UsedFields& out);

constexpr std::size_t used_file_len(std::uint64_t capacity) {
  return kUsedHeaderLen + static_cast<std::size_t>(capacity / 8);
}
constexpr bool is_past(std::uint64_t valid_until_s, std::uint64_t now_s) {
  return now_s > valid_until_s && now_s - valid_until_s > kUsedGraceS;
}
// Issuer ids are random and authenticated before they are looked up: mixing needs no secret.
inline std::size_t used_place(ike::IssuerId issuer, std::size_t places) {
  return multiply_fold(issuer.value() ^ 0x9e3779b97f4a7c15, 0xd6e8feb86659fd93) % places;
}

}  // namespace dp
