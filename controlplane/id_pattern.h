// IdPattern: which identities a connection or a secret is for, in the notation of swanctl.conf.
//
//   "user@example.org", "@gw", an address, "keyid:...", "C=CH, O=Example, CN=user"   that one
//   "*@example.org", "*.example.org"                                                 all that end
//   so "C=CH, O=Example, CN=*"                                                          any CN
//   "%any", "*"                                                                      everybody
//
// An identity is a body as it stands in IDi and IDr: type (1) | reserved (3) | octets (RFC 7296
// §3.5); the reserved octets are not looked at. Host and mail names and distinguished names do not
// tell upper from lower case. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/base/bytes.h"
#include "crypto/base/error.h"

namespace cp {

using IdBody = std::vector<std::uint8_t>;

// How well an identity fits; a higher one is a better match.
enum class IdMatch : std::uint8_t { none, any, pattern, exact };

struct IdPattern {
  IdMatch kind = IdMatch::any;  // any, pattern or exact
  IdBody body;  // exact: the identity; pattern: type and what stands behind the '*', or a
                // distinguished name with open parts
  bool operator==(const IdPattern&) const = default;
};

crypto::Result<IdPattern> parse_id_pattern(std::string_view text);
std::string id_pattern_text(const IdPattern& pattern);

IdMatch match(const IdPattern& pattern, crypto::Bytes id_body);
// The best of all; no pattern at all is for everybody.
IdMatch best_match(const std::vector<IdPattern>& patterns, crypto::Bytes id_body);
// Whether two bodies name the same: `match` of an exact pattern.
bool same_identity(crypto::Bytes a, crypto::Bytes b);

}  // namespace cp
