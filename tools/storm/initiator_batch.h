// Scratch of one burst of answers, private to the initiator.
#pragma once

#include <array>

#include "ike/auth_exchange.h"
#include "tools/storm/flight.h"
#include "tools/storm/initiator.h"

namespace storm {

struct Initiator::Batch {
  std::array<KeyLane, kBatchMax> keys;
  std::size_t key_count = 0;
  std::array<OpenLane, kBatchMax> opens;
  std::size_t open_count = 0;
  std::array<SealLane, kBatchMax> seals;
  std::array<std::array<std::uint8_t, kAnswerMax>, kBatchMax> plaintexts;
  ike::AuthAnswer answer;
};

// RFC 5282 §3.1: the IV of an AEAD suite never repeats under a key, so it counts our messages.
// RFC 7296 §3.14: that of CBC is random.
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

// SPIi | SPIr | SK_ai | SK_ar | SK_ei | SK_er of one session.
inline std::size_t dpd_record_len(const ike::Suite& suite) {
  return 16 + 2 * ike::integ_key_len(suite) + 2 * ike::encr_key_len(suite);
}

}  // namespace storm
