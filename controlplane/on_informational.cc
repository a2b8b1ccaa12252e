// INFORMATIONAL requests: liveness, Delete, MOBIKE, tickets on demand. RFC 7296 §1.4, RFC 4555,
// RFC 5723 §4.1.
#include <algorithm>

#include "controlplane/handlers.h"
#include "ike/informational.h"

namespace cp {
namespace {

// RFC 7296 §1.4.1: the answer names our SAs of the pairs that the peer's SPIs belong to; an SPI
// that we do not know is passed over.
void delete_children(const IkeSa& sa, const ike::Informational& request,
                     std::vector<ike::EspSpi>& ours, Transition& out) {
  for (std::size_t i = 0; i < request.deleted_esp_count; ++i) {
    const ChildSa* child = sa.child_by_peer(request.deleted_esp[i]);
    if (child == nullptr) continue;
    // Both sides deleting at once: the answer then has no Delete for what we asked about.
    if (sa.own.asking != Asking::delete_child || sa.own.child_in != child->spi_in)
      ours.push_back(child->spi_in);
    out.then(RemoveChild{child->spi_in});
  }
}

struct NatHashes {
  ike::NatHash source, destination;
};

// RFC 4555 §3.5: the addresses of the packet that asked are the new ones.
bool update_addresses(const IkeSa& sa, const Request& request, const ike::Informational& message,
                      Plane& plane, NatHashes& hashes, Transition& out) {
  if (!message.update_sa_addresses) return true;
  if (!sa.mobike) return false;
  const dp::PeerPath& path = request.path;
  hashes.source =
      ike::nat_hash(plane.engine, sa.spi_i, sa.spi_r, path.local_octets(), path.local_port);
  hashes.destination =
      ike::nat_hash(plane.engine, sa.spi_i, sa.spi_r, path.peer_octets(), path.peer_port);
  out.then(Move{.path = path,
                .nat_here = ike::receiver_behind_nat(message, hashes.source),
                .nat_there = ike::sender_behind_nat(message, hashes.destination),
                .nat_told = message.has_nat_source || message.has_nat_destination});
  return true;
}

TicketIssuer::Issued ticket_for(const IkeSa& sa, Plane& plane, ike::InformationalContent& content) {
  const Connection* connection = plane.policy->connection(sa.connection_id);
  TicketIssuer::Issued issued;
  if (connection != nullptr && connection->tickets)
    issued = plane.tickets.issue(TicketIssuer::subject_of(sa), plane.now.unix_s);
  if (issued.ticket.empty())
    content.ticket_refusal = static_cast<std::uint16_t>(ike::Notify::ticket_nack);
  content.ticket_lifetime_s = issued.lifetime_s;
  return issued;
}

Transition delete_ike(const IkeSa& sa, Plane& plane) {
  Transition ended{.next = SaState::closed};
  if (sa.own.collided_ike != ike::IkeSpi()) {
    // RFC 7296 §2.25.2: the peer has rekeyed, and our own rekey is forgotten.
    ended.then(YieldIke{sa.own.collided_ike});
    return ended;
  }
  const Connection* connection = plane.policy->connection(sa.connection_id);
  if (connection != nullptr && connection->revoke_tickets_on_delete) ended.then(RevokeTicket{});
  return ended;
}

}  // namespace

Transition on_informational(const IkeSa& sa, const Request& request, Plane& plane,
                            ike::ChainBuilder& answer) {
  ike::Informational message;
  ike::PayloadType offending = ike::PayloadType::none;
  const ike::ParseError error =
      ike::parse_informational(request.first, request.inner, message, offending);
  if (error != ike::ParseError::none) return refuse_malformed(sa, error, offending, plane, answer);
  if (message.deletes_ike) return delete_ike(sa, plane);

  Transition done{.next = sa.state};
  // A peer that uses what it made has settled the matter, or has never known of our rekey (RFC 7296
  // §2.8.2).
  const IkeSa* old = plane.sas.find(sa.rival_of);
  const IkeSa& holder = old != nullptr ? *old : sa;
  if (old != nullptr) done.then(TakeOver{});
  ike::InformationalContent content;
  NatHashes hashes;
  if (!update_addresses(sa, request, message, plane, hashes, done))
    return refuse(sa, ike::Notify::unacceptable_addresses, answer);
  if (message.update_sa_addresses && message.has_nat_source) {
    content.nat_source = hashes.source;
    content.nat_destination = hashes.destination;
  }
  content.cookie2 = message.cookie2;
  std::vector<ike::EspSpi> ours;
  delete_children(holder, message, ours, done);
  content.deleted_esp = ours;
  TicketIssuer::Issued issued;
  if (message.ticket_request && sa.state == SaState::established)
    issued = ticket_for(sa, plane, content);
  content.ticket = issued.ticket;
  if (!issued.ticket.empty()) done.then(NoteTicket{issued.issuer, issued.serial});
  if (message.has_config) {
    content.has_config = true;
    content.config.has_ip4 = message.config.wants_ip4 && holder.ip4;
    content.config.has_ip6 = message.config.wants_ip6 && holder.ip6;
    content.config.ip4 = holder.ip4.value_or(ike::Ip4{});
    content.config.ip6 = holder.ip6.value_or(ike::Ip6{});
  }
  ike::write_informational(answer, content);
  return done;
}

}  // namespace cp
