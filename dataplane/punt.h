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

// Tells the control thread that a client has resumed its SA.
void punt_superseded(ike::IkeSpi spi_i, ike::IkeSpi spi_r, WorkerParts& w);

// Hands the established session in `slot` over, whole: its record is wiped here and the slot keeps
// nothing but the SPIs and the Child SA. False, with nothing changed, when the ring is full.
[[nodiscard]] bool hand_to_control(std::uint32_t slot, const PeerPath& path, crypto::Bytes message,
                                   WorkerParts& w);

}  // namespace dp
