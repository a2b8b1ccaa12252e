// Reading the pattern once, so that a client costs two pieces of text and a number.
#include "tools/storm/client_identity.h"

#include <fmt/format.h>

#include <charconv>
#include <limits>

#include "controlplane/identity_text.h"

namespace storm {
namespace {

constexpr unsigned kDigitsMax = 20;

}  // namespace

crypto::Result<ClientIdentity> ClientIdentity::parse(const std::string& pattern) {
  const auto wrong = [&](const char* why) {
    return crypto::fail(fmt::format(
        "'{}' is no pattern of identities such as client-%07u@storm.example: {}", pattern, why));
  };
  ClientIdentity identity;
  bool has_number = false;
  for (std::size_t at = 0; at < pattern.size(); ++at) {
    std::string& part = has_number ? identity.after_ : identity.before_;
    if (pattern[at] != '%') {
      part += pattern[at];
      continue;
    }
    if (++at < pattern.size() && pattern[at] == '%') {
      part += '%';
      continue;
    }
    const char* end = pattern.data() + pattern.size();
    const char* digits = pattern.data() + at;
    if (digits < end && *digits == '0') {
      const auto [rest, error] = std::from_chars(digits, end, identity.digits_);
      if (error != std::errc() || identity.digits_ > kDigitsMax) return wrong("too many digits");
      digits = rest;
    }
    if (digits == end || *digits != 'u') return wrong("only %u, %0Nu and %% may stand in it");
    if (has_number) return wrong("the number may stand in it once");
    has_number = true;
    at = static_cast<std::size_t>(digits - pattern.data());
  }
  if (!has_number) return wrong("the number %u does not stand in it");
  const std::string longest = identity.text(std::numeric_limits<std::uint32_t>::max());
  if (const auto body = cp::parse_identity(longest); !body) return std::unexpected(body.error());
  return identity;
}

std::string ClientIdentity::text(std::uint32_t client) const {
  return fmt::format("{}{:0{}}{}", before_, client, digits_, after_);
}

std::string ClientIdentity::body(std::uint32_t client) const {
  return cp::parse_identity(text(client)).value();
}

}  // namespace storm
