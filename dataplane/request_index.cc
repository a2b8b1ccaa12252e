// Sets of 8 entries; a set is two cache lines.
//
// A collision of two hashes is harmless: `find` then names another session, whose record does not
// compare equal, and the request is treated as a new one, as it would be after its entry gave way.
// What a client loses is the identical answer to one retransmission; exactly-once is the used-set's
// business, not ours.
#include "dataplane/request_index.h"

#include <algorithm>
#include <bit>

#include "dataplane/mix.h"

namespace dp {

RequestIndex::RequestIndex(std::uint32_t entries, std::uint64_t secret)
    : sets_(std::bit_ceil(std::max<std::size_t>((entries + std::size_t{7}) / kWays, 1))),
      secret_(secret) {}

std::uint64_t RequestIndex::hash(const Path& path, ike::IkeSpi spi_i, crypto::Bytes nonce_i) const {
  Mixer mixer(secret_);
  mixer.add(spi_i.value(), path.source_port);
  mixer.add(path.source_octets());
  mixer.add(nonce_i);
  const std::uint64_t h = mixer.value();
  return h != 0 ? h : 1;
}

void RequestIndex::prefetch(std::uint64_t hash) const {
  const Set& set = set_of(hash);
  __builtin_prefetch(&set.entry[0]);
  __builtin_prefetch(&set.entry[kWays / 2]);
}

std::uint32_t RequestIndex::find(std::uint64_t hash) const {
  for (const Entry& entry : set_of(hash).entry)
    if (entry.hash == hash) return entry.slot;
  return kNoIndex;
}

void RequestIndex::insert(std::uint64_t hash, std::uint32_t slot) {
  Entry* place = nullptr;
  std::uint64_t best = 0;
  ++inserted_;
  for (Entry& entry : set_of(hash).entry) {
    // The same hash is replaced, else an empty place is taken, else the oldest. Ages are compared
    // as distances, so that the counter may wrap.
    const std::uint64_t rank = entry.hash == hash ? std::uint64_t{2} << 32
                               : entry.hash == 0  ? std::uint64_t{1} << 32
                                                  : inserted_ - entry.age;
    if (rank > best) {
      best = rank;
      place = &entry;
    }
  }
  // A distance of 0 needs 2^32 insertions without one into this set; any place will do.
  if (place == nullptr) place = &set_of(hash).entry[0];
  *place = {hash, slot, inserted_};
}

void RequestIndex::erase(std::uint64_t hash) {
  for (Entry& entry : set_of(hash).entry)
    if (entry.hash == hash) entry = {};
}

}  // namespace dp
