// Stage open_esp: ICV and decryption in a batch; only what was authentic moves the window, and the
// way to the peer.
#include "dataplane/esp_crypto.h"
#include "dataplane/punt.h"
#include "dataplane/stages.h"

namespace dp {
namespace {

// Two loads; std::equal() calls memcmp() for six octets.
bool same_mac(const Mac& a, const std::uint8_t* b) {
  return crypto::load_be32(a.data()) == crypto::load_be32(b) &&
         crypto::load_be16(a.data() + 4) == crypto::load_be16(b + 4);
}

// RFC 7296 §2.23, RFC 3948 §4.1: the way that a newer authentic packet came is the way back, for
// the IKE SA too. A peer without UDP encapsulation has no NAT before it that could be reassigned,
// so its address stays.
void follow(Burst& burst, unsigned lane, std::uint32_t place, EspSa& sa, WorkerParts& w) {
  const Path& path = burst.path[lane];
  const bool encapsulated = path.destination_port != 0;
  const std::uint8_t* mac = burst.frame[lane].data + 6;
  const bool same_peer = path.is_ip6 == sa.peer_is_ip6 && path.source == sa.peer;
  const bool same = same_peer && encapsulated == sa.encapsulated &&
                    (!encapsulated || path.source_port == sa.peer_port) &&
                    path.destination == sa.local && same_mac(sa.peer_mac, mac);
  if (same) [[likely]]
    return;
  if (!encapsulated && !same_peer) return;
  PeerPath way = peer_path(burst, lane);
  way.non_esp_marker = encapsulated;
  if (!encapsulated) way.peer_port = sa.peer_port;
  const bool moved = !same_peer || way.peer_port != sa.peer_port;
  w.esp.set_path(sa, way);
  if (!moved) return;
  w.counters.peers_moved.add();
  tell_move(place, sa, w);
}

void account(Burst& burst, unsigned lane, EspTrip& trip, EspSa& sa, bool newest, WorkerParts& w) {
  const std::uint32_t place = trip.place[lane];
  sa.seen_ms = w.now.ms;
  ++sa.packets_in;
  sa.octets_in += burst.message[lane].size();
  if (newest) follow(burst, lane, place, sa, w);
  if (sa.move_is_untold) [[unlikely]]
    tell_move(place, sa, w);
  // The peer has the new SA of a rekey (RFC 7296 §2.8): what we send goes there too.
  if (sa.predecessor != kNoPlace) use_successor(sa.predecessor, w);
}

}  // namespace

LaneSet open_esp(Burst& burst, LaneSet in, EspTrip& trip, WorkerParts& w) {
  if (in.empty()) return in;
  PerLane<EspText>& texts = trip.text;
  for (unsigned lane : in) {
    std::uint8_t* packet = burst.frame[lane].data + burst.path[lane].payload_offset;
    texts[lane] = {.packet = {packet, burst.message[lane].size()},
                   .sa = &w.esp.at(trip.place[lane]),
                   .number = trip.number[lane]};
  }
  const LaneSet authentic = open_esp_texts(texts, in, w.engine, w.esp_keys);
  for (unsigned lane : in - authentic) {
    ++texts[lane].sa->drops_in;
    burst.drop(lane, Drop::esp_bad_icv);
  }
  LaneSet opened;
  for (unsigned lane : authentic) {
    EspSa& sa = *texts[lane].sa;
    const bool newest = trip.number[lane] > sa.window.top();
    if (!sa.window.take(trip.number[lane])) {  // its copy stood in the same burst
      ++sa.drops_in;
      burst.drop(lane, Drop::esp_replayed);
      continue;
    }
    account(burst, lane, trip, sa, newest, w);
    const crypto::MutBytes text = texts[lane].text();
    trip.inner[lane].offset = static_cast<std::uint16_t>(text.data() - burst.frame[lane].data);
    trip.inner[lane].len = static_cast<std::uint16_t>(text.size());
    opened.add(lane);
  }
  return opened;
}

}  // namespace dp
