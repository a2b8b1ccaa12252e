// Address arithmetic and parsing.
#include "tools/storm/client_paths.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace storm {

crypto::Result<Address> parse_address(const std::string& text) {
  Address address;
  if (inet_pton(AF_INET, text.c_str(), address.octets.data()) == 1) return address;
  address.is_ip6 = true;
  if (inet_pton(AF_INET6, text.c_str(), address.octets.data()) == 1) return address;
  return crypto::fail(fmt::format("'{}' is no IPv4 or IPv6 address", text));
}

crypto::Result<Prefix> parse_prefix(const std::string& text) {
  const std::size_t slash = text.find('/');
  const crypto::Error wrong{
      fmt::format("'{}' is no prefix such as 198.18.0.0/15 or 2001:2::/48", text)};
  if (slash == std::string::npos) return std::unexpected(wrong);
  const auto address = parse_address(text.substr(0, slash));
  Prefix prefix;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data() + slash + 1, end, prefix.len);
  if (!address || error != std::errc() || rest != end || prefix.len > 8 * address->len())
    return std::unexpected(wrong);
  prefix.base = *address;
  for (std::size_t bit = prefix.len; bit < 8 * address->len(); ++bit)
    prefix.base.octets[bit / 8] &= static_cast<std::uint8_t>(~(0x80u >> bit % 8));
  return prefix;
}

std::string to_text(const Address& address) {
  std::array<char, INET6_ADDRSTRLEN> text;
  return inet_ntop(address.is_ip6 ? AF_INET6 : AF_INET, address.octets.data(), text.data(),
                   text.size());
}

std::uint64_t ClientPaths::tail_of(const std::uint8_t* address) const {
  return is_ip6() ? crypto::load_be64(address + 8) : crypto::load_be32(address);
}

crypto::Result<ClientPaths> ClientPaths::make(const PathConfig& config, std::uint32_t clients) {
  if (config.source.base.is_ip6 != config.gateway.is_ip6)
    return crypto::fail("the source prefix and the gateway are not of one address family");
  ClientPaths paths(config);
  const unsigned host_bits = static_cast<unsigned>(8 * config.gateway.len()) - config.source.len;
  // Neither the first address of the prefix nor, in IPv4, the last one is a host's (RFC 1122).
  std::uint64_t hosts = std::uint64_t{1} << std::min(host_bits, 32u);
  if (hosts > 2) hosts -= config.gateway.is_ip6 ? 1 : 2;
  const std::uint64_t ports = 65536u - config.first_source_port;
  if (hosts * ports < clients)
    return crypto::fail(
        fmt::format("{} clients need more than the {} addresses and {} ports that the source "
                    "prefix and the first source port give",
                    clients, hosts, ports));
  paths.clients_ = clients;
  paths.address_count_ = static_cast<std::uint32_t>(std::min<std::uint64_t>(hosts, clients));
  paths.base_tail_ = paths.tail_of(config.source.base.octets.data());
  if (host_bits > 1) ++paths.base_tail_;
  if (paths.owns(config.gateway.octets.data()))
    return crypto::fail("the gateway's address is one of the clients': choose another prefix");
  return paths;
}

Address ClientPaths::address(std::uint32_t client) const {
  Address address = config_.source.base;
  const std::uint64_t tail = base_tail_ + client % address_count_;
  if (address.is_ip6) {
    crypto::store_be64(address.octets.data() + 8, tail);
  } else {
    crypto::store_be32(address.octets.data(), static_cast<std::uint32_t>(tail));
  }
  return address;
}

Endpoints ClientPaths::endpoints(std::uint32_t client) const {
  return {.client = address(client).octets,
          .gateway = config_.gateway.octets,
          .client_port = port(client),
          .gateway_port = config_.gateway_port,
          .is_ip6 = is_ip6()};
}

bool ClientPaths::owns(const std::uint8_t* address) const {
  if (is_ip6() && !std::equal(address, address + 8, config_.source.base.octets.begin()))
    return false;
  return tail_of(address) - base_tail_ < address_count_;
}

bool ClientPaths::is_of(std::uint32_t client, const std::uint8_t* address,
                        std::uint16_t port_number) const {
  return client < clients_ && owns(address) &&
         tail_of(address) - base_tail_ == client % address_count_ && port_number == port(client);
}

}  // namespace storm
