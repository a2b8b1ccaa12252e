// Keeping and joining IKE fragments.
#include "dataplane/fragments.h"

#include <utility>

namespace dp {

crypto::Result<std::unique_ptr<Fragments>> Fragments::make(std::uint32_t records) {
  auto arena = Arena::map(records * sizeof(Record), "IKE fragments");
  if (!arena) return std::unexpected(arena.error());
  return std::unique_ptr<Fragments>(new Fragments(std::move(*arena), records));
}

Fragments::Fragments(Arena arena, std::uint32_t records) : arena_(std::move(arena)) {
  free_.reserve(records);
  for (std::uint32_t i = records; i > 0; --i) free_.push_back(i - 1);
}

Fragments::Record& Fragments::record(const HalfOpen& half) const {
  return static_cast<Record*>(arena_.data())[half.fragment_record];
}

Fragments::Added Fragments::add(HalfOpen& half, const ike::SkView& sk, crypto::Bytes inner) {
  if (sk.fragment_total > kFragmentsMax) return Added::refused;
  if (half.fragment_record == kNoIndex) {
    if (free_.empty()) return Added::refused;
    half.fragment_record = free_.back();
    free_.pop_back();
    record(half).total = 0;
  }
  Record& r = record(half);
  if (sk.fragment_total < r.total) return Added::refused;
  if (sk.fragment_total > r.total) {
    r.total = sk.fragment_total;
    r.used = 0;
    r.present = 0;
  }
  const unsigned at = sk.fragment_number - 1u;
  const auto bit = static_cast<std::uint16_t>(1u << at);
  if ((r.present & bit) != 0) return Added::waiting;
  if (inner.size() > kFragmentsLen - r.used) return Added::refused;
  if (!inner.empty()) std::memcpy(r.octets + r.used, inner.data(), inner.size());
  r.offset[at] = r.used;
  r.len[at] = static_cast<std::uint16_t>(inner.size());
  r.used = static_cast<std::uint16_t>(r.used + inner.size());
  r.present = static_cast<std::uint16_t>(r.present | bit);
  if (at == 0) r.first_inner = sk.first_inner;
  const unsigned all = (1u << r.total) - 1u;
  return r.present == all ? Added::complete : Added::waiting;
}

std::size_t Fragments::total_len(const HalfOpen& half) const { return record(half).used; }

crypto::Bytes Fragments::join(HalfOpen& half, std::uint8_t* out, ike::PayloadType& first_inner) {
  const Record& r = record(half);
  std::size_t len = 0;
  for (unsigned i = 0; i < r.total; ++i) {
    std::memcpy(out + len, r.octets + r.offset[i], r.len[i]);
    len += r.len[i];
  }
  first_inner = r.first_inner;
  forget(half);
  return {out, len};
}

void Fragments::forget(HalfOpen& half) {
  if (half.fragment_record == kNoIndex) return;
  Record& r = record(half);
  crypto::secure_zero(r.octets, r.used);
  free_.push_back(std::exchange(half.fragment_record, kNoIndex));
}

}  // namespace dp
