// Endpoints of a client, as NAT_DETECTION_*_IP wants them (RFC 7296 §2.23).
#pragma once

#include <array>
#include <cstdint>

#include "crypto/engine.h"
#include "ike/ids.h"
#include "ike/resume.h"

namespace storm {

// Addresses have 4 or 16 octets, UDP ports are those of the first exchange.
struct Endpoints {
  std::array<std::uint8_t, 16> client{}, gateway{};
  std::uint16_t client_port = 0, gateway_port = 0;
  bool is_ip6 = false;
};
class EndpointSource {
 public:
  virtual ~EndpointSource() = default;
  virtual Endpoints endpoints(std::uint32_t client) const = 0;
};

// The two hashes of a first message, whose SPIr is 0.
struct NatHashes {
  std::array<std::uint8_t, 20> source, destination;
};
inline void hash_endpoints(crypto::Engine& engine, const Endpoints& e, ike::IkeSpi spi_i,
                           NatHashes& out) {
  const std::size_t len = e.is_ip6 ? 16 : 4;
  std::array<std::array<std::uint8_t, 34>, 2> inputs;
  const std::size_t input_len = ike::write_nat_detection_input(
      spi_i, ike::IkeSpi(), {e.client.data(), len}, e.client_port, inputs[0].data());
  ike::write_nat_detection_input(spi_i, ike::IkeSpi(), {e.gateway.data(), len}, e.gateway_port,
                                 inputs[1].data());
  const std::array<crypto::Sha1Lane, 2> lanes = {{
      {{inputs[0].data(), input_len}, out.source.data()},
      {{inputs[1].data(), input_len}, out.destination.data()},
  }};
  engine.sha1(lanes);
}

}  // namespace storm
