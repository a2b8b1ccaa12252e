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
  ike::AuthAnswer answer;
};

// SPIi | SPIr | SK_ai | SK_ar | SK_ei | SK_er of one session.
inline std::size_t dpd_record_len(const ike::Suite& suite) {
  return 16 + 2 * ike::integ_key_len(suite) + 2 * ike::encr_key_len(suite);
}

}  // namespace storm
