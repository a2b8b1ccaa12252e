// The address notifies of MOBIKE (RFC 4555 §4.2): where else a peer can be reached.
#pragma once

#include <array>

#include "ike/builder.h"
#include "ike/config_payload.h"
#include "ike/parse_error.h"
#include "ike/payload.h"

namespace ike {

inline constexpr std::size_t kAdditionalAddressesMax = 8;  // per family; further ones are dropped
inline constexpr std::size_t kCookie2LenMin = 8;           // RFC 4555 §4.2.5
inline constexpr std::size_t kCookie2LenMax = 64;

struct AdditionalAddresses {
  std::array<Ip4, kAdditionalAddressesMax> additional_ip4;
  std::size_t additional_ip4_count = 0;
  std::array<Ip6, kAdditionalAddressesMax> additional_ip6;
  std::size_t additional_ip6_count = 0;
  bool no_additional_addresses = false;
};

// Takes ADDITIONAL_IP4_ADDRESS, ADDITIONAL_IP6_ADDRESS and NO_ADDITIONAL_ADDRESSES; anything else
// is left alone. bad_notify when the data is no address of that family.
ParseError take_additional_address(const NotifyView& notify, AdditionalAddresses& out);
// The addresses, or NO_ADDITIONAL_ADDRESSES when that is set and there are none.
void write_additional_addresses(ChainBuilder& chain, const AdditionalAddresses& addresses);

}  // namespace ike
