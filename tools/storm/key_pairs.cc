// Counting how often a key pair was used.
#include "tools/storm/key_pairs.h"

#include <utility>

namespace storm {

std::shared_ptr<const crypto::KeyExchange> KeyPairs::take(crypto::KeGroup group) {
  Current& current = current_[std::to_underlying(group)];
  if (current.key == nullptr || current.uses >= clients_each_) {
    current.key = crypto::KeyExchange::make(group);
    current.uses = 0;
  }
  ++current.uses;
  return current.key;
}

}  // namespace storm
