// Writing payload chains and clear messages.
#include "ike/builder.h"

namespace ike {

void ChainBuilder::open(PayloadType type) {
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

void ChainBuilder::close() {
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

void ChainBuilder::payload(PayloadType type, crypto::Bytes body) {
  open(type);
  writer_.bytes(body);
  close();
}

void ChainBuilder::notify(Notify type, crypto::Bytes data) {
  notify_spi(type, Protocol::none, {}, data);
}

void ChainBuilder::notify_spi(Notify type, Protocol protocol, crypto::Bytes spi,
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

void ChainBuilder::auth(AuthMethod method, crypto::Bytes data) {
  open(PayloadType::auth);
  if (std::uint8_t* fixed = writer_.reserve(4)) {
    std::memset(fixed, 0, 4);
    fixed[0] = static_cast<std::uint8_t>(method);
  }
  writer_.bytes(data);
  close();
}

MessageBuilder::MessageBuilder(crypto::MutBytes buffer, const Header& header)
    : writer_(buffer), chain_(writer_), header_(header) {
  static_cast<void>(writer_.reserve(kHeaderLen));
}

std::size_t MessageBuilder::finish() {
  if (!writer_.ok()) return 0;
  header_.next_payload = chain_.first_type();
  header_.length = static_cast<std::uint32_t>(writer_.size());
  write_header(header_, writer_.at(0));
  return writer_.size();
}

}  // namespace ike
