// Handing things to the control thread: letters on the seam's ring (dataplane/api/seam.h).
#pragma once

#include "dataplane/stages.h"

namespace dp {

// The way to the sender of the lane's packet. Before its frame becomes a reply.
PeerPath peer_path(const Burst& burst, unsigned lane);

// A letter of this kind, to be filled and then posted; null, and counted, when the ring is full.
Punt* claim_punt(PuntKind kind, WorkerParts& w);
void post_punt(WorkerParts& w);

// Puts a message into a claimed letter.
void put_message(Punt& letter, crypto::Bytes message);

// SAs of the control thread whose clients resumed while the ring was full: a storm of resumptions
// may be larger than the ring, and nobody says such a thing twice. They wait here, in their order.
class WaitingEnds {
 public:
  struct End {
    ike::IkeSpi spi_i, spi_r;
  };
  static constexpr std::uint32_t kMax = 4096;

  // False when there is no room here either.
  bool add(const End& end) {
    if (count_ == kMax) return false;
    ends_[(first_ + count_++) % kMax] = end;
    return true;
  }
  bool empty() const { return count_ == 0; }
  const End& front() const { return ends_[first_]; }
  void pop() {
    first_ = (first_ + 1) % kMax;
    --count_;
  }

 private:
  std::array<End, kMax> ends_;
  std::uint32_t first_ = 0, count_ = 0;
};

// Tells the control thread that a client has resumed its SA, as soon as the ring has room. What
// even WaitingEnds cannot hold is counted; such an SA ends with its next liveness check.
void punt_superseded(ike::IkeSpi spi_i, ike::IkeSpi spi_r, WorkerParts& w);

void post_waiting_ends(WorkerParts& w);

// What may be told of the established session in `slot`.
void describe(ResumedSa& out, std::uint32_t slot, WorkerParts& w);
// The way of its last request.
PeerPath last_path(const Session& session);

// Hands the established session in `slot` over, whole: its record is wiped here and the slot keeps
// nothing but the SPIs and the Child SA. False, with nothing changed, when the ring is full.
[[nodiscard]] bool hand_to_control(std::uint32_t slot, const PeerPath& path, crypto::Bytes message,
                                   WorkerParts& w);

}  // namespace dp
