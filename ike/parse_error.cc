// The names of parse errors, as counters and logs spell them.
#include "ike/parse_error.h"

#include <array>
#include <utility>

namespace ike {
namespace {

constexpr std::array<std::string_view, std::to_underlying(ParseError::count)> kNames = {
    "none",
    "runt",
    "bad_length",
    "bad_version",
    "bad_exchange",
    "bad_flags",
    "bad_message_id",
    "bad_spi",
    "payload_overrun",
    "too_many_payloads",
    "critical_unknown",
    "duplicate_payload",
    "missing_payload",
    "bad_nonce_length",
    "bad_notify",
    "bad_sk",
    "bad_padding",
    "bad_proposal",
    "bad_selector",
    "bad_config",
    "bad_id",
    "bad_auth",
    "bad_ke",
    "bad_cert",
    "bad_delete",
    "bad_eap",
};
static_assert(!kNames.back().empty(), "every error has a name");

}  // namespace

std::string_view parse_error_name(ParseError e) {
  return e < ParseError::count ? kNames[std::to_underlying(e)] : "unknown";
}

}  // namespace ike
