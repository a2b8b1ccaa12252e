// Reads and writes identities.
#include "controlplane/identity_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>
#include <variant>

#include "controlplane/hex_text.h"
#include "controlplane/value_text.h"
#include "crypto/distinguished_name.h"
#include "ike/registry.h"

namespace cp {
namespace {

struct Prefix {
  std::string_view text;
  ike::IdType type;
};
constexpr std::array kPrefixes = {
    Prefix{"keyid:", ike::IdType::key_id},       Prefix{"email:", ike::IdType::rfc822_addr},
    Prefix{"rfc822:", ike::IdType::rfc822_addr}, Prefix{"fqdn:", ike::IdType::fqdn},
    Prefix{"dns:", ike::IdType::fqdn},           Prefix{"asn1dn:", ike::IdType::der_asn1_dn},
};

std::string body_of(ike::IdType type, std::string_view octets) {
  std::string body(4, '\0');
  body[0] = static_cast<char>(std::to_underlying(type));
  return body.append(octets);
}

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

crypto::Result<std::string> parse_key_id(std::string_view text) {
  if (!text.starts_with('#')) return body_of(ike::IdType::key_id, text);
  const auto octets = parse_hex(text.substr(1));
  if (!octets) return std::unexpected(octets.error());
  return body_of(ike::IdType::key_id, std::string(octets->begin(), octets->end()));
}

crypto::Result<std::string> refuse(std::string_view text) {
  return crypto::fail(
      fmt::format("expected an identity such as \"user@example.org\", \"@gw.example.org\", an "
                  "address or \"keyid:...\", not \"{}\"",
                  text));
}

crypto::Result<std::string> parse_dn(std::string_view text) {
  const auto der = crypto::dn_from_text(text);
  if (!der) return std::unexpected(der.error());
  return body_of(ike::IdType::der_asn1_dn, std::string(der->begin(), der->end()));
}

crypto::Result<std::string> parse_name(std::string_view text) {
  const bool marked = text.starts_with('@');
  const std::string_view name = marked ? text.substr(1) : text;
  const bool has_at = name.find('@') != std::string_view::npos;
  if (name.empty() || !is_printable(name) || (marked && has_at) || name.starts_with('@') ||
      name.ends_with('@'))
    return refuse(text);
  return body_of(has_at ? ike::IdType::rfc822_addr : ike::IdType::fqdn, name);
}

crypto::Result<std::string> parse_typed(ike::IdType type, std::string_view text) {
  if (type == ike::IdType::key_id) return parse_key_id(text);
  if (type == ike::IdType::der_asn1_dn) return parse_dn(text);
  if (text.empty() || !is_printable(text)) return refuse(text);
  return body_of(type, text);
}

// strongSwan's order: what has a '=' is a distinguished name, then addresses, then names.
crypto::Result<std::string> parse_by_form(std::string_view text) {
  if (text.starts_with("@#")) return parse_key_id(text.substr(1));
  if (text.find('=') != std::string_view::npos) return parse_dn(text);
  const auto address = parse_address(text);
  if (!address) return parse_name(text);
  const bool is_ip6 = std::holds_alternative<ike::Ip6>(*address);
  const std::string octets =
      std::visit([](const auto& a) { return std::string(a.begin(), a.end()); }, *address);
  return body_of(is_ip6 ? ike::IdType::ipv6_addr : ike::IdType::ipv4_addr, octets);
}

}  // namespace

crypto::Result<std::string> parse_identity(std::string_view text) {
  const auto prefix =
      std::ranges::find_if(kPrefixes, [&](const Prefix& p) { return text.starts_with(p.text); });
  const auto body = prefix == kPrefixes.end()
                        ? parse_by_form(text)
                        : parse_typed(prefix->type, text.substr(prefix->text.size()));
  if (!body) return body;
  if (body->size() == 4) return crypto::fail(fmt::format("the identity \"{}\" is empty", text));
  if (body->size() > 4 + kIdentityLenMax)
    return crypto::fail(fmt::format("an identity has at most {} octets, not {}", kIdentityLenMax,
                                    body->size() - 4));
  return body;
}

std::string identity_text(crypto::Bytes body) {
  if (body.size() < 4) return "malformed: " + hex_text(body);
  const crypto::Bytes octets = body.subspan(4);
  const std::string name(octets.begin(), octets.end());
  const bool printable = !name.empty() && is_printable(name);
  ike::Ip4 ip4;
  ike::Ip6 ip6;
  switch (static_cast<ike::IdType>(body[0])) {
    case ike::IdType::fqdn:
      if (printable) return "@" + name;
      break;
    case ike::IdType::rfc822_addr:
      if (printable) return name;
      break;
    case ike::IdType::key_id:
      return printable && !name.starts_with('#') ? "keyid:" + name : "keyid:#" + hex_text(octets);
    case ike::IdType::ipv4_addr:
      if (octets.size() != ip4.size()) break;
      std::ranges::copy(octets, ip4.begin());
      return address_text(ip4);
    case ike::IdType::ipv6_addr:
      if (octets.size() != ip6.size()) break;
      std::ranges::copy(octets, ip6.begin());
      return address_text(ip6);
    case ike::IdType::der_asn1_dn:
      if (const auto dn = crypto::dn_to_text(octets); dn && !dn->empty()) return *dn;
      break;
  }
  return fmt::format("type {}: {}", body[0], hex_text(octets));
}

}  // namespace cp
