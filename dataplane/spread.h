// Which worker takes a message 1 when the device cannot spread packets over the workers by itself.
//
// Only message 1 has a choice. A request with a responder SPI belongs to the worker that the SPI
// names, and everything else (ARP, ICMP, IKE for the control plane) stays where it was received.
#pragma once

#include "dataplane/burst.h"

namespace dp {

// The worker, 0 .. worker_count - 1, for the message 1 with this path and header. A retransmission
// from the same address and port gives the same worker, so its duplicate check and its half-open
// session are found. A handed-over packet gives the receiving worker itself, so it is not passed on
// twice. `secret` is drawn at start and equal for all workers: without it a peer could aim its
// requests at one worker.
inline unsigned message1_worker(const Path& path, const ike::Header& header, std::uint64_t secret,
                                unsigned worker_count) {
  // Multiply and fold (wyhash's mixing step): two multiplications, no table.
  auto mix = [](std::uint64_t a, std::uint64_t b) {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  };
  const std::uint64_t high = crypto::load_be64(path.source.data());
  const std::uint64_t low = crypto::load_be64(path.source.data() + 8);
  std::uint64_t hash = mix(secret ^ high ^ 0xa0761d6478bd642fULL, low ^ 0xe7037ed1a0b428dbULL);
  hash = mix(hash ^ header.spi_i.value(), secret ^ path.source_port ^ 0x8ebc6af09c88c6e3ULL);
  return static_cast<unsigned>((hash >> 32) * worker_count >> 32);
}

}  // namespace dp
