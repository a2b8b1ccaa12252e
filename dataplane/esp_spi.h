// Inbound ESP SPIs: which worker has the Child SA, and at which of its places, by arithmetic.
//
//   SPI = (worker * stride + place + 1) << 8 | generation
//
// stride is the number of places of one worker. Places below sessions_max belong to the resumed
// session in the slot of that number; those above are handed out by the control thread for its own
// Child SAs. The generation octet is random at each use of a place, so that packets of the SA
// before do not hit the next one by habit. No SPI is below 256 (RFC 4303 §2.1: reserved).
#pragma once

#include <cstdint>

#include "crypto/random.h"
#include "dataplane/api/config.h"
#include "ike/ids.h"

namespace dp {

class EspSpiCodec {
 public:
  explicit EspSpiCodec(const WorkerConfig& config)
      : stride_(config.sessions_max + config.children_max), workers_(config.worker_count) {}

  std::uint32_t stride() const { return stride_; }
  // False when the workers together have more places than an SPI can name.
  bool fits() const { return std::uint64_t{stride_} * workers_ < (1u << 24); }

  ike::EspSpi encode(unsigned worker, std::uint32_t place, std::uint8_t generation) const {
    return ike::EspSpi((index(worker, place) + 1) << 8 | generation);
  }
  ike::EspSpi fresh(unsigned worker, std::uint32_t place, crypto::Random& random) const {
    return encode(worker, place, static_cast<std::uint8_t>(random.u32()));
  }
  // The place counted over all workers, which is what routes name.
  std::uint32_t index(unsigned worker, std::uint32_t place) const {
    return worker * stride_ + place;
  }
  // A worker number of worker_count or more: nobody has this SPI.
  struct Place {
    std::uint32_t worker = 0;
    std::uint32_t place = 0;
  };
  Place of_index(std::uint32_t index) const { return {index / stride_, index % stride_}; }
  Place decode(ike::EspSpi spi) const {
    const std::uint32_t number = spi.value() >> 8;
    if (number == 0) return {workers_, 0};
    return of_index(number - 1);
  }

 private:
  std::uint32_t stride_;
  std::uint32_t workers_;
};

}  // namespace dp
