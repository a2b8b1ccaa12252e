// Mapping, populating, wiping.
#include "dataplane/arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include "crypto/base/secret.h"

namespace dp {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kHugePage = std::size_t{2} << 20;

std::size_t round_up(std::size_t n, std::size_t unit) { return (n + unit - 1) / unit * unit; }

crypto::Error no_memory(std::size_t bytes, const char* what, int error) {
  return {"cannot have " + std::to_string(bytes >> 20) + " MiB for the " + what + ": " +
          std::strerror(error) +
          "; lower the number of sessions or give the machine (or its cgroup) more memory"};
}

// An anonymous mapping of `len` octets whose start is a multiple of `alignment`; nullptr when there
// is none.
void* map_aligned(std::size_t len, std::size_t alignment) {
  const std::size_t slack = alignment - kPage;
  void* raw = mmap(nullptr, len + slack, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (raw == MAP_FAILED) return nullptr;
  auto* begin = static_cast<std::uint8_t*>(raw);
  const std::size_t head = round_up(std::bit_cast<std::uintptr_t>(begin), alignment) -
                           std::bit_cast<std::uintptr_t>(begin);
  if (head != 0) munmap(begin, head);
  if (slack != head) munmap(begin + head + len, slack - head);
  return begin + head;
}

// Touches every page for writing. Fails instead of being killed where the kernel can tell
// (Linux 5.14).
int populate(void* data, std::size_t len) {
  if (madvise(data, len, MADV_POPULATE_WRITE) == 0) return 0;
  if (errno != EINVAL) return errno;
  auto* p = static_cast<volatile std::uint8_t*>(data);
  for (std::size_t i = 0; i < len; i += kPage) p[i] = 0;
  return 0;
}

}  // namespace

crypto::Result<Arena> Arena::map(std::size_t bytes, const char* what) {
  return make(bytes, what, true);
}

crypto::Result<Arena> Arena::reserve(std::size_t bytes, const char* what) {
  return make(bytes, what, false);
}

crypto::Result<Arena> Arena::make(std::size_t bytes, const char* what, bool resident) {
  if (bytes == 0 || bytes > SIZE_MAX / 2)
    return crypto::fail(std::string("a size of ") + std::to_string(bytes) + " octets for the " +
                        what + " cannot be mapped");
  const std::size_t alignment = bytes >= kHugePage ? kHugePage : kPage;
  Arena arena;
  arena.mapped_len_ = round_up(bytes, alignment);
  arena.data_ = map_aligned(arena.mapped_len_, alignment);
  if (arena.data_ == nullptr) return std::unexpected(no_memory(bytes, what, errno));
  arena.size_ = bytes;
  // Wishes: a kernel without transparent huge pages gives small ones, and that is slower, not
  // wrong.
  madvise(arena.data_, arena.mapped_len_, MADV_HUGEPAGE);
  if (madvise(arena.data_, arena.mapped_len_, MADV_DONTDUMP) != 0)
    return crypto::fail(std::string("cannot keep the ") + what +
                        " out of core dumps: " + std::strerror(errno));
  if (!resident) {
    arena.locked_ = mlock2(arena.data_, arena.mapped_len_, MLOCK_ONFAULT) == 0;
    return arena;
  }
  if (const int error = populate(arena.data_, arena.mapped_len_); error != 0)
    return std::unexpected(no_memory(bytes, what, error));
  arena.locked_ = mlock(arena.data_, arena.mapped_len_) == 0;
  return arena;
}

Arena::~Arena() { unmap(); }

Arena::Arena(Arena&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      mapped_len_(std::exchange(other.mapped_len_, 0)),
      locked_(std::exchange(other.locked_, false)) {}

Arena& Arena::operator=(Arena&& other) noexcept {
  if (this == &other) return *this;
  unmap();
  data_ = std::exchange(other.data_, nullptr);
  size_ = std::exchange(other.size_, 0);
  mapped_len_ = std::exchange(other.mapped_len_, 0);
  locked_ = std::exchange(other.locked_, false);
  return *this;
}

// Pages that were never touched stay so.
void Arena::wipe() {
  auto* const begin = static_cast<std::uint8_t*>(data_);
  std::array<unsigned char, kHugePage / kPage> resident;
  for (std::size_t at = 0; at < mapped_len_; at += kHugePage) {
    const std::size_t len = std::min(kHugePage, mapped_len_ - at);
    CHECK(mincore(begin + at, len, resident.data()) == 0);
    for (std::size_t page = 0; page < len / kPage; ++page)
      if ((resident[page] & 1) != 0) crypto::secure_zero(begin + at + page * kPage, kPage);
  }
}

void Arena::unmap() {
  if (data_ == nullptr) return;
  wipe();
  CHECK(munmap(data_, mapped_len_) == 0);
  data_ = nullptr;
}

}  // namespace dp
