// Secrets as a type: cannot be copied, printed or compared with ==, and wipe themselves.
//
// Reading the octets is spelled `reveal()`, so that every place where key octets become visible can
// be found by searching for that word. Any thread; one object is not shared between threads.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <utility>

#include "crypto/base/bytes.h"

namespace crypto {

// Overwrites with zeroes in a way the compiler may not remove.
void secure_zero(void* p, std::size_t len);
inline void secure_zero(MutBytes b) { secure_zero(b.data(), b.size()); }

// True when both have the same length and octets. The time depends on the length alone
// (RFC 7296 §2.12 values, tags, cookies and AUTH are compared with this and nothing else).
[[nodiscard]] bool ct_equal(Bytes a, Bytes b);

template <std::size_t N>
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::span<const std::uint8_t, N> from) {
    std::memcpy(bytes_.data(), from.data(), N);
  }
  ~Secret() { wipe(); }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  Secret(Secret&& other) noexcept { take(other); }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) take(other);
    return *this;
  }
  bool operator==(const Secret&) const = delete;

  std::span<const std::uint8_t, N> reveal() const { return bytes_; }
  // For the code that fills the secret in place.
  std::span<std::uint8_t, N> fill() { return bytes_; }
  void wipe() { secure_zero(bytes_.data(), N); }

 private:
  void take(Secret& other) {
    bytes_ = other.bytes_;
    other.wipe();
  }
  std::array<std::uint8_t, N> bytes_{};
};

// A secret whose length is known at run time only: pre-shared keys, shared secrets, MSKs. Its
// octets never move, so that no copy is left behind. Allocates: cold path only.
class SecretBytes {
 public:
  SecretBytes() = default;
  explicit SecretBytes(std::size_t len)
      : octets_(std::make_unique<std::uint8_t[]>(len)), len_(len) {}
  explicit SecretBytes(Bytes from) : SecretBytes(from.size()) {
    std::ranges::copy(from, octets_.get());
  }
  ~SecretBytes() { wipe(); }
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;
  SecretBytes(SecretBytes&& other) noexcept
      : octets_(std::move(other.octets_)), len_(std::exchange(other.len_, 0)) {}
  SecretBytes& operator=(SecretBytes&& other) noexcept {
    if (this == &other) return *this;
    wipe();
    octets_ = std::move(other.octets_);
    len_ = std::exchange(other.len_, 0);
    return *this;
  }
  bool operator==(const SecretBytes&) const = delete;

  std::size_t size() const { return len_; }
  bool empty() const { return len_ == 0; }
  Bytes reveal() const { return {octets_.get(), len_}; }
  // For the code that fills the secret in place.
  MutBytes fill() { return {octets_.get(), len_}; }
  // Fewer octets than before; those that go are wiped. `len` is at most size().
  void shrink(std::size_t len) {
    secure_zero(fill().subspan(len));
    len_ = len;
  }
  void wipe() { secure_zero(fill()); }

 private:
  std::unique_ptr<std::uint8_t[]> octets_;
  std::size_t len_ = 0;
};

}  // namespace crypto
