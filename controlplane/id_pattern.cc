// Reads patterns of identities and compares identities with them.
#include "controlplane/id_pattern.h"

#include <algorithm>
#include <utility>

#include "controlplane/identity_text.h"
#include "crypto/distinguished_name.h"
#include "ike/registry.h"

namespace cp {
namespace {

constexpr std::size_t kTypeLen = 4;  // type and reserved octets

// ASCII only, and the same in every locale.
std::uint8_t lower(std::uint8_t c) {
  return c >= 'A' && c <= 'Z' ? static_cast<std::uint8_t>(c + ('a' - 'A')) : c;
}

bool equal_without_case(crypto::Bytes a, crypto::Bytes b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

bool is_dn(std::uint8_t type) { return type == std::to_underlying(ike::IdType::der_asn1_dn); }

bool has_case(std::uint8_t type) {
  return type != std::to_underlying(ike::IdType::fqdn) &&
         type != std::to_underlying(ike::IdType::rfc822_addr);
}

// Where the '*' of a pattern stands that is for all names with one ending; npos when it is none.
std::size_t star_of(std::string_view text) {
  const std::size_t at = text.starts_with("@") ? 1 : 0;
  const std::string_view name = text.substr(at);
  return name.starts_with("*@") || name.starts_with("*.") ? at : std::string_view::npos;
}

}  // namespace

crypto::Result<IdPattern> parse_id_pattern(std::string_view text) {
  if (text == "%any" || text == "*") return IdPattern{};
  const std::size_t star = star_of(text);
  const bool is_pattern = star != std::string_view::npos;
  // "*.example.org" is read as the name "x.example.org": its type is guessed by the same rules.
  std::string name(text);
  if (is_pattern) name[star] = 'x';
  const auto body = parse_identity(name);
  if (!body) return std::unexpected(body.error());
  IdPattern pattern{is_pattern ? IdMatch::pattern : IdMatch::exact, {body->begin(), body->end()}};
  if (is_pattern) pattern.body.erase(pattern.body.begin() + kTypeLen);
  // A part of a distinguished name can stand open.
  if (is_dn(pattern.body[0]) && text.find("=*") != std::string_view::npos)
    pattern.kind = IdMatch::pattern;
  return pattern;
}

std::string id_pattern_text(const IdPattern& pattern) {
  if (pattern.kind == IdMatch::any) return "%any";
  if (pattern.kind == IdMatch::exact || is_dn(pattern.body[0])) return identity_text(pattern.body);
  return "*" + std::string(pattern.body.begin() + kTypeLen, pattern.body.end());
}

bool same_identity(crypto::Bytes a, crypto::Bytes b) {
  if (a.size() < kTypeLen || b.size() < kTypeLen || a[0] != b[0]) return false;
  const crypto::Bytes x = a.subspan(kTypeLen);
  const crypto::Bytes y = b.subspan(kTypeLen);
  if (is_dn(a[0])) return crypto::dn_equal(x, y);
  return has_case(a[0]) ? std::ranges::equal(x, y) : equal_without_case(x, y);
}

IdMatch match(const IdPattern& pattern, crypto::Bytes id_body) {
  if (pattern.kind == IdMatch::any) return IdMatch::any;
  if (pattern.kind == IdMatch::exact)
    return same_identity(pattern.body, id_body) ? IdMatch::exact : IdMatch::none;
  if (id_body.size() <= kTypeLen || id_body[0] != pattern.body[0]) return IdMatch::none;
  const crypto::Bytes octets = id_body.subspan(kTypeLen);
  const crypto::Bytes ending = crypto::Bytes(pattern.body).subspan(kTypeLen);
  // Something must stand for the '*'.
  const bool fits =
      is_dn(pattern.body[0])
          ? crypto::dn_matches(ending, octets)
          : octets.size() > ending.size() && equal_without_case(octets.last(ending.size()), ending);
  return fits ? IdMatch::pattern : IdMatch::none;
}

IdMatch best_match(const std::vector<IdPattern>& patterns, crypto::Bytes id_body) {
  if (patterns.empty()) return IdMatch::any;
  IdMatch best = IdMatch::none;
  for (const IdPattern& pattern : patterns) best = std::max(best, match(pattern, id_body));
  return best;
}

}  // namespace cp
