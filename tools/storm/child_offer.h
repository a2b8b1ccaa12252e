// The Child SA that clients ask for, and whether what they are given is part of it.
#pragma once

#include "crypto/random.h"
#include "ike/auth_exchange.h"
#include "ike/suite.h"
#include "tools/storm/outcome.h"

namespace storm {

// Our inbound SPI of a client's Child SA: its number and a few random bits, so that ESP finds its
// client by arithmetic and the SA of an attempt before is told from that of the next. Never below
// 256 (RFC 4303 §2.1).
inline constexpr std::uint32_t kEspClientsMax = (1u << 25) - 2;
ike::EspSpi draw_child_spi(std::uint32_t client, crypto::Random& random);
// The client that an SPI of ours names. One that is not ours names a number above kEspClientsMax,
// or a client that has another SPI.
constexpr std::uint32_t client_of(ike::EspSpi spi) { return (spi.value() >> 7) - 2; }

// What a message 4 with an error in place of AUTH makes of its client.
Outcome refusal_of(const ike::AuthAnswer& answer);

// One suite, all traffic. Immutable.
class ChildOffer {
 public:
  explicit ChildOffer(const ike::Suite& suite);

  const ike::Suite& suite() const { return suite_; }
  const ike::SelectorList& selectors(bool with_ip6) const { return with_ip6 ? any46_ : any4_; }
  // True when SA and selectors of message 4 were offered; `spi` is then the gateway's.
  [[nodiscard]] bool agrees_with(const ike::AuthAnswer& answer, bool with_ip6,
                                 ike::EspSpi& spi) const;

 private:
  ike::Suite suite_;
  ike::SelectorList any4_, any46_;
};

}  // namespace storm
