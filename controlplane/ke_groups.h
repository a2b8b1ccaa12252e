// KE groups: the numbers of IKE as the key exchanges of the crypto layer.
#pragma once

#include <optional>

#include "crypto/key_exchange.h"
#include "ike/registry.h"

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

}  // namespace cp
