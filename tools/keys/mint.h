// Minting: tickets for load tests, as if as many clients had once been connected.
//
// Every ticket has its own identity, SK_d, SPIs and lease and opens with the current key of the
// keyring. Their issuers are registered in the state directory, so that a gateway takes each ticket
// once; it may run meanwhile. The result is a ticket bag (tools/storm/ticket_bag.h).
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "controlplane/config.h"
#include "crypto/base/error.h"
#include "crypto/random.h"

namespace keys {

struct MintOrder {
  std::size_t clients = 1;
  std::string bag_path;
  std::string connection;                 // empty = the first of the configuration
  std::string proposal;                   // empty = the connection's first
  std::uint32_t lifetime_s = 0;           // 0 = that of the configuration
  std::string client_domain = "example";  // @client0.example, @client1.example, ...
  std::string gateway_identity = "@gateway.example";
  bool leases = true;
};

// Told how many are done, now and then.
using Progress = std::function<void(std::size_t done)>;

crypto::Status mint(const cp::GatewayConfig& config, const MintOrder& order, std::uint64_t now_s,
                    crypto::Random& random, const Progress& progress);

}  // namespace keys
