// Byte spans, big-endian loads and stores, and the one reader and the one writer that check bounds.
//
// Every parser of the project reads through ByteReader and every builder writes through ByteWriter,
// so there is one length comparison in one function for each direction. Neither allocates or
// throws. Any thread; the objects themselves are not shared.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace crypto {

using Bytes = std::span<const std::uint8_t>;
using MutBytes = std::span<std::uint8_t>;

inline std::uint16_t load_be16(const std::uint8_t* p) {
  return static_cast<std::uint16_t>((p[0] << 8) | p[1]);
}
inline std::uint32_t load_be32(const std::uint8_t* p) {
  std::uint32_t v;
  std::memcpy(&v, p, sizeof v);
  return __builtin_bswap32(v);
}
inline std::uint64_t load_be64(const std::uint8_t* p) {
  std::uint64_t v;
  std::memcpy(&v, p, sizeof v);
  return __builtin_bswap64(v);
}
inline void store_be16(std::uint8_t* p, std::uint16_t v) {
  p[0] = static_cast<std::uint8_t>(v >> 8);
  p[1] = static_cast<std::uint8_t>(v);
}
inline void store_be32(std::uint8_t* p, std::uint32_t v) {
  v = __builtin_bswap32(v);
  std::memcpy(p, &v, sizeof v);
}
inline void store_be64(std::uint8_t* p, std::uint64_t v) {
  v = __builtin_bswap64(v);
  std::memcpy(p, &v, sizeof v);
}

// A cursor over octets that somebody else owns. Reads return false and consume nothing when the
// octets do not suffice. Length-prefixed parts are read with `take`, and the part is given to a new
// ByteReader, so an inner parser cannot run past its box. A caller that expects the end asks
// `at_end()`.
class ByteReader {
 public:
  constexpr ByteReader() = default;
  constexpr explicit ByteReader(Bytes bytes) : rest_(bytes) {}

  std::size_t remaining() const { return rest_.size(); }
  bool at_end() const { return rest_.empty(); }
  Bytes rest() const { return rest_; }

  [[nodiscard]] bool take(std::size_t len, Bytes& out) {
    if (len > rest_.size()) return false;  // The project's only bounds check on reading.
    out = rest_.first(len);
    rest_ = rest_.subspan(len);
    return true;
  }
  [[nodiscard]] bool skip(std::size_t len) {
    Bytes ignored;
    return take(len, ignored);
  }
  [[nodiscard]] bool u8(std::uint8_t& out) {
    Bytes b;
    if (!take(1, b)) return false;
    out = b[0];
    return true;
  }
  [[nodiscard]] bool be16(std::uint16_t& out) {
    Bytes b;
    if (!take(2, b)) return false;
    out = load_be16(b.data());
    return true;
  }
  [[nodiscard]] bool be32(std::uint32_t& out) {
    Bytes b;
    if (!take(4, b)) return false;
    out = load_be32(b.data());
    return true;
  }
  [[nodiscard]] bool be64(std::uint64_t& out) {
    Bytes b;
    if (!take(8, b)) return false;
    out = load_be64(b.data());
    return true;
  }

 private:
  Bytes rest_;
};

// A cursor over a caller's buffer. A write that does not fit writes nothing and makes the writer
// fail for good; the caller checks `ok()` once at the end instead of after each write.
class ByteWriter {
 public:
  explicit ByteWriter(MutBytes buffer) : buffer_(buffer) {}

  bool ok() const { return ok_; }
  std::size_t size() const { return size_; }
  std::size_t room() const { return buffer_.size() - size_; }
  std::uint8_t* at(std::size_t offset) { return buffer_.data() + offset; }
  MutBytes written() { return buffer_.first(size_); }

  // Reserves `len` octets and returns them, or nullptr (and fails) when they do not fit.
  std::uint8_t* reserve(std::size_t len) {
    if (!ok_ || len > room()) {  // The project's only bounds check on writing.
      ok_ = false;
      return nullptr;
    }
    std::uint8_t* p = buffer_.data() + size_;
    size_ += len;
    return p;
  }
  void u8(std::uint8_t v) {
    if (std::uint8_t* p = reserve(1)) *p = v;
  }
  void be16(std::uint16_t v) {
    if (std::uint8_t* p = reserve(2)) store_be16(p, v);
  }
  void be32(std::uint32_t v) {
    if (std::uint8_t* p = reserve(4)) store_be32(p, v);
  }
  void be64(std::uint64_t v) {
    if (std::uint8_t* p = reserve(8)) store_be64(p, v);
  }
  void bytes(Bytes b) {
    std::uint8_t* p = reserve(b.size());
    if (p != nullptr && !b.empty()) std::memcpy(p, b.data(), b.size());
  }
  void zeros(std::size_t len) {
    std::uint8_t* p = reserve(len);
    if (p != nullptr && len != 0) std::memset(p, 0, len);
  }

 private:
  MutBytes buffer_;
  std::size_t size_ = 0;
  bool ok_ = true;
};

}  // namespace crypto
