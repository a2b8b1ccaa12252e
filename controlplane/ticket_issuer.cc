// Sealing tickets for SAs of the control thread.
#include "controlplane/ticket_issuer.h"

#include <algorithm>

namespace cp {
namespace {

// An issuer's file is kept a while beyond what its tickets need, so that it need not be extended
// for each of them.
constexpr std::uint64_t kValidityStepS = 3600;

}  // namespace

bool TicketIssuer::have_issuer(std::uint64_t expires_s) {
  if (issuer_.value() == 0 || next_serial_ >= workers_.ticket_capacity()) {
    ike::IssuerId fresh;
    while (fresh.value() == 0) fresh = ike::IssuerId(random_.u64());
    kept_until_s_ = 0;
    issuer_ = fresh;
    next_serial_ = 1;
  }
  if (kept_until_s_ >= expires_s) return true;
  if (!workers_.open_issuer(issuer_, expires_s + kValidityStepS)) {
    issuer_ = ike::IssuerId(0);  // a full disk, say; the next ticket tries again
    return false;
  }
  kept_until_s_ = expires_s + kValidityStepS;
  return true;
}

TicketIssuer::Subject TicketIssuer::subject_of(const IkeSa& sa) {
  return {.peer_spi = sa.peer_spi(),
          .our_spi = sa.our_spi(),
          .suite = sa.suite,
          .sk_d = sa.keys().sk_d,
          .connection = sa.connection_id,
          .peer_id = sa.peer_id,
          .own_id = sa.own_id,
          .eap_identity = sa.eap_identity,
          .auth_method = sa.auth_method,
          .ip4 = sa.ip4,
          .ip6 = sa.ip6,
          .post_quantum = sa.post_quantum,
          .resumptions = sa.resumptions,
          .full_auth_s = sa.full_auth_s};
}

TicketIssuer::Issued TicketIssuer::issue(const Subject& subject, std::uint64_t unix_s) {
  const std::uint64_t expires_s =
      std::min(unix_s + config_.lifetime_s, subject.full_auth_s + config_.reauth_s);
  if (config_.require_post_quantum && !subject.post_quantum) return {};
  if (expires_s <= unix_s || !have_issuer(expires_s)) return {};
  ike::TicketState state;
  state.expires_s = expires_s;
  state.full_auth_s = subject.full_auth_s;
  state.connection = subject.connection;
  state.policy_generation = std::max(config_.policy_generation, generation_);
  state.spi_i = subject.peer_spi;
  state.spi_r = subject.our_spi;
  state.suite = subject.suite;
  state.auth_method = subject.auth_method;
  state.resumptions = subject.resumptions;
  state.sk_d = subject.sk_d;
  state.id_i = subject.peer_id;
  state.id_r = subject.own_id;
  state.eap_identity = subject.eap_identity;
  state.flags = {.has_ip4 = subject.ip4.has_value(),
                 .has_ip6 = subject.ip6.has_value(),
                 .post_quantum = subject.post_quantum};
  state.ip4 = subject.ip4.value_or(ike::Ip4{});
  state.ip6 = subject.ip6.value_or(ike::Ip6{});
  Issued issued{.ticket = Octets(ike::kTicketLenMax),
                .lifetime_s = static_cast<std::uint32_t>(expires_s - unix_s),
                .issuer = issuer_,
                .serial = ike::TicketSerial(next_serial_)};
  const std::size_t len = ike::seal_ticket(engine_, keys_.keyring().current(), issuer_,
                                           issued.serial, state, issued.ticket);
  if (len == 0) return {};  // identities too long for a ticket
  ++next_serial_;
  issued.ticket.resize(len);
  return issued;
}

void TicketIssuer::revoke(const IkeSa& sa) {
  if (sa.serial.value() != 0) workers_.spend_ticket(sa.issuer, sa.serial);
}

}  // namespace cp
