// ChildPlaces: which ESP places of one worker the control thread has promised or filled, so that it
// can name inbound SPIs for Child SAs before they exist.
//
// A place is promised by take(), used from installed() to removed(), and free again when removed or
// when a promise was not kept for kPromiseMs (the exchange failed). Places come by turns, so that
// one that was freed rests as long as possible. Control thread only.
#pragma once

#include <cstdint>
#include <vector>

#include "crypto/random.h"
#include "dataplane/esp_spi.h"

namespace dp {

class ChildPlaces {
 public:
  static constexpr std::uint64_t kPromiseMs = 120'000;

  ChildPlaces(const WorkerConfig& config, unsigned worker);

  // An SPI for a free place; 0 when there is none.
  ike::EspSpi take(crypto::Random& random, std::uint64_t now_ms);
  // What the worker was told. SPIs of sessions' places are none of ours.
  void installed(ike::EspSpi spi);
  void removed(ike::EspSpi spi);
  std::uint32_t used() const { return used_; }

 private:
  struct Place {
    std::uint64_t promised_ms = 0;  // 0 = not
    bool installed = false;
  };
  Place* find(ike::EspSpi spi);

  EspSpiCodec spis_;
  unsigned worker_;
  std::uint32_t first_;  // place number of places_[0]
  std::vector<Place> places_;
  std::uint32_t next_ = 0, used_ = 0;
};

}  // namespace dp
