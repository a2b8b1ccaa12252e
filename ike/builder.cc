// Writing payload chains and clear messages.
#include "ike/builder.h"

namespace ike {

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
