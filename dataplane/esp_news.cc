// What the ESP path tells the control thread of a Child SA: that its peer moved, that it has
// carried what it may.
#include "dataplane/punt.h"
#include "dataplane/stages.h"

namespace dp {
namespace {

constexpr std::uint64_t kTellMs = 1000;

PeerPath path_of(const EspSa& sa) {
  return {.peer_mac = sa.peer_mac,
          .is_ip6 = sa.peer_is_ip6,
          .non_esp_marker = sa.encapsulated,
          .local = sa.local,
          .peer = sa.peer,
          .local_port = sa.local_port,
          .peer_port = sa.peer_port};
}

bool tell(PuntKind kind, const EspSa& sa, WorkerParts& w) {
  Punt* letter = claim_punt(kind, w);
  if (letter == nullptr) return false;
  letter->path = path_of(sa);
  letter->spi_r = sa.ike_spi_r;
  letter->child_in = ike::EspSpi(sa.in.spi);
  post_punt(w);
  return true;
}

// Whether the IKE SA is a resumed one that this worker serves itself.
bool is_ours(std::uint32_t place, const EspSa& sa, WorkerParts& w) {
  return place < w.sessions.sessions_max() && w.sessions.state(place) == SlotState::established &&
         w.sessions.session(place).spi_r == sa.ike_spi_r;
}

// More than the limit by an eighth of it.
bool is_over(std::uint64_t carried, std::uint64_t limit) {
  return limit != 0 && carried >= limit && carried - limit >= limit / 8;
}
bool is_due(std::uint64_t carried, std::uint64_t limit) { return limit != 0 && carried >= limit; }

}  // namespace

bool may_carry(std::uint32_t place, EspSa& sa, EspKeyCache::Way way, WorkerParts& w) {
  const bool in = way == EspKeyCache::Way::in;
  const std::uint64_t packets = in ? sa.packets_in : sa.sent;
  const std::uint64_t octets = in ? sa.octets_in : sa.octets_out;
  if (!is_due(packets, sa.limits.packets) && !is_due(octets, sa.limits.octets)) [[likely]]
    return true;
  const bool spent = is_over(packets, sa.limits.packets) || is_over(octets, sa.limits.octets);
  const EspWear wear = spent ? EspWear::spent : EspWear::worn;
  if (sa.wear < wear) {
    // Only the control thread rekeys: the SA goes there first.
    if (is_ours(place, sa, w)) recall(sa.ike_spi_r, w);
    const PuntKind kind = spent ? PuntKind::child_spent : PuntKind::child_worn;
    if (!is_ours(place, sa, w) && tell(kind, sa, w)) sa.wear = wear;
  }
  if (spent) use_successor(place, w);  // whether the peer has it or not: by this one nothing goes
  return !spent;
}

void tell_move(std::uint32_t place, EspSa& sa, WorkerParts& w) {
  if (is_ours(place, sa, w)) {
    sa.move_is_untold = false;
    Session& session = w.sessions.session(place);
    if (session.udp_encapsulation) note_path(session, path_of(sa));
    return;
  }
  sa.move_is_untold = true;
  if (sa.told_ms != 0 && w.now.ms - sa.told_ms < kTellMs) return;
  if (!tell(PuntKind::peer_moved, sa, w)) return;
  sa.told_ms = w.now.ms;
  sa.move_is_untold = false;
}

}  // namespace dp
