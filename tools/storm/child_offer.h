// The Child SA that clients ask for, and whether what they are given is part of it.
#pragma once

#include "crypto/random.h"
#include "ike/auth_exchange.h"
#include "ike/suite.h"

namespace storm {

// A random inbound SPI; those below 256 are reserved (RFC 4303 §2.1).
ike::EspSpi draw_child_spi(crypto::Random& random);

// One suite, all traffic. Immutable.
class ChildOffer {
 public:
  explicit ChildOffer(const ike::Suite& suite);

  const ike::SelectorList& selectors(bool with_ip6) const { return with_ip6 ? any46_ : any4_; }
  // True when SA and selectors of message 4 were offered; `spi` is then the gateway's.
  [[nodiscard]] bool agrees_with(const ike::AuthAnswer& answer, bool with_ip6,
                                 ike::EspSpi& spi) const;

 private:
  ike::Suite suite_;
  ike::SelectorList any4_, any46_;
};

}  // namespace storm
