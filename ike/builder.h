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
