// IVs of clients' messages.
#pragma once

#include <array>

#include "crypto/random.h"
#include "ike/suite.h"

namespace storm {

// RFC 5282 §3.1: the IV of an AEAD suite never repeats under a key, so it counts our messages.
// RFC 7296 §3.14: that of CBC is random. Returns its length.
inline std::size_t write_iv(const ike::Suite& suite, std::uint64_t number, crypto::Random& random,
                            std::array<std::uint8_t, 16>& iv) {
  const std::size_t len = ike::iv_len(suite);
  if (ike::is_aead(suite.encr)) {
    crypto::store_be64(iv.data(), number);
  } else {
    random.fill(iv);
  }
  return len;
}

}  // namespace storm
