// Identities of connecting clients: one text with the client's number in it.
#pragma once

#include <cstdint>
#include <string>

#include "crypto/base/bytes.h"
#include "crypto/base/error.h"

namespace storm {

// "client-%07u@storm.example": %u is the number, %0Nu the number with zeroes up to N digits, %% a
// percent sign. The text is then read as the gateway reads identities
// (controlplane/identity_text.h). Immutable.
class ClientIdentity {
 public:
  // Errors: another conversion, none or two of them (all clients would be one), no identity.
  static crypto::Result<ClientIdentity> parse(const std::string& pattern);

  std::string text(std::uint32_t client) const;
  // IDi: type | reserved | data.
  std::string body(std::uint32_t client) const;

 private:
  std::string before_, after_;
  unsigned digits_ = 0;
};

inline crypto::Bytes octets_of(const std::string& text) {
  return {static_cast<const std::uint8_t*>(static_cast<const void*>(text.data())), text.size()};
}

}  // namespace storm
