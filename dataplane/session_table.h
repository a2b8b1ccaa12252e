// SessionTable: all sessions of one worker in fixed arrays that are mapped at start. Slots, half-open
// records and spill records come from free lists (last freed, first used: it is still in the cache).
//
// Memory for one established session: 16 (entry) + sizeof(Session); ChildSa is beside. Nothing is
// allocated after make(). Records are wiped when freed. Worker thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "crypto/base/error.h"
#include "crypto/random.h"
#include "dataplane/arena.h"
#include "dataplane/session.h"
#include "dataplane/spi_codec.h"

namespace dp {

inline constexpr std::size_t kSpillLen = 3072;

class SessionTable {
 public:
  struct Limits {
    std::uint32_t sessions_max = 1u << 20;  // at most kSlotsMax
    std::uint32_t half_open_max = 65536;
    std::uint32_t spill_max = 0;            // 0 = sessions_max / 16
  };
  static crypto::Result<std::unique_ptr<SessionTable>> make(const Limits& limits, std::uint8_t owner,
                                                            const SpiCodec& codec);

  // A half-open record with a fresh slot and SPIr; null when either is exhausted. The record's fields
  // are default-initialised except spi_r and slot.
  HalfOpen* open_half(crypto::Random& random);
  // Turns the half-open session into an established one in the same slot: same SPIr. The half-open
  // record is wiped and freed by finish_half afterwards, so both are valid in between.
  Session& establish(HalfOpen& half);
  void finish_half(HalfOpen& half);
  // Ends a half-open session (failed or expired): wiped, slot freed.
  void close_half(HalfOpen& half);
  void close(std::uint32_t slot);  // established; also frees its spill record

  // Live session with this SPI, or state free. Slot and kind by arithmetic and one compare; the caller
  // compares SPIi in the record.
  struct Found {
    SlotState state = SlotState::free;
    std::uint32_t slot = kNoIndex;
  };
  Found find(const SpiParts& parts) const;
  void prefetch(const SpiParts& parts) const;

  SlotState state(std::uint32_t slot) const { return entries()[slot].state; }
  HalfOpen& half_open(std::uint32_t slot);   // state must be half_open
  Session& session(std::uint32_t slot);      // state must be established
  ChildSa& child(std::uint32_t slot);
  // The session's variable octets: the blob, or the spill record once `need` exceeds the blob. Empty when
  // spill records are exhausted.
  crypto::MutBytes blob(Session& session, std::size_t need);

  // Oldest half-open if it is older than `older_than_ms` (creation order), else null. For upkeep.
  HalfOpen* expired_half(std::uint64_t older_than_ms);

  std::uint32_t sessions_max() const { return limits_.sessions_max; }
  std::uint32_t established_count() const { return established_count_; }
  std::uint32_t half_open_count() const { return half_open_count_; }
  std::size_t bytes_per_session() const { return sizeof(SlotEntry) + sizeof(Session); }

 private:
  SessionTable(const Limits& limits, std::uint8_t owner, const SpiCodec& codec);
  SlotEntry* entries() const { return static_cast<SlotEntry*>(entry_arena_.data()); }

  Limits limits_;
  std::uint8_t owner_;
  const SpiCodec& codec_;
  Arena entry_arena_, session_arena_, child_arena_, half_arena_, spill_arena_;
  std::uint32_t free_slot_ = 0;
  std::uint32_t slots_touched_ = 0;  // slots never used are taken in order, so cold memory stays cold
  std::vector<std::uint32_t> free_half_, free_spill_;
  // Half-open records in creation order; an entry is stale when its record was freed in between.
  struct Opened {
    std::uint32_t half = 0;
    std::uint64_t spi_r = 0;
  };
  std::vector<Opened> opened_;  // ring
  std::uint32_t opened_head_ = 0, opened_tail_ = 0;
  std::uint32_t established_count_ = 0, half_open_count_ = 0;
};

}  // namespace dp
