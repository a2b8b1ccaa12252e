// Message builder: writes a header and a payload chain into a caller's buffer. Next Payload and
// length fields are patched when a payload is closed, so the order of calls is the order on the
// wire.
#pragma once

#include "crypto/base/bytes.h"
#include "ike/header.h"
#include "ike/payload.h"

namespace ike {

// Writes a chain of payloads into `writer`. `first_type()` is for the header (or the SK payload)
// that precedes the chain. A chain that does not fit makes the writer fail; check writer.ok() at
// the end.
class ChainBuilder {
 public:
  explicit ChainBuilder(crypto::ByteWriter& writer) : writer_(writer) {}

  // Opens a payload; its body is whatever is written to writer() until close(). Not nested.
  void open(PayloadType type);
  void close();
  crypto::ByteWriter& writer() { return writer_; }

  // Whole payloads.
  void payload(PayloadType type, crypto::Bytes body);
  void notify(Notify type, crypto::Bytes data = {});
  void notify_u32(Notify type, std::uint32_t value);
  void notify_spi(Notify type, Protocol protocol, crypto::Bytes spi, crypto::Bytes data);
  void auth(AuthMethod method, crypto::Bytes data);

  PayloadType first_type() const { return first_; }

 private:
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  crypto::ByteWriter& writer_;
  PayloadType first_ = PayloadType::none;
  std::size_t last_ = kNone;  // offset of the last closed payload's generic header
  std::size_t open_ = kNone;  // offset of the open payload's generic header
};

inline void ChainBuilder::open(PayloadType type) {
  const std::size_t at = writer_.size();
  std::uint8_t* generic = writer_.reserve(4);
  if (generic == nullptr) return;
  std::memset(generic, 0, 4);
  if (last_ == kNone) {
    first_ = type;
  } else {
    *writer_.at(last_) = static_cast<std::uint8_t>(type);
  }
  open_ = at;
}

inline void ChainBuilder::close() {
  if (open_ == kNone) return;  // open() did not fit.
  const std::size_t len = writer_.size() - open_;
  if (len > 0xffff) {
    // The Payload Length field cannot say it: makes the writer fail, as for a full buffer.
    static_cast<void>(writer_.reserve(writer_.room() + 1));
  } else {
    crypto::store_be16(writer_.at(open_) + 2, static_cast<std::uint16_t>(len));
  }
  last_ = open_;
  open_ = kNone;
}

inline void ChainBuilder::payload(PayloadType type, crypto::Bytes body) {
  open(type);
  writer_.bytes(body);
  close();
}

inline void ChainBuilder::notify(Notify type, crypto::Bytes data) {
  notify_spi(type, Protocol::none, {}, data);
}

inline void ChainBuilder::notify_u32(Notify type, std::uint32_t value) {
  std::uint8_t octets[4];
  crypto::store_be32(octets, value);
  notify(type, octets);
}

inline void ChainBuilder::notify_spi(Notify type, Protocol protocol, crypto::Bytes spi,
                                     crypto::Bytes data) {
  open(PayloadType::notify);
  if (std::uint8_t* fixed = writer_.reserve(4)) {
    fixed[0] = static_cast<std::uint8_t>(protocol);
    fixed[1] = static_cast<std::uint8_t>(spi.size());
    crypto::store_be16(fixed + 2, static_cast<std::uint16_t>(type));
  }
  writer_.bytes(spi);
  writer_.bytes(data);
  close();
}

inline void ChainBuilder::auth(AuthMethod method, crypto::Bytes data) {
  open(PayloadType::auth);
  if (std::uint8_t* fixed = writer_.reserve(4)) {
    std::memset(fixed, 0, 4);
    fixed[0] = static_cast<std::uint8_t>(method);
  }
  writer_.bytes(data);
  close();
}

// A clear message: header, chain, length. Returns the message length, or 0 when it does not fit.
//   MessageBuilder m(buffer, header); m.chain().notify(...); std::size_t len = m.finish();
class MessageBuilder {
 public:
  MessageBuilder(crypto::MutBytes buffer, const Header& header);
  MessageBuilder(const MessageBuilder&) = delete;  // chain_ refers to writer_.
  MessageBuilder& operator=(const MessageBuilder&) = delete;
  ChainBuilder& chain() { return chain_; }
  [[nodiscard]] std::size_t finish();

 private:
  crypto::ByteWriter writer_;
  ChainBuilder chain_;
  Header header_;
};

}  // namespace ike
