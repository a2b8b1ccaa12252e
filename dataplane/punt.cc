// Stage punt: IKE messages that are the control thread's leave for it.
#include "dataplane/punt.h"

#include "crypto/base/error.h"

namespace dp {
namespace {

bool post_end(const WaitingEnds::End& end, WorkerParts& w) {
  Punt* letter = w.seam.punts.claim();
  if (letter == nullptr) return false;
  letter->kind = PuntKind::superseded;
  letter->message_len = 0;
  letter->spi_i = end.spi_i;
  letter->spi_r = end.spi_r;
  letter->path = {};
  post_punt(w);
  return true;
}

}  // namespace

PeerPath peer_path(const Burst& burst, unsigned lane) {
  const Path& from = burst.path[lane];
  PeerPath path{.is_ip6 = from.is_ip6,
                .non_esp_marker = from.non_esp_marker,
                .local = from.destination,
                .peer = from.source,
                .local_port = from.destination_port,
                .peer_port = from.source_port};
  std::memcpy(path.peer_mac.data(), burst.frame[lane].data + 6, path.peer_mac.size());
  return path;
}

Punt* claim_punt(PuntKind kind, WorkerParts& w) {
  Punt* letter = w.seam.punts.claim();
  if (letter == nullptr) {
    w.counters.punts_dropped.add();
    return nullptr;
  }
  letter->kind = kind;
  letter->message_len = 0;
  return letter;
}

void post_punt(WorkerParts& w) {
  w.seam.punts.publish();
  w.counters.punts.add();
  w.bell_is_due = true;
}

void put_message(Punt& letter, crypto::Bytes message) {
  CHECK(message.size() <= letter.message.size());
  if (!message.empty()) std::memcpy(letter.message.data(), message.data(), message.size());
  letter.message_len = static_cast<std::uint16_t>(message.size());
}

void punt_superseded(ike::IkeSpi spi_i, ike::IkeSpi spi_r, WorkerParts& w) {
  const WaitingEnds::End end{spi_i, spi_r};
  if (w.waiting_ends.empty() && post_end(end, w)) return;
  if (!w.waiting_ends.add(end)) w.counters.punts_dropped.add();
}

void post_waiting_ends(WorkerParts& w) {
  while (!w.waiting_ends.empty() && post_end(w.waiting_ends.front(), w)) w.waiting_ends.pop();
}

void punt(Burst& burst, LaneSet in, WorkerParts& w) {
  for (unsigned lane : in) {
    if (burst.message[lane].size() > kSeamMessageMax) {
      burst.drop(lane, Drop::ike_bad_length);
      continue;
    }
    Punt* letter = claim_punt(PuntKind::message, w);
    if (letter == nullptr) {
      burst.drop(lane, Drop::punt_full);
      continue;
    }
    letter->path = peer_path(burst, lane);
    put_message(*letter, burst.message[lane]);
    post_punt(w);
    burst.punt(lane);
  }
}

void ring_bell(WorkerParts& w) {
  if (!w.bell_is_due) return;
  w.bell_is_due = false;
  w.doorbell.ring();
}

}  // namespace dp
