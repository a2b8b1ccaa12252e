// Handing out places by turns.
#include "dataplane/child_places.h"

#include <algorithm>

namespace dp {

ChildPlaces::ChildPlaces(const WorkerConfig& config, unsigned worker)
    : spis_(config), worker_(worker), first_(config.sessions_max), places_(config.children_max) {}

ike::EspSpi ChildPlaces::take(crypto::Random& random, std::uint64_t now_ms) {
  for (std::size_t tried = 0; tried < places_.size(); ++tried) {
    const std::uint32_t at = next_;
    next_ = at + 1 < places_.size() ? at + 1 : 0;
    Place& place = places_[at];
    const bool promised = place.promised_ms != 0 && now_ms - place.promised_ms < kPromiseMs;
    if (place.installed || promised) continue;
    place.promised_ms = std::max<std::uint64_t>(now_ms, 1);
    return spis_.fresh(worker_, first_ + at, random);
  }
  return ike::EspSpi(0);
}

ChildPlaces::Place* ChildPlaces::find(ike::EspSpi spi) {
  const EspSpiCodec::Place where = spis_.decode(spi);
  if (where.worker != worker_ || where.place < first_) return nullptr;
  return &places_[where.place - first_];
}

void ChildPlaces::installed(ike::EspSpi spi) {
  Place* place = find(spi);
  if (place == nullptr || place->installed) return;
  *place = {.installed = true};
  ++used_;
}

void ChildPlaces::removed(ike::EspSpi spi) {
  Place* place = find(spi);
  if (place == nullptr || !place->installed) return;
  *place = {};
  --used_;
}

}  // namespace dp
