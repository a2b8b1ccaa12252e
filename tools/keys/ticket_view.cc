// Reads tickets from command lines and shows them.
#include "tools/keys/ticket_view.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <utility>

#include "controlplane/hex_text.h"
#include "controlplane/identity_text.h"
#include "controlplane/proposal_text.h"
#include "controlplane/value_text.h"
#include "crypto/engine.h"
#include "ike/ticket.h"

namespace keys {
namespace {

constexpr std::size_t kFileLenMax = 64 * 1024;

std::string time_text(std::uint64_t unix_s, std::uint64_t now_s) {
  const auto distance = [](std::uint64_t s) { return cp::duration_text(s * 1000); };
  const std::string when =
      unix_s > std::uint64_t{1} << 40
          ? std::to_string(unix_s)
          : fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(unix_s)));
  return unix_s > now_s ? fmt::format("{} (in {})", when, distance(unix_s - now_s))
                        : fmt::format("{} ({} ago)", when, distance(now_s - unix_s));
}

std::string state_text(const ike::TicketState& state, std::uint64_t now_s) {
  std::string text;
  const auto row = [&](std::string_view name, std::string_view value) {
    text += fmt::format("{:<18} {}\n", name, value);
  };
  row("expires", time_text(state.expires_s, now_s));
  row("full auth", time_text(state.full_auth_s, now_s));
  row("connection", fmt::format("{:08x}", state.connection));
  row("policy generation", std::to_string(state.policy_generation));
  row("SPIs", fmt::format("{:016x} {:016x}", state.spi_i.value(), state.spi_r.value()));
  row("suite", cp::ike_suite_text(state.suite));
  row("auth method", std::to_string(std::to_underlying(state.auth_method)));
  row("resumptions", std::to_string(state.resumptions));
  row("IDi", cp::identity_text(state.id_i));
  row("IDr", cp::identity_text(state.id_r));
  if (!state.eap_identity.empty()) row("EAP identity", cp::hex_text(state.eap_identity));
  if (state.flags.has_ip4) row("IPv4 lease", cp::address_text(state.ip4));
  if (state.flags.has_ip6) row("IPv6 lease", cp::address_text(state.ip6));
  if (state.flags.post_quantum) row("post-quantum", "yes");
  if (state.flags.ppk) row("PPK", "yes");
  row("SK_d", fmt::format("{} octets, not shown", state.sk_d.size()));
  return text;
}

}  // namespace

crypto::Result<std::vector<std::uint8_t>> parse_ticket_text(std::string_view text) {
  std::string packed(text);
  std::erase_if(packed, [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; });
  if (packed.starts_with("0x")) packed.erase(0, 2);
  if (auto octets = cp::parse_hex(packed); octets && !octets->empty()) return octets;
  if (auto octets = cp::parse_base64(packed); octets && !octets->empty()) return octets;
  return crypto::fail("expected a ticket as hexadecimal digits, as Base64, or the name of a file");
}

crypto::Result<std::vector<std::uint8_t>> read_ticket(const std::string& given) {
  std::ifstream file(given, std::ios::binary);
  if (!file) return parse_ticket_text(given);
  std::string content(kFileLenMax + 1, '\0');
  file.read(content.data(), static_cast<std::streamsize>(content.size()));
  content.resize(static_cast<std::size_t>(file.gcount()));
  if (content.size() > kFileLenMax)
    return crypto::fail(fmt::format("{} is no ticket: too long", given));
  std::vector<std::uint8_t> octets(content.begin(), content.end());
  ike::TicketHeader header;
  if (ike::parse_ticket_header(octets, header)) return octets;
  return parse_ticket_text(content);
}

crypto::Result<std::string> ticket_text(crypto::Bytes ticket, const crypto::Keyring* ring,
                                        std::uint64_t now_s) {
  ike::TicketHeader header;
  if (!ike::parse_ticket_header(ticket, header))
    return crypto::fail(
        fmt::format("these {} octets are no ticket of version 1, by value", ticket.size()));
  std::string text = fmt::format("{:<18} {} octets\n{:<18} {:08x}\n{:<18} {:016x}\n{:<18} {}\n",
                                 "ticket", ticket.size(), "key", header.key_id.value(), "issuer",
                                 header.issuer.value(), "serial", header.serial.value());
  if (ring == nullptr) return text;
  const auto key = std::ranges::find(ring->keys(), header.key_id, &crypto::TicketKey::id);
  if (key == ring->keys().end())
    return text + "the keyring does not have this key: the ticket is worthless\n";
  const auto engine = crypto::make_ossl_engine();
  crypto::Secret<ike::kTicketStateMax> plaintext;
  ike::TicketState state;
  if (!ike::open_ticket(*engine, *key, ticket, plaintext.fill(), state))
    return text + "the ticket does not open with its key: forged or altered\n";
  return text + state_text(state, now_s);
}

}  // namespace keys
