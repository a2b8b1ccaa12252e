// One issuer's bits: atomics on the mapped octets and on the half-open counters.
#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "crypto/base/bytes.h"
#include "crypto/base/error.h"
#include "dataplane/used_file.h"

namespace dp {
namespace {

constexpr std::array<std::uint8_t, 8> kMagic = {'R', 'S', 'G', 'U', 'S', 'E', 'D', '1'};

using Octet = std::atomic_ref<std::uint8_t>;
static_assert(Octet::is_always_lock_free);
using Word = std::atomic_ref<std::uint64_t>;
static_assert(Word::is_always_lock_free);

std::uint8_t bit_of(ike::TicketSerial s) {
  return static_cast<std::uint8_t>(1u << (s.value() % 8));
}

unsigned shift_of(ike::TicketSerial s) { return static_cast<unsigned>(s.value() % 4 * 2); }

// The mapping begins at a page, so the word is aligned.
Word valid_until(std::uint8_t* file) {
  return Word(*static_cast<std::uint64_t*>(static_cast<void*>(file + kUsedValidUntilOffset)));
}

std::uint64_t big_endian(std::uint64_t v) {
  return std::endian::native == std::endian::little ? std::byteswap(v) : v;
}

}  // namespace

UsedHeader write_used_header(const UsedFields& fields) {
  UsedHeader header{};
  std::ranges::copy(kMagic, header.begin());
  crypto::store_be64(header.data() + 8, fields.issuer.value());
  crypto::store_be64(header.data() + 16, fields.capacity);
  crypto::store_be64(header.data() + kUsedValidUntilOffset, fields.valid_until_s);
  return header;
}

bool parse_used_header(const UsedHeader& header, UsedFields& out) {
  out.issuer = ike::IssuerId(crypto::load_be64(header.data() + 8));
  out.capacity = crypto::load_be64(header.data() + 16);
  out.valid_until_s = crypto::load_be64(header.data() + kUsedValidUntilOffset);
  return out.capacity != 0 && out.capacity % 64 == 0 && out.capacity <= kIssuerCapacity &&
         write_used_header(out) == header;
}

IssuerUse::~IssuerUse() {
  if (file_ != nullptr) munmap(file_, file_len_);
  if (entered_ != nullptr) munmap(entered_, entered_len_);
}

bool IssuerUse::is_spent(ike::TicketSerial s) const {
  if (!is_valid(s)) return true;
  const Octet octet(file_[kUsedHeaderLen + s.value() / 8]);
  return (octet.load(std::memory_order_acquire) & bit_of(s)) != 0;
}

bool IssuerUse::spend(ike::TicketSerial s) {
  if (!is_valid(s)) return false;
  const Octet octet(file_[kUsedHeaderLen + s.value() / 8]);
  return (octet.fetch_or(bit_of(s), std::memory_order_acq_rel) & bit_of(s)) == 0;
}

bool IssuerUse::enter(ike::TicketSerial s, unsigned limit) {
  if (!is_valid(s)) return false;
  const Octet octet(entered_[s.value() / 4]);
  std::uint8_t seen = octet.load(std::memory_order_relaxed);
  const unsigned shift = shift_of(s);
  do {
    if ((seen >> shift & 3u) >= std::min(limit, 3u)) return false;
  } while (!octet.compare_exchange_weak(seen, static_cast<std::uint8_t>(seen + (1u << shift)),
                                        std::memory_order_acq_rel, std::memory_order_relaxed));
  return true;
}

void IssuerUse::leave(ike::TicketSerial s) {
  CHECK(is_valid(s));
  const Octet octet(entered_[s.value() / 4]);
  const unsigned shift = shift_of(s);
  const std::uint8_t before =
      octet.fetch_sub(static_cast<std::uint8_t>(1u << shift), std::memory_order_acq_rel);
  CHECK((before >> shift & 3u) != 0);
}

void IssuerUse::extend_validity(std::uint64_t until_s) {
  const Word word = valid_until(file_);
  std::uint64_t seen = word.load(std::memory_order_relaxed);
  while (big_endian(seen) < until_s)
    if (word.compare_exchange_weak(seen, big_endian(until_s), std::memory_order_acq_rel)) return;
}

std::uint64_t IssuerUse::valid_until_s() const {
  return big_endian(valid_until(file_).load(std::memory_order_acquire));
}

}  // namespace dp
