// The seam between the planes: what workers ask of the control thread and what it hands them. Fixed
// size, lock-free, never waited for.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "ike/ids.h"

namespace dp {

class IssuerUse;

// Workers ask for the used-set of an issuer whose ticket opened but which is not mapped yet. Any
// worker posts, the control thread takes. A full box loses the request: the client's retransmission
// repeats it.
class IssuerRequests {
 public:
  void post(ike::IssuerId issuer) {
    for (auto& cell : cells_) {
      std::uint64_t seen = cell.load(std::memory_order_relaxed);
      if (seen == issuer.value()) return;
      if (seen == 0 && cell.compare_exchange_strong(seen, issuer.value())) return;
    }
  }
  // 0 when none waits.
  ike::IssuerId take() {
    for (auto& cell : cells_)
      if (const std::uint64_t v = cell.exchange(0)) return ike::IssuerId(v);
    return ike::IssuerId(0);
  }

 private:
  std::array<std::atomic<std::uint64_t>, 16> cells_{};
};

// The issuer a worker seals with next, drawn and mapped by the control thread before it is needed.
// A worker takes `ready` when its current issuer runs out of serials; the control thread refills.
struct IssuerSupply {
  std::atomic<IssuerUse*> ready{nullptr};
};

// Sessions that another worker replaced (RFC 5723 §4.3.4: the old SA is removed silently). Any
// worker posts the old responder SPI, the owner takes. When the box overflows the oldest request is
// lost and the old session ends by its lifetime.
class CloseBox {
 public:
  void post(ike::IkeSpi spi_r) {
    const std::uint32_t at = tail_.fetch_add(1, std::memory_order_relaxed);
    cells_[at % cells_.size()].store(spi_r.value(), std::memory_order_release);
  }
  // 0 when none waits.
  ike::IkeSpi take() {
    const std::uint32_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - head_ > cells_.size()) head_ = tail - static_cast<std::uint32_t>(cells_.size());
    if (head_ == tail) return ike::IkeSpi(0);
    const std::uint64_t spi_r =
        cells_[head_ % cells_.size()].exchange(0, std::memory_order_acquire);
    // A cell that is taken but not written yet is read again by the next call.
    if (spi_r != 0) ++head_;
    return ike::IkeSpi(spi_r);
  }

 private:
  std::array<std::atomic<std::uint64_t>, 256> cells_{};
  std::atomic<std::uint32_t> tail_{0};
  std::uint32_t head_ = 0;  // the owner's
};

// Who may not resume although the ticket is genuine (RFC 5723 §9.8). Published as a snapshot.
struct DenyList {
  std::vector<std::uint64_t> issuers;  // sorted
  std::vector<std::string>
      identities;  // sorted; IDi bodies: type, three reserved octets as zero, data
  std::uint32_t generation_min = 0;  // tickets of a smaller policy generation
};

}  // namespace dp
