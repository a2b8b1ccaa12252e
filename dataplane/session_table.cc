// Free lists, SPIs and wiping; the records themselves are filled by the stages.
#include "dataplane/session_table.h"

#include <algorithm>
#include <memory>
#include <type_traits>
#include <utility>

#include "crypto/base/secret.h"

namespace dp {
namespace {

static_assert(std::is_trivially_destructible_v<HalfOpen> &&
              std::is_trivially_destructible_v<Session>);


// Records whose distance is a multiple of 4096 would meet in the same few cache sets: a burst of 32
// half-opens would evict itself.
constexpr std::size_t half_open_stride() {
  const std::size_t lines = (sizeof(HalfOpen) + 63) / 64 * 64;
  return lines % 4096 == 0 ? lines + 64 : lines;
}
constexpr std::size_t kHalfOpenStride = half_open_stride();
static_assert(alignof(HalfOpen) <= 64 && kHalfOpenStride % alignof(HalfOpen) == 0);

template <class Record>
Record* record_at(const Arena& arena, std::size_t index, std::size_t stride = sizeof(Record)) {
  return static_cast<Record*>(
      static_cast<void*>(static_cast<std::uint8_t*>(arena.data()) + index * stride));
}

// Default-initialises in place: members with initialisers are set, the big arrays are not touched.
template <class Record>
void begin_record(Record* at) {
  std::uninitialized_default_construct_n(at, 1);
}

template <std::size_t N>
void wipe_first(std::array<std::uint8_t, N>& octets, std::size_t len) {
  crypto::secure_zero(octets.data(), std::min(len, N));
}

// The members that stand before the first big array.
template <class Record>
void wipe_head(Record& record, const std::uint8_t* array) {
  auto* begin = static_cast<std::uint8_t*>(static_cast<void*>(&record));
  crypto::secure_zero(begin, static_cast<std::size_t>(array - begin));
}

void wipe(HalfOpen& half) {
  wipe_first(half.keymat, ike::ike_keymat_len(half.ticket.suite));
  wipe_first(half.state, half.state_len);
  // Behind the messages stood a nonce and a MACed ID.
  wipe_first(half.message1, half.message1_len + ike::kNonceLen + crypto::kPrfLenMax);
  wipe_first(half.message2, std::size_t{half.message2_len} + half.nonce_i_len + crypto::kPrfLenMax);
  wipe_head(half, half.keymat.data());
}

// Octets of the blob (or spill record) that a session filled.
std::size_t blob_used(const Session& session) {
  const ike::Suite& suite = session.suite;
  return ike::prf_len(suite) + 2 * ike::integ_key_len(suite) + 2 * ike::encr_key_len(suite) +
         session.id_i_len + session.id_r_len + session.eap_identity_len + session.response_len;
}

}  // namespace

SessionTable::SessionTable(const Limits& limits, std::uint8_t owner, const SpiCodec& codec)
    : limits_(limits), owner_(owner), codec_(codec), order_(limits.half_open_max) {
  if (limits_.spill_max == 0) limits_.spill_max = std::max(limits_.sessions_max / 16, 1u);
  // Taken from the back: index 0 first, so that memory is touched in order.
  free_half_.reserve(limits_.half_open_max);
  for (std::uint32_t i = limits_.half_open_max; i-- > 0;) free_half_.push_back(i);
  free_spill_.reserve(limits_.spill_max);
  for (std::uint32_t i = limits_.spill_max; i-- > 0;) free_spill_.push_back(i);
}

crypto::Result<std::unique_ptr<SessionTable>> SessionTable::make(const Limits& limits,
                                                                 std::uint8_t owner,
                                                                 const SpiCodec& codec) {
  if (limits.sessions_max == 0 || limits.sessions_max > kSlotsMax)
    return crypto::fail("sessions_max is " + std::to_string(limits.sessions_max) +
                        "; it must be 1 to " + std::to_string(kSlotsMax));
  if (limits.half_open_max == 0 || limits.half_open_max > kSlotsMax)
    return crypto::fail("half_open_max is " + std::to_string(limits.half_open_max) +
                        "; it must be 1 to " + std::to_string(kSlotsMax));
  std::unique_ptr<SessionTable> table(new SessionTable(limits, owner, codec));
  const std::size_t slots = limits.sessions_max;
  const struct {
    Arena& arena;
    std::size_t bytes;
    const char* what;
  } wanted[] = {
      {table->entry_arena_, slots * sizeof(SlotEntry), "session directory"},
      {table->session_arena_, slots * sizeof(Session), "established sessions"},
      {table->half_arena_, limits.half_open_max * kHalfOpenStride, "half-open sessions"},
      {table->spill_arena_, table->limits_.spill_max * kSpillLen, "sessions with long identities"},
  };
  for (const auto& want : wanted) {
    auto arena = Arena::map(want.bytes, want.what);
    if (!arena) return std::unexpected(arena.error());
    want.arena = std::move(*arena);
  }
  return table;
}

HalfOpen* SessionTable::open_half(crypto::Random& random) {
  if (free_half_.empty()) return nullptr;
  const std::uint32_t slot = take_slot();
  if (slot == kNoIndex) return nullptr;
  const std::uint32_t index = free_half_.back();
  free_half_.pop_back();
  if (!free_half_.empty()) __builtin_prefetch(half_at(free_half_.back()), 1);

  SlotEntry& entry = entries()[slot];
  // Another tag than the slot's last one: a packet for the session before never finds this one.
  SpiParts parts{owner_, slot, entry.tag};
  ike::IkeSpi spi;
  do {
    parts.tag = random.u32();
    spi = codec_.encode(parts);
  } while (parts.tag == entry.tag || spi.value() == 0);
  entry = {parts.tag, index, kNoIndex, SlotState::half_open};

  HalfOpen* half = half_at(index);
  begin_record(half);
  half->spi_r = spi;
  half->slot = slot;
  link_newest(index);
  ++half_open_count_;
  return half;
}

Session& SessionTable::establish(HalfOpen& half) {
  SlotEntry& entry = entries()[half.slot];
  CHECK(entry.state == SlotState::half_open && half_at(entry.half_open) == &half);
  Session* session = session_at(half.slot);
  begin_record(session);
  session->spi_i = half.spi_i;
  session->spi_r = half.spi_r;
  session->request_hash = half.request_hash;
  entry.state = SlotState::established;
  ++established_count_;
  return *session;
}

void SessionTable::prefetch_records(std::uint32_t slot) const {
  prefetch_for_writing(session_at(slot));
}

void SessionTable::finish_half(HalfOpen& half) {
  const std::uint32_t slot = half.slot;
  CHECK(entries()[slot].state == SlotState::established);
  free_half_record(half);
}

void SessionTable::close_half(HalfOpen& half) {
  const std::uint32_t slot = half.slot;
  CHECK(entries()[slot].state == SlotState::half_open);
  free_half_record(half);
  give_back_slot(slot);
}

void SessionTable::close(std::uint32_t slot) {
  Session& closed = session(slot);
  const SlotEntry& entry = entries()[slot];
  CHECK(entry.half_open == kNoIndex);
  if (entry.state == SlotState::established) --established_count_;
  wipe_session(closed);
  give_back_slot(slot);
}

void SessionTable::adopt(std::uint32_t slot) {
  SlotEntry& entry = entries()[slot];
  CHECK(slot < limits_.sessions_max && entry.state == SlotState::established &&
        entry.half_open == kNoIndex);
  Session& session = *session_at(slot);
  const ike::IkeSpi spi_i = session.spi_i, spi_r = session.spi_r;
  const std::uint64_t request_hash = session.request_hash;
  wipe_session(session);
  begin_record(&session);
  session.spi_i = spi_i;
  session.spi_r = spi_r;
  session.request_hash = request_hash;
  entry.state = SlotState::adopted;
  --established_count_;
}

SessionTable::Found SessionTable::find(const SpiParts& parts) const {
  if (parts.owner != owner_ || parts.slot >= limits_.sessions_max) return {};
  const SlotEntry& entry = entries()[parts.slot];
  if (entry.tag != parts.tag || entry.state == SlotState::free) return {};
  return {entry.state, parts.slot};
}

void SessionTable::prefetch(const SpiParts& parts) const {
  if (parts.slot < limits_.sessions_max) __builtin_prefetch(&entries()[parts.slot]);
}

HalfOpen& SessionTable::half_open(std::uint32_t slot) {
  const SlotEntry& entry = entries()[slot];
  CHECK(slot < limits_.sessions_max && entry.state == SlotState::half_open);
  return *half_at(entry.half_open);
}

bool SessionTable::has_session(std::uint32_t slot) const {
  if (slot >= limits_.sessions_max) return false;
  const SlotState state = entries()[slot].state;
  return state == SlotState::established || state == SlotState::adopted;
}

Session& SessionTable::session(std::uint32_t slot) {
  CHECK(has_session(slot));
  return *session_at(slot);
}

crypto::MutBytes SessionTable::blob(Session& session, std::size_t need) {
  if (session.spill != kNoIndex) {
    if (need > kSpillLen) return {};
    return {spill_at(session.spill), kSpillLen};
  }
  if (need <= Session::kBlobLen) return session.blob;
  if (need > kSpillLen || free_spill_.empty()) return {};
  session.spill = free_spill_.back();
  free_spill_.pop_back();
  std::uint8_t* spill = spill_at(session.spill);
  std::memcpy(spill, session.blob.data(), Session::kBlobLen);
  crypto::secure_zero(session.blob);
  return {spill, kSpillLen};
}

HalfOpen* SessionTable::expired_half(std::uint64_t older_than_ms) {
  if (oldest_ == kNoIndex) return nullptr;
  HalfOpen* half = half_at(oldest_);
  return half->created_ms < older_than_ms ? half : nullptr;
}

Session* SessionTable::session_at(std::uint32_t slot) const {
  return record_at<Session>(session_arena_, slot);
}

HalfOpen* SessionTable::half_at(std::uint32_t half) const {
  return record_at<HalfOpen>(half_arena_, half, kHalfOpenStride);
}

std::uint8_t* SessionTable::spill_at(std::uint32_t spill) const {
  return static_cast<std::uint8_t*>(spill_arena_.data()) + spill * kSpillLen;
}

std::uint32_t SessionTable::take_slot() {
  if (free_slot_ == kNoIndex)
    return slots_touched_ < limits_.sessions_max ? slots_touched_++ : kNoIndex;
  const std::uint32_t slot = free_slot_;
  free_slot_ = entries()[slot].next_free;
  if (free_slot_ != kNoIndex) __builtin_prefetch(&entries()[free_slot_], 1);
  return slot;
}

// The tag stays: the next one must differ from it.
void SessionTable::give_back_slot(std::uint32_t slot) {
  SlotEntry& entry = entries()[slot];
  entry = {entry.tag, kNoIndex, free_slot_, SlotState::free};
  free_slot_ = slot;
}

void SessionTable::link_newest(std::uint32_t half) {
  order_[half] = {newest_, kNoIndex};
  (newest_ == kNoIndex ? oldest_ : order_[newest_].newer) = half;
  newest_ = half;
}

void SessionTable::unlink(std::uint32_t half) {
  const Neighbours gone = order_[half];
  (gone.older == kNoIndex ? oldest_ : order_[gone.older].newer) = gone.newer;
  (gone.newer == kNoIndex ? newest_ : order_[gone.newer].older) = gone.older;
}

void SessionTable::wipe_session(Session& session) {
  const std::size_t used = blob_used(session);
  if (session.spill != kNoIndex) {
    crypto::secure_zero(spill_at(session.spill), std::min(used, kSpillLen));
    free_spill_.push_back(session.spill);
  } else {
    wipe_first(session.blob, used);
  }
  wipe_head(session, session.blob.data());
}

void SessionTable::free_half_record(HalfOpen& half) {
  SlotEntry& entry = entries()[half.slot];
  const std::uint32_t index = entry.half_open;
  CHECK(index != kNoIndex && half_at(index) == &half);
  entry.half_open = kNoIndex;
  unlink(index);
  wipe(half);
  free_half_.push_back(index);
  --half_open_count_;
}

}  // namespace dp
