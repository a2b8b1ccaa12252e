// Reads requests of the control socket.
#include "controlplane/ctl_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <tuple>
#include <utility>

#include "controlplane/hex_text.h"
#include "controlplane/identity_text.h"

namespace cp {
namespace {

using nlohmann::json;

constexpr std::array<const char*, std::to_underlying(CtlVerb::count)> kNames = {
    "list-sas",  "list-conns",  "list-pools", "stats",  "counters",
    "terminate", "rotate-keys", "revoke",     "reload", "log"};

constexpr std::size_t kTextMax = 1024;

// The members of a request, each asked for once; what was never asked for is unknown.
class Members {
 public:
  explicit Members(const json& object) : object_(object), left_(object.size()) {}

  // Null when it is absent; a mistake when it is no text.
  const std::string* text(const char* name) {
    const auto found = object_.find(name);
    if (found == object_.end()) return nullptr;
    --left_;
    const auto* value = found->get_ptr<const std::string*>();
    if (value == nullptr || value->empty() || value->size() > kTextMax) {
      fail(fmt::format("expected \"{}\" to be a text of 1 to {} octets", name, kTextMax));
      return nullptr;
    }
    return value;
  }
  template <class T, class Parse>
  bool parsed(const char* name, T& out, Parse parse) {
    const std::string* value = text(name);
    if (value == nullptr) return false;
    auto result = parse(*value);
    if (result) {
      out = std::move(*result);
    } else {
      fail(fmt::format("{}: {}", name, result.error().text));
    }
    return true;
  }
  bool number(const char* name, std::uint32_t& out) {
    const auto found = object_.find(name);
    if (found == object_.end()) return false;
    --left_;
    const auto* value = found->get_ptr<const json::number_unsigned_t*>();
    if (value == nullptr || *value > 0xffffffff) {
      fail(fmt::format("expected \"{}\" to be a number from 0 to 4294967295", name));
    } else {
      out = static_cast<std::uint32_t>(*value);
    }
    return true;
  }
  void fail(std::string text) {
    if (!mistake_) mistake_ = std::move(text);
  }
  crypto::Status finish() {
    if (left_ != 0) fail("the request has a member that its verb does not know");
    if (mistake_) return crypto::fail(*mistake_);
    return {};
  }

 private:
  const json& object_;
  std::size_t left_;
  std::optional<std::string> mistake_;
};

crypto::Result<std::uint64_t> parse_u64(std::string_view text) {
  const auto octets = parse_hex(text);
  if (!octets || octets->size() != 8) return crypto::fail("expected 16 hexadecimal digits");
  return crypto::load_be64(octets->data());
}

crypto::Result<ike::IssuerId> parse_issuer_id(std::string_view text) {
  const auto value = parse_u64(text);
  if (!value) return std::unexpected(value.error());
  return ike::IssuerId(*value);
}

using Ticket = std::pair<ike::IssuerId, ike::TicketSerial>;

crypto::Result<Ticket> parse_ticket(std::string_view text) {
  const std::size_t colon = text.find(':');
  const auto issuer = parse_issuer_id(text.substr(0, colon));
  std::uint64_t serial = 0;
  const std::string_view digits = colon == std::string_view::npos ? "" : text.substr(colon + 1);
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), serial);
  if (!issuer || read.ec != std::errc() || read.ptr != digits.data() + digits.size() || serial == 0)
    return crypto::fail("expected the issuer's 16 hexadecimal digits, ':' and the serial number");
  return Ticket(*issuer, ike::TicketSerial(serial));
}

crypto::Result<Address> parse_client_address(std::string_view text) {
  auto address = parse_address(text);
  if (!address) return crypto::fail("expected an IPv4 or IPv6 address");
  return address;
}

void read_selection(Members& in, CtlSelection& selection) {
  std::uint64_t spi = 0;
  if (in.parsed("ike", spi, parse_u64)) selection.spi_r = ike::IkeSpi(spi);
  IdPattern identity;
  if (in.parsed("identity", identity, parse_id_pattern)) selection.identity = std::move(identity);
  if (const std::string* connection = in.text("connection")) selection.connection = *connection;
  Address address;
  if (in.parsed("address", address, parse_client_address)) selection.address = address;
  if (in.parsed("remote", address, parse_client_address)) selection.remote = address;
  std::uint32_t worker = 0;
  if (in.number("worker", worker)) selection.worker = worker;
}

crypto::Result<IdBody> parse_body(std::string_view text) {
  const auto body = parse_identity(text);
  if (!body) return std::unexpected(body.error());
  return IdBody(body->begin(), body->end());
}

void read_revocation(Members& in, CtlRevocation& revocation) {
  using Kind = CtlRevocation::Kind;
  unsigned named = 0;
  const auto is = [&](bool present, Kind kind) {
    if (present) revocation.kind = kind;
    named += present;
  };
  Ticket ticket{ike::IssuerId(0), ike::TicketSerial(0)};
  is(in.parsed("identity", revocation.identity, parse_body), Kind::identity);
  is(in.parsed("issuer", revocation.issuer, parse_issuer_id), Kind::issuer);
  if (in.parsed("ticket", ticket, parse_ticket)) {
    is(true, Kind::ticket);
    std::tie(revocation.issuer, revocation.serial) = ticket;
  }
  is(in.number("generation", revocation.generation), Kind::generation);
  if (named != 1) in.fail("expected one of identity, ticket, issuer and generation");
}

std::optional<CtlVerb> verb_of(std::string_view name) {
  const auto found =
      std::ranges::find(kNames, name, [](const char* n) { return std::string_view(n); });
  if (found == kNames.end()) return std::nullopt;
  return static_cast<CtlVerb>(found - kNames.begin());
}

}  // namespace

const char* ctl_verb_name(CtlVerb verb) { return kNames[std::to_underlying(verb)]; }

crypto::Result<CtlRequest> parse_ctl_request(std::string_view line) {
  if (line.size() > kCtlRequestMax) return crypto::fail("the request is too long");
  const json object = json::parse(line, nullptr, false);
  if (!object.is_object()) return crypto::fail("expected a JSON object in one line");
  Members in(object);
  const std::string* name = in.text("verb");
  const auto verb = name != nullptr ? verb_of(*name) : std::nullopt;
  if (!verb) return crypto::fail("expected \"verb\" to name one of the verbs of resurgectl");
  CtlRequest request;
  request.verb = *verb;
  if (*verb == CtlVerb::list_sas || *verb == CtlVerb::terminate)
    read_selection(in, request.selection);
  if (*verb == CtlVerb::list_sas) in.number("limit", request.limit);
  if (*verb == CtlVerb::revoke) read_revocation(in, request.revocation);
  if (const auto good = in.finish(); !good) return std::unexpected(good.error());
  if (*verb == CtlVerb::terminate && request.selection.says_nothing())
    return crypto::fail("expected one of ike, identity, connection, address, remote and worker");
  return request;
}

}  // namespace cp
