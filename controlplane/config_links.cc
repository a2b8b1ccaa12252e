// Reads [outside] and [inside]: the two sides of the gateway.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "controlplane/config_sections.h"
#include "controlplane/hex_text.h"
#include "controlplane/value_text.h"

namespace cp {
namespace {

bool is_unicast(const Address& address) {
  if (const auto* ip4 = std::get_if<ike::Ip4>(&address))
    return (*ip4)[0] != 0 && (*ip4)[0] < 224 && (*ip4)[0] != 127;
  const auto& ip6 = std::get<ike::Ip6>(address);
  const bool all_zero_but_last =
      std::all_of(ip6.begin(), ip6.end() - 1, [](auto o) { return o == 0; });
  return ip6[0] != 0xff && !(all_zero_but_last && ip6[15] <= 1);
}

crypto::Result<Address> parse_host(std::string_view text) {
  const auto address = parse_address(text);
  if (address && !is_unicast(*address))
    return crypto::fail(fmt::format("\"{}\" cannot be the address of a gateway", text));
  return address;
}

crypto::Result<Address> parse_own_address(std::string_view text) {
  if (text.find('/') != std::string_view::npos)
    return crypto::fail(fmt::format(
        "expected an address without prefix length, not \"{}\": answers go back the way the "
        "question came",
        text));
  return parse_host(text);
}

// An own address with the length of its subnet's prefix.
struct Interface {
  Address address;
  std::uint8_t prefix = 0;
};

crypto::Result<Interface> parse_interface(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = parse_host(text.substr(0, slash));
  if (!address) return std::unexpected(address.error());
  const unsigned longest = std::holds_alternative<ike::Ip4>(*address) ? 32 : 128;
  unsigned prefix = 0;
  const std::string_view digits =
      slash == std::string_view::npos ? std::string_view() : text.substr(slash + 1);
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, prefix);
  if (error != std::errc() || stop != end || prefix == 0 || prefix > longest)
    return crypto::fail(fmt::format(
        "expected an address with the prefix length of its subnet, as 10.0.0.1/24, not \"{}\"",
        text));
  return Interface{*address, static_cast<std::uint8_t>(prefix)};
}

crypto::Result<dp::Mac> parse_mac(std::string_view text) {
  std::string digits(text);
  std::erase(digits, ':');
  const auto octets = parse_hex(digits);
  dp::Mac mac{};
  if (!octets || octets->size() != mac.size() || ((*octets)[0] & 1) != 0)
    return crypto::fail(
        fmt::format("expected a unicast MAC address, as 02:00:00:00:00:01, not \"{}\"", text));
  std::ranges::copy(*octets, mac.begin());
  return mac;
}

void read_device(TableReader& in, dp::LinkConfig& link) {
  in.integer("vlan", link.vlan, {0, 4094});
  in.integer("mtu", link.mtu, {1280, 9190});
  in.integer("rx_descriptors", link.rx_descriptors, {64, 32768});
  in.integer("tx_descriptors", link.tx_descriptors, {64, 32768});
}

// The first address of each family tells what the subnet is.
void take(const std::vector<Interface>& interfaces, dp::LinkConfig& link, dp::InsideRoute& route) {
  for (const Interface& own : interfaces) {
    if (const auto* ip4 = std::get_if<ike::Ip4>(&own.address)) {
      if (link.ip4.empty()) route.prefix4 = own.prefix;
      link.ip4.push_back(*ip4);
    } else {
      if (link.ip6.empty()) route.prefix6 = own.prefix;
      link.ip6.push_back(std::get<ike::Ip6>(own.address));
    }
  }
}

// One family's gateway: asked for by ARP or neighbour discovery, so it must be a neighbour.
template <class Ip>
void take_gateway(TableReader& in, const Ip& gateway, const std::vector<Ip>& own, unsigned prefix,
                  std::optional<Ip>& out) {
  if (out)
    in.fail("gateways", "expected at most one gateway of each family");
  else if (own.empty())
    in.fail("gateways", fmt::format("expected an own address of the family of {} in addresses",
                                    address_text(gateway)));
  else if (!dp::same_prefix(gateway.data(), own.front().data(), prefix))
    in.fail("gateways", fmt::format("expected a gateway in the subnet of {}/{}, not {}",
                                    address_text(own.front()), prefix, address_text(gateway)));
  else if (std::ranges::find(own, gateway) != own.end())
    in.fail("gateways", fmt::format("{} is our own address", address_text(gateway)));
  out = gateway;
}

void read_gateways(TableReader& in, const dp::LinkConfig& link, dp::InsideRoute& route) {
  std::vector<Address> gateways;
  in.values("gateways", gateways, parse_host);
  for (const Address& gateway : gateways) {
    if (const auto* ip4 = std::get_if<ike::Ip4>(&gateway))
      take_gateway(in, *ip4, link.ip4, route.prefix4, route.gateway4);
    else
      take_gateway(in, std::get<ike::Ip6>(gateway), link.ip6, route.prefix6, route.gateway6);
  }
  dp::Mac mac{};
  if (!in.value("gateway_mac", mac, parse_mac)) return;
  route.gateway_mac = mac;
  if (!gateways.empty())
    in.fail("gateway_mac",
            "expected either gateways or gateway_mac: with it everything goes there");
}

}  // namespace

void read_outside(TableReader in, dp::LinkConfig& link) {
  in.string("device", link.device, Presence::required);
  std::vector<Address> addresses;
  if (in.values("addresses", addresses, parse_own_address, Presence::required) && addresses.empty())
    in.fail("addresses", "expected at least one address");
  for (const Address& address : addresses) {
    if (const auto* ip4 = std::get_if<ike::Ip4>(&address)) link.ip4.push_back(*ip4);
    if (const auto* ip6 = std::get_if<ike::Ip6>(&address)) link.ip6.push_back(*ip6);
  }
  read_device(in, link);
  in.finish();
}

void read_inside(TableReader in, dp::WorkerConfig& workers) {
  dp::LinkConfig& link = workers.inside;
  in.string("device", link.device);
  std::vector<Interface> interfaces;
  if (in.values("addresses", interfaces, parse_interface, Presence::required) && interfaces.empty())
    in.fail("addresses", "expected at least one address");
  take(interfaces, link, workers.inside_route);
  read_gateways(in, link, workers.inside_route);
  in.boolean("mss_clamp", workers.clamp_mss);
  read_device(in, link);
  in.finish();
}

}  // namespace cp
