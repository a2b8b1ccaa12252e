// Outcomes of a client as data: one enumerator, one row. Reports and JSON are made from this.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace storm {

enum class Outcome : std::uint8_t {
  pending,
  resumed,
  connected,
  nack,
  error_notify,
  no_message_2,
  no_message_4,
  auth_refused,
  exchange_refused,
  malformed,
  wrong_identity,
  wrong_auth,
  child_refused,
  wrong_child,
  no_proposal,
  wrong_ke,
  count,
};
inline constexpr std::size_t kOutcomeCount = static_cast<std::size_t>(Outcome::count);

constexpr bool is_success(Outcome o) { return o == Outcome::resumed || o == Outcome::connected; }

struct OutcomeRow {
  Outcome outcome;
  std::string_view name;
  std::string_view meaning;
};

inline constexpr std::array kOutcomes = {
    OutcomeRow{Outcome::pending, "pending", "not finished"},
    OutcomeRow{Outcome::resumed, "resumed", "message 4 right in every respect"},
    OutcomeRow{Outcome::connected, "connected", "full handshake, right in every respect"},
    OutcomeRow{Outcome::nack, "nack", "TICKET_NACK: the gateway wants a full handshake"},
    OutcomeRow{Outcome::error_notify, "error_notify", "message 1 answered with an error notify"},
    OutcomeRow{Outcome::no_message_2, "no_message_2", "message 1 never answered"},
    OutcomeRow{Outcome::no_message_4, "no_message_4", "message 3 never answered"},
    OutcomeRow{Outcome::auth_refused, "auth_refused", "AUTHENTICATION_FAILED in message 4"},
    OutcomeRow{Outcome::exchange_refused, "exchange_refused", "another error in place of AUTH"},
    OutcomeRow{Outcome::malformed, "malformed", "message 4 decrypts but cannot be read"},
    OutcomeRow{Outcome::wrong_identity, "wrong_identity", "IDr is not that of the ticket"},
    OutcomeRow{Outcome::wrong_auth, "wrong_auth", "the gateway's AUTH is wrong or absent"},
    OutcomeRow{Outcome::child_refused, "child_refused", "IKE SA up, but an error for the Child SA"},
    OutcomeRow{Outcome::wrong_child, "wrong_child", "the Child SA is not one that was offered"},
    OutcomeRow{Outcome::no_proposal, "no_proposal",
               "none of the IKE proposals, or one not offered"},
    OutcomeRow{Outcome::wrong_ke, "wrong_ke", "no key exchange: another group, or a bad value"},
};

consteval bool outcomes_are_total() {
  if (kOutcomes.size() != kOutcomeCount) return false;
  for (std::size_t i = 0; i < kOutcomeCount; ++i)
    if (kOutcomes[i].outcome != static_cast<Outcome>(i)) return false;
  return true;
}
static_assert(outcomes_are_total());

}  // namespace storm
