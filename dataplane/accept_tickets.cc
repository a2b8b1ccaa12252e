// Stage accept_tickets: is this genuine ticket still good? Lifetime, policy, revocation, not spent.
//
// Nothing is written here: a ticket is spent by message 3, after AUTH verified, so that a sniffed
// message 1 burns nothing (RFC 5723 §4.3.1).
#include <algorithm>
#include <string_view>

#include "dataplane/stages.h"

namespace dp {
namespace {

// Index of the connection a ticket names, or the number of connections.
std::size_t connection_of(const ike::TicketState& state, const WorkerConfig& config) {
  std::size_t i = 0;
  while (i < config.connections.size() && config.connections[i].id != state.connection) ++i;
  return i;
}

Drop check_time(const ike::TicketState& state, const TicketConfig& config, std::uint64_t now_s) {
  if (state.expires_s <= now_s) return Drop::ticket_expired;
  // RFC 5723 §6.2 with RFC 4478: a chain of resumptions does not outlive re-authentication.
  if (state.full_auth_s + config.reauth_s <= now_s) return Drop::ticket_expired;
  // A ticket from the future means that a clock is wrong; that must not revive anything.
  if (state.full_auth_s > now_s + config.clock_skew_s) return Drop::ticket_expired;
  return Drop::none;
}

Drop check_policy(const ike::TicketState& state, const WorkerConfig& config,
                  std::uint16_t& connection) {
  const TicketConfig& tickets = config.tickets;
  if (state.policy_generation < tickets.policy_generation) return Drop::ticket_policy;
  if (tickets.resumptions_max != 0 && state.resumptions >= tickets.resumptions_max)
    return Drop::ticket_policy;
  // R5723-69: what a quantum computer could have read does not become good by resumption.
  if (tickets.require_post_quantum && !state.flags.post_quantum && !state.flags.ppk)
    return Drop::ticket_policy;
  const std::size_t index = connection_of(state, config);
  if (index == config.connections.size()) return Drop::ticket_policy;
  const auto& suites = config.connections[index].ike_suites;
  const auto same = [&](const ike::Suite& s) {
    // How the old SA agreed on its keys (KE) is no property of the resumed one.
    return s.encr == state.suite.encr && s.key_bits == state.suite.key_bits &&
           s.prf == state.suite.prf && s.integ == state.suite.integ;
  };
  if (std::ranges::none_of(suites, same)) return Drop::ticket_policy;
  connection = static_cast<std::uint16_t>(index);
  return Drop::none;
}

bool is_denied(const ike::TicketState& state, ike::IssuerId issuer, const DenyList* denied) {
  if (denied == nullptr) return false;
  if (state.policy_generation < denied->generation_min) return true;
  if (std::ranges::binary_search(denied->issuers, issuer.value())) return true;
  if (denied->identities.empty()) return false;
  // The list has the reserved octets as zero; a client may have sent anything there.
  std::array<char, ike::kIdBodyMax> body{};
  const std::size_t len = std::min(state.id_i.size(), body.size());
  std::ranges::transform(state.id_i.first(len), body.begin(),
                         [](std::uint8_t octet) { return static_cast<char>(octet); });
  std::fill_n(body.begin() + 1, 3, '\0');
  return std::binary_search(denied->identities.begin(), denied->identities.end(),
                            std::string_view(body.data(), len));
}

Drop check_use(IssuerUse* use, ike::TicketSerial serial) {
  if (!use->is_valid(serial)) return Drop::ticket_bad_state;
  return use->is_spent(serial) ? Drop::ticket_spent : Drop::none;
}

Drop check(unsigned lane, ResumeTrip& trip, WorkerParts& w) {
  const ike::TicketState& state = trip.state[lane];
  const ike::TicketHeader& header = trip.ticket[lane];
  if (Drop why = check_time(state, w.config.tickets, w.now.unix_s); why != Drop::none) return why;
  if (Drop why = check_policy(state, w.config, trip.connection[lane]); why != Drop::none)
    return why;
  if (is_denied(state, header.issuer, w.denied)) return Drop::ticket_revoked;
  return check_use(trip.issuer[lane], header.serial);
}

}  // namespace

LaneSet accept_tickets(Burst& burst, LaneSet in, ResumeTrip& trip, WorkerParts& w) {
  LaneSet accepted;
  for (unsigned lane : in) {
    trip.issuer[lane] = w.used.find(trip.ticket[lane].issuer);
    if (trip.issuer[lane] == nullptr) {
      // Genuine, but its used-set is not mapped: without it "once" cannot be promised.
      w.issuer_requests.post(trip.ticket[lane].issuer);
      burst.drop(lane, Drop::issuer_unmapped);
      continue;
    }
    if (const Drop why = check(lane, trip, w); why != Drop::none) {
      refuse(burst, lane, why, trip);
      continue;
    }
    // RFC 7296 §2.10: a nonce has at least half the PRF's key size.
    if (trip.request[lane].nonce.size() < ike::prf_len(trip.state[lane].suite) / 2) {
      burst.drop(lane, Drop::resume_bad_nonce);
      continue;
    }
    accepted.add(lane);
  }
  return accepted;
}

}  // namespace dp
