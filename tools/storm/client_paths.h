// Client paths: which address and port each client has, and those of the gateway.
//
// Clients are spread over a source prefix first and over ports then:
//   address = prefix + 1 + client % address_count      port = first port + client / address_count
// so every (address, port) is one client's alone. Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "crypto/base/error.h"
#include "tools/storm/initiator.h"

namespace storm {

// An IPv4 address stands in the first 4 octets.
struct Address {
  std::array<std::uint8_t, 16> octets{};
  bool is_ip6 = false;
  std::size_t len() const { return is_ip6 ? 16 : 4; }
  crypto::Bytes bytes() const { return {octets.data(), len()}; }
  bool operator==(const Address&) const = default;
};
struct Prefix {
  Address base;
  unsigned len = 0;
};
// Errors quote the text and say what was expected.
crypto::Result<Address> parse_address(const std::string& text);
crypto::Result<Prefix> parse_prefix(const std::string& text);
std::string to_text(const Address& address);

struct PathConfig {
  Prefix source;
  std::uint16_t first_source_port = 20000;
  Address gateway;
  std::uint16_t gateway_port = 500;        // of IKE_SESSION_RESUME
  std::uint16_t later_gateway_port = 500;  // of what follows; 4500 after 500 is NAT traversal
};

class ClientPaths final : public EndpointSource {
 public:
  // Errors: prefix and gateway of two families, the gateway within the prefix, more clients than
  // the prefix and the ports give.
  static crypto::Result<ClientPaths> make(const PathConfig& config, std::uint32_t clients);

  // As of message 1.
  Endpoints endpoints(std::uint32_t client) const override;
  Address address(std::uint32_t client) const;
  std::uint16_t port(std::uint32_t client) const {
    return static_cast<std::uint16_t>(config_.first_source_port + client / address_count_);
  }
  const Address& gateway() const { return config_.gateway; }
  std::uint16_t gateway_port(bool first_exchange) const {
    return first_exchange ? config_.gateway_port : config_.later_gateway_port;
  }
  bool is_ip6() const { return config_.gateway.is_ip6; }
  bool has(std::uint32_t client) const { return client < clients_; }
  // An address of some client (4 or 16 octets, as the family has).
  bool owns(const std::uint8_t* address) const;
  // The client's own address and port.
  bool is_of(std::uint32_t client, const std::uint8_t* address, std::uint16_t port) const;

 private:
  explicit ClientPaths(const PathConfig& config) : config_(config) {}
  std::uint64_t tail_of(const std::uint8_t* address) const;

  PathConfig config_;
  std::uint32_t clients_ = 0;
  std::uint32_t address_count_ = 1;
  std::uint64_t base_tail_ = 0;  // the last 4 (IPv4) or 8 octets of the prefix
};

}  // namespace storm
