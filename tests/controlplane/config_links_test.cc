// [outside] and [inside]: values that arrive, mistakes that are named.
#include <gtest/gtest.h>

#include "controlplane/config_sections.h"
#include "controlplane/value_text.h"
#include "tests/controlplane/section.h"

namespace cp {
namespace {

TEST(ConfigOutside, TakesAddressesOfBothFamilies) {
  Section section(
      "device = '0000:3b:00.0'\naddresses = ['192.0.2.1', '2001:db8::1', '198.51.100.1']\nvlan = "
      "7\n"
      "mtu = 9000\nrx_descriptors = 2048\ntx_descriptors = 512");
  dp::LinkConfig link;
  read_outside(section.reader(), link);
  EXPECT_EQ(section.first_error(), "");
  EXPECT_EQ(link.device, "0000:3b:00.0");
  ASSERT_EQ(link.ip4.size(), 2u);
  ASSERT_EQ(link.ip6.size(), 1u);
  EXPECT_EQ(address_text(link.ip4[1]), "198.51.100.1");
  EXPECT_EQ(link.vlan, 7);
  EXPECT_EQ(link.mtu, 9000);
  EXPECT_EQ(link.rx_descriptors, 2048);
  EXPECT_EQ(link.tx_descriptors, 512);
}

TEST(ConfigOutside, NamesMistakes) {
  expect_mistakes(
      {{"addresses = ['192.0.2.1/24']",
        "f:2:14: s.addresses: expected an address without prefix length, not \"192.0.2.1/24\": "
        "answers "
        "go back the way the question came"},
       {"addresses = ['gw']", "f:2:14: s.addresses: expected an IPv4 or IPv6 address, not \"gw\""},
       {"addresses = ['224.0.0.1']",
        "f:2:14: s.addresses: \"224.0.0.1\" cannot be the address of a gateway"},
       {"addresses = ['::1']", "f:2:14: s.addresses: \"::1\" cannot be the address of a gateway"},
       {"addresses = ['ff02::1']",
        "f:2:14: s.addresses: \"ff02::1\" cannot be the address of a gateway"},
       {"addresses = []", "f:2:13: s.addresses: expected at least one address"},
       {"", "f:1:1: s.addresses: is missing and has no default"},
       {"addresses = '192.0.2.1'\nmtu = 500", "f:3:7: s.mtu: expected a number from 1280 to 9190"},
       {"addresses = '192.0.2.1'\nvlan = 4095", "f:3:8: s.vlan: expected a number from 0 to 4094"},
       {"addresses = '192.0.2.1'\nrx_descriptors = '1k'",
        "f:3:18: s.rx_descriptors: expected a number from 64 to 32768"}},
      [](Section& section) {
        dp::LinkConfig link;
        read_outside(section.reader(), link);
      },
      "device = 'd'\n");
}

struct Inside {
  dp::WorkerConfig workers;
  std::string error;
  const dp::LinkConfig& link() const { return workers.inside; }
  const dp::InsideRoute& route() const { return workers.inside_route; }
};
Inside inside_of(const char* text) {
  Section section(text);
  dp::WorkerConfig workers;
  read_inside(section.reader(), workers);
  return {.workers = workers, .error = section.first_error()};
}

TEST(ConfigInside, TakesSubnetsAndGateways) {
  const Inside in = inside_of(
      "device = 'net_tap1'\naddresses = ['10.0.0.1/23', 'fd01::1/48', '10.9.0.1/24']\n"
      "gateways = ['10.0.1.254', 'fd01::fe']\nvlan = 7\nmtu = 9000");
  EXPECT_EQ(in.error, "");
  EXPECT_EQ(in.link().device, "net_tap1");
  ASSERT_EQ(in.link().ip4.size(), 2u);
  ASSERT_EQ(in.link().ip6.size(), 1u);
  EXPECT_EQ(address_text(in.link().ip4[0]), "10.0.0.1");
  EXPECT_EQ(in.route().prefix4, 23) << "of the first";
  EXPECT_EQ(in.route().prefix6, 48);
  EXPECT_EQ(address_text(in.route().gateway4.value()), "10.0.1.254");
  EXPECT_EQ(address_text(in.route().gateway6.value()), "fd01::fe");
  EXPECT_FALSE(in.route().gateway_mac);
  EXPECT_EQ(in.link().vlan, 7);
  EXPECT_EQ(in.link().mtu, 9000);
  EXPECT_TRUE(in.workers.clamp_mss);
  EXPECT_FALSE(inside_of("addresses = '10.0.0.1/24'\nmss_clamp = false").workers.clamp_mss);
}

TEST(ConfigInside, TakesAStaticNeighbour) {
  const Inside in = inside_of("addresses = '10.0.0.1/32'\ngateway_mac = '02:00:5e:00:00:fE'");
  EXPECT_EQ(in.error, "");
  EXPECT_EQ(in.link().device, "") << "own addresses alone";
  EXPECT_EQ(in.route().gateway_mac, (dp::Mac{2, 0, 0x5e, 0, 0, 0xfe}));
}

TEST(ConfigInside, NamesMistakes) {
  const std::string own = "f:2:13: s.addresses: expected an address with the prefix length of its ";
  for (const char* text : {"10.0.0.1", "10.0.0.1/", "10.0.0.1/33", "10.0.0.1/0", "10.0.0.1/24x"})
    EXPECT_EQ(inside_of(("\naddresses = '" + std::string(text) + "'").c_str()).error,
              own + "subnet, as 10.0.0.1/24, not \"" + text + "\"");
  expect_mistakes(
      {{"", "f:1:1: s.addresses: is missing and has no default"},
       {"addresses = []", "f:2:13: s.addresses: expected at least one address"},
       {"addresses = '127.0.0.1/8'",
        "f:2:13: s.addresses: \"127.0.0.1\" cannot be the address of a gateway"},
       {"addresses = '10.0.0.1/24'\ngateways = '10.0.1.254'",
        "f:3:12: s.gateways: expected a gateway in the subnet of 10.0.0.1/24, not 10.0.1.254"},
       {"addresses = '10.0.0.1/24'\ngateways = '10.0.0.1'",
        "f:3:12: s.gateways: 10.0.0.1 is our own address"},
       {"addresses = '10.0.0.1/24'\ngateways = ['10.0.0.2', '10.0.0.3']",
        "f:3:12: s.gateways: expected at most one gateway of each family"},
       {"addresses = '10.0.0.1/24'\ngateways = 'fd01::2'",
        "f:3:12: s.gateways: expected an own address of the family of fd01::2 in addresses"},
       {"addresses = '10.0.0.1/24'\ngateway_mac = '01:00:00:00:00:01'",
        "f:3:15: s.gateway_mac: expected a unicast MAC address, as 02:00:00:00:00:01, not "
        "\"01:00:00:00:00:01\""},
       {"addresses = '10.0.0.1/24'\ngateways = '10.0.0.2'\ngateway_mac = '02:00:00:00:00:01'",
        "f:4:15: s.gateway_mac: expected either gateways or gateway_mac: with it everything goes "
        "there"},
       {"addresses = '10.0.0.1/24'\nmtu = 100",
        "f:3:7: s.mtu: expected a number from 1280 to 9190"},
       {"addresses = '10.0.0.1/24'\ngateway = '10.0.0.2'",
        "f:3:1: s.gateway: unknown key; did you mean \"gateways\"?"}},
      [](Section& section) {
        dp::WorkerConfig workers;
        read_inside(section.reader(), workers);
      });
}

}  // namespace
}  // namespace cp
