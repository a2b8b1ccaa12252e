// What a connecting client has beside its flight, and the scratch of one burst; private to the
// connector.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "crypto/key_exchange.h"
#include "ike/auth_exchange.h"
#include "ike/sa_init.h"
#include "tools/storm/connector.h"

namespace storm {

struct Connector::Handshake {
  std::shared_ptr<const crypto::KeyExchange> key;
  ike::KeId ke = ike::KeId::none;  // the group of `key`
  ike::Suite suite;                // chosen by the gateway
  std::vector<std::uint8_t> cookie, message2;
};

struct Connector::Batch {
  std::array<SecretLane, kBatchMax> secrets;
  std::array<std::array<std::uint8_t, crypto::kKeSharedMax>, kBatchMax> shared;
  std::array<std::string, kBatchMax> ids;
  std::size_t secret_count = 0;
  // Of the lanes opened that have AUTH. `answers` stay in place, `verifies` may be reordered.
  std::array<VerifyLane, kBatchMax> verifies;
  std::array<ike::AuthAnswer, kBatchMax> answers;
  std::array<Flight*, kBatchMax> flights;
  std::size_t answer_count = 0;
};

}  // namespace storm
