// Key pairs of connecting clients: a new one for each, or one for several.
#pragma once

#include <array>
#include <memory>

#include "crypto/key_exchange.h"

namespace storm {

// Making a key pair costs a client's core about as much as the gateway's answer costs the gateway.
// With `clients_each` above 1 so many clients in a row use the same one (RFC 7296 §2.12 allows a
// peer to), and one core of clients can saturate a gateway; 1 is what real clients do. One thread.
class KeyPairs {
 public:
  explicit KeyPairs(std::uint32_t clients_each) : clients_each_(clients_each) {}

  // Null when the installed OpenSSL lacks the group.
  std::shared_ptr<const crypto::KeyExchange> take(crypto::KeGroup group);

 private:
  struct Current {
    std::shared_ptr<const crypto::KeyExchange> key;
    std::uint32_t uses = 0;
  };
  std::uint32_t clients_each_;
  std::array<Current, crypto::kKeGroupCount> current_;
};

}  // namespace storm
