// Stage seal_esp: encryption in a batch; then the packets leave by the outside port.
#include "dataplane/esp_crypto.h"
#include "dataplane/stages.h"

namespace dp {
namespace {

// RFC 8200 §8.1: over IPv6 UDP has a checksum.
void put_udp6_checksum(const EspText& text) {
  const EspSa& sa = *text.sa;
  std::uint8_t* udp = text.packet.data() - kUdpLen;
  const std::size_t len = kUdpLen + text.packet.size();
  const Path ends{.source = sa.local, .destination = sa.peer, .is_ip6 = true};
  const std::uint16_t checksum = udp_checksum(ends, {udp, len});
  crypto::store_be16(udp + 6, checksum == 0 ? 0xffff : checksum);
}

}  // namespace

void seal_esp(Burst& burst, LaneSet in, EspTrip& trip, Verdict leaves, WorkerParts& w) {
  if (in.empty()) return;
  seal_esp_texts(trip.text, in, w.engine, w.esp_keys, w.random);
  for (unsigned lane : in) {
    const EspSa& sa = *trip.text[lane].sa;
    if (sa.encapsulated && sa.peer_is_ip6) put_udp6_checksum(trip.text[lane]);
    burst.verdict[lane] = leaves;
  }
}

}  // namespace dp
