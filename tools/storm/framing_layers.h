// Layer 3 of a received frame, private to the framing.
#pragma once

#include "tools/storm/framing.h"

namespace storm {

struct Framing::Layer3 {
  const std::uint8_t* source = nullptr;
  const std::uint8_t* destination = nullptr;
  std::uint8_t protocol = 0;
  std::size_t l4_at = 0;
  std::size_t l4_len = 0;

  // Over addresses, length and protocol (RFC 768, RFC 8200 §8.1) and the octets behind them.
  std::uint64_t sum(crypto::Bytes l4, bool is_ip6) const {
    dp::Path path;
    path.is_ip6 = is_ip6;
    const std::size_t len = is_ip6 ? 16 : 4;
    std::memcpy(path.source.data(), source, len);
    std::memcpy(path.destination.data(), destination, len);
    return dp::checksum_add(dp::pseudo_header_sum(path, protocol, l4.size()), l4);
  }
};

}  // namespace storm
