// KE groups: the numbers of IKE as the key exchanges of the crypto layer.
#pragma once

#include <algorithm>
#include <iterator>
#include <optional>
#include <span>
#include <vector>

#include "crypto/key_exchange.h"
#include "ike/suite.h"

namespace cp {

// Nothing for `none`, for unknown numbers, and for groups that the installed OpenSSL lacks.
inline std::optional<crypto::KeGroup> ke_group(ike::KeId id) {
  using enum ike::KeId;
  std::optional<crypto::KeGroup> group;
  switch (id) {
    case modp_2048:
      group = crypto::KeGroup::modp2048;
      break;
    case modp_3072:
      group = crypto::KeGroup::modp3072;
      break;
    case modp_4096:
      group = crypto::KeGroup::modp4096;
      break;
    case ecp_256:
      group = crypto::KeGroup::p256;
      break;
    case ecp_384:
      group = crypto::KeGroup::p384;
      break;
    case ecp_521:
      group = crypto::KeGroup::p521;
      break;
    case curve25519:
      group = crypto::KeGroup::x25519;
      break;
    case ml_kem_768:
      group = crypto::KeGroup::ml_kem_768;
      break;
    case none:
    default:
      return std::nullopt;
  }
  return crypto::is_available(*group) ? group : std::nullopt;
}

// True when this machine can do each key exchange of a suite; none is nothing to do.
inline bool has_usable_kes(const ike::Suite& suite) {
  const ike::AdditionalKes& more = suite.additional;
  for (std::size_t i = more.next(0); i < ike::AdditionalKes::kMax; i = more.next(i + 1))
    if (!ke_group(more.at(i))) return false;
  return suite.ke == ike::KeId::none || ke_group(suite.ke).has_value();
}
inline std::vector<ike::Suite> usable_suites(std::span<const ike::Suite> all) {
  std::vector<ike::Suite> usable;
  std::ranges::copy_if(all, std::back_inserter(usable), has_usable_kes);
  return usable;
}

}  // namespace cp
