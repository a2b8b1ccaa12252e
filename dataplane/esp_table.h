// EspTable: the Child SAs of one worker, at fixed places in memory that is reserved at start.
//
// A place is found by arithmetic on the SPI and one compare of all of it. Which places sessions
// have and which the control thread hands out stands in esp_spi.h; routes to SAs, successors and
// expanded keys are kept by children.cc, which calls put() and clear(). Worker thread only.
#pragma once

#include <cstdint>
#include <memory>

#include "crypto/base/error.h"
#include "dataplane/api/seam.h"
#include "dataplane/arena.h"
#include "dataplane/esp_sa.h"
#include "dataplane/esp_spi.h"
#include "dataplane/selector_pool.h"

namespace dp {

// A Child SA to be installed. The selectors are those of the gateway's side (local) and the peer's;
// `ts_remote` of no items means exactly the leased addresses.
struct EspInstall {
  ike::EspSpi spi_in, spi_out;
  ike::Suite suite;
  bool we_initiated = false;  // which half of keymat is ours
  ike::IkeSpi ike_spi_r;
  std::uint32_t ip4_lease = kNoPlace, ip6_lease = kNoPlace;
  const ike::SelectorList* ts_local = nullptr;
  const ike::SelectorList* ts_remote = nullptr;
  std::uint64_t sent = 0;  // sequence numbers used already
  ChildLimits limits;
  crypto::Bytes keymat;    // RFC 7296 §2.17; child_keymat_len(suite)
};

class EspTable {
 public:
  // Errors: no memory, or more places than SPIs.
  static crypto::Result<std::unique_ptr<EspTable>> make(const WorkerConfig& config, unsigned worker,
                                                        std::uint64_t secret);

  const EspSpiCodec& spis() const { return spis_; }
  std::uint32_t places() const { return spis_.stride(); }
  // Of this worker's places.
  EspSa& at(std::uint32_t place) { return sas()[place]; }
  std::uint32_t place_of(const EspSa& sa) const { return static_cast<std::uint32_t>(&sa - sas()); }
  bool live(std::uint32_t place) const {
    return place < places() && sas()[place].state == EspState::live;
  }
  // The live SA of this SPI at a place that decode() named; null when there is none.
  EspSa* find(ike::EspSpi spi, std::uint32_t place) {
    EspSa& sa = sas()[place];
    return sa.state == EspState::live && sa.in.spi == spi.value() ? &sa : nullptr;
  }
  void prefetch_whole(std::uint32_t place) const { prefetch_for_writing(&sas()[place]); }
  // The lines of an SA that a packet with this number on the wire will touch (esp_sa.h).
  void prefetch_in(std::uint32_t place, std::uint32_t number) const {
    const auto* lines = static_cast<const char*>(static_cast<const void*>(&sas()[place]));
    __builtin_prefetch(lines);
    __builtin_prefetch(lines + 64, 1);
    __builtin_prefetch(lines + (number / 512 % 2 == 0 ? 128 : 192), 1);
    __builtin_prefetch(lines + 256);
  }
  void prefetch_out(std::uint32_t place) const {
    const auto* lines = static_cast<const char*>(static_cast<const void*>(&sas()[place]));
    __builtin_prefetch(lines);
    __builtin_prefetch(lines + 64);
    __builtin_prefetch(lines + 256, 1);
    __builtin_prefetch(lines + 320, 1);
  }
  const SelectorPair& selectors(const EspSa& sa) const { return pool_->at(sa.selectors); }

  // Fills a free place. False, with nothing changed, when the selectors find no room.
  [[nodiscard]] bool put(std::uint32_t place, const EspInstall& child, const PeerPath& path,
                         std::uint64_t now_ms);
  // Wipes a live place.
  void clear(std::uint32_t place);
  void set_path(EspSa& sa, const PeerPath& path);

  std::uint32_t live_count() const { return live_; }

 private:
  EspTable(const WorkerConfig& config) : spis_(config) {}
  EspSa* sas() const { return static_cast<EspSa*>(arena_.data()); }

  EspSpiCodec spis_;
  Arena arena_;
  std::unique_ptr<SelectorPool> pool_;
  std::uint32_t live_ = 0;
};

}  // namespace dp
