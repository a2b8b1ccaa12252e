// SessionTable: all sessions of one worker in fixed arrays that are mapped at start. Slots,
// half-open records and spill records come from free lists (last freed, first used: it is still in
// the cache).
//
// Memory for one established session: 16 (entry) + sizeof(Session); its Child SA is in EspTable.
// Nothing is allocated after make(). Records are wiped when freed. Worker thread only.
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
    std::uint32_t spill_max = 0;  // 0 = sessions_max / 16
  };
  static crypto::Result<std::unique_ptr<SessionTable>> make(const Limits& limits,
                                                            std::uint8_t owner,
                                                            const SpiCodec& codec);

  // A half-open record with a fresh slot and SPIr; null when either is exhausted. The record's
  // fields are default-initialised except spi_r and slot; its arrays hold whatever stood there. The
  // caller sets created_ms, which expired_half() reads.
  HalfOpen* open_half(crypto::Random& random);
  // Turns the half-open session into an established one in the same slot: same SPIr, SPIi and
  // request hash; everything else is default-initialised, the blob holds whatever stood there. The
  // half-open record is wiped and freed by finish_half afterwards, so both are valid in between.
  Session& establish(HalfOpen& half);
  void finish_half(HalfOpen& half);
  // Brings the memory that establish() and its caller will fill into the cache, for writing: it is
  // 17 lines that nobody touched for long, and worth half a microsecond.
  void prefetch_records(std::uint32_t slot) const;
  // Ends a half-open session (failed or expired): wiped, slot freed.
  void close_half(HalfOpen& half);
  // Established and finish_half() done, or adopted; also frees its spill record. What is wiped
  // follows from suite and the lengths of identities and response: they must tell what the blob
  // holds.
  void close(std::uint32_t slot);
  // An established session becomes an adopted one: wiped but for SPIs and request hash, the spill
  // record freed.
  void adopt(std::uint32_t slot);

  // Live session with this SPI, or state free. Slot and kind by arithmetic and one compare; the
  // caller compares SPIi in the record.
  struct Found {
    SlotState state = SlotState::free;
    std::uint32_t slot = kNoIndex;
  };
  Found find(const SpiParts& parts) const;
  void prefetch(const SpiParts& parts) const;

  void prefetch_session(std::uint32_t slot) const { __builtin_prefetch(session_at(slot)); }

  SlotState state(std::uint32_t slot) const { return entries()[slot].state; }
  HalfOpen& half_open(std::uint32_t slot);  // state must be half_open
  Session& session(std::uint32_t slot);     // state must be established or adopted
  // The session's variable octets: the blob, or a spill record (kSpillLen) once `need` exceeded the
  // blob; what the blob held moves along. Empty when spill records are exhausted or `need` exceeds
  // them too.
  crypto::MutBytes blob(Session& session, std::size_t need);

  // The oldest half-open session if it was created before the point in time `older_than_ms`, else
  // null. For upkeep, which closes it and asks again. Order is that of open_half().
  HalfOpen* expired_half(std::uint64_t older_than_ms);

  std::uint32_t sessions_max() const { return limits_.sessions_max; }
  // Slots from this one on were never used.
  std::uint32_t slots_touched() const { return slots_touched_; }
  std::uint32_t established_count() const { return established_count_; }
  std::uint32_t half_open_count() const { return half_open_count_; }
  std::size_t bytes_per_session() const { return sizeof(SlotEntry) + sizeof(Session); }

 private:
  SessionTable(const Limits& limits, std::uint8_t owner, const SpiCodec& codec);
  SlotEntry* entries() const { return static_cast<SlotEntry*>(entry_arena_.data()); }
  Session* session_at(std::uint32_t slot) const;
  HalfOpen* half_at(std::uint32_t half) const;
  std::uint8_t* spill_at(std::uint32_t spill) const;
  std::uint32_t take_slot();
  void give_back_slot(std::uint32_t slot);
  void link_newest(std::uint32_t half);
  void unlink(std::uint32_t half);
  void free_half_record(HalfOpen& half);
  void wipe_session(Session& session);
  bool has_session(std::uint32_t slot) const;

  Limits limits_;
  std::uint8_t owner_;
  const SpiCodec& codec_;
  Arena entry_arena_, session_arena_, half_arena_, spill_arena_;
  std::uint32_t free_slot_ = kNoIndex;
  std::uint32_t slots_touched_ =
      0;  // slots never used are taken in order, so cold memory stays cold
  std::vector<std::uint32_t> free_half_, free_spill_;
  // Half-open records in creation order, a list through indices: freeing one from the middle is a
  // few stores, and no entry is ever stale.
  struct Neighbours {
    std::uint32_t older = kNoIndex;
    std::uint32_t newer = kNoIndex;
  };
  std::vector<Neighbours> order_;
  std::uint32_t oldest_ = kNoIndex, newest_ = kNoIndex;
  std::uint32_t established_count_ = 0, half_open_count_ = 0;
};

}  // namespace dp
