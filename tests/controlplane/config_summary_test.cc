// What --check prints: everything that matters and no secret.
#include <gtest/gtest.h>

#include "controlplane/config.h"

namespace cp {
namespace {

TEST(ConfigSummary, TellsWhatWasUnderstood) {
  const std::string summary = config_summary(load_config("docs/examples/minimal.toml").value());
  for (const char* part :
       {"resurge.sock, 1 worker(s)", "10.0.0.1-10.0.255.254, 65534 addresses",
        "connection   roadwarrior", "local      psk\n", "remote     psk of everybody\n",
        "secret       ike-everybody of everybody, docs/examples/psk\n"})
    EXPECT_NE(summary.find(part), std::string::npos) << part << "\n" << summary;
}

TEST(ConfigSummary, TellsWhereTunnelsLead) {
  const auto with = [](const std::string& inside) {
    return config_summary(
        parse_config("[outside]\ndevice = 'd'\naddresses = '192.0.2.1'\n[tickets]\nkeyring = 'k'\n"
                     "state_dir = 's'\n[pools]\nipv4 = '10.0.0.0/24'\n[connections.a]\n" +
                     inside)
            .value());
  };
  for (const auto& [inside, part] : std::initializer_list<std::pair<const char*, const char*>>{
           {"", "inside       none: tunnels lead to other clients alone\n"},
           {"[inside]\naddresses = '10.1.0.1/24'\n",
            "inside       no device, own addresses: 10.1.0.1/24\n"},
           {"[inside]\ndevice = 'e'\naddresses = ['10.1.0.1/24', 'fd01::1/64', '10.2.0.1/16']\n",
            "inside       e: 10.1.0.1/24 10.2.0.1 fd01::1/64\n"
            "  gateways   none: hosts of the subnet alone\n"},
           {"[inside]\ndevice = 'e'\naddresses = '10.1.0.1/24'\ngateways = '10.1.0.2'\n",
            "  gateways   10.1.0.2\n"},
           {"[inside]\ndevice = 'e'\naddresses = '10.1.0.1/24'\ngateway_mac = "
            "'02:00:00:00:00:0a'\n",
            "  gateways   02:00:00:00:00:0a for everything\n"}})
    EXPECT_NE(with(inside).find(part), std::string::npos) << part << "\n" << with(inside);
}

TEST(ConfigSummary, NamesKindsIdentitiesAndFiles) {
  const std::string summary = config_summary(load_config("docs/examples/roadwarrior.toml").value());
  for (const char* part :
       {"local      pubkey as @vpn.example.org, certificate docs/examples/gateway.pem, key "
        "docs/examples/gateway.key\n",
        "remote     pubkey of *@example.org, authorities of [authorities], revocation relaxed\n",
        "remote     pubkey of root@example.org, oncall@example.org, authorities of [authorities], "
        "revocation strict\n",
        "; no tickets\n", "authority    example: docs/examples/ca.pem, 1 CRL(s)\n"})
    EXPECT_NE(summary.find(part), std::string::npos) << part << "\n" << summary;
  const std::string eap = config_summary(load_config("docs/examples/eap-radius.toml").value());
  for (const char* part : {"remote     eap-radius of everybody\n",
                           "radius       one: 10.0.0.11 port 1812, secret docs/examples/radius",
                           "control      /run/resurge/control, mode 0660\n"})
    EXPECT_NE(eap.find(part), std::string::npos) << part << "\n" << eap;
}

TEST(ConfigSummary, HoldsNoSecret) {
  const auto config = parse_config(
      "[outside]\ndevice = 'd'\naddresses = '192.0.2.1'\n[tickets]\nkeyring = 'k'\n"
      "state_dir = 's'\n[pools]\nipv4 = '10.0.0.0/24'\n[connections.a]\n"
      "[secrets.ike-a]\nid = 'alice'\nsecret = 'sesame'\n");
  const std::string summary = config_summary(config.value());
  EXPECT_EQ(summary.find("sesame"), std::string::npos);
  EXPECT_NE(summary.find("secret       ike-a of @alice, in this file\n"), std::string::npos)
      << summary;
}

TEST(ConfigSummary, SaysThatOnlyTicketsLeadSomewhere) {
  EXPECT_NE(config_summary(load_config("docs/examples/kernel-client.toml").value())
                .find("  tickets only: nobody authenticates here\n"),
            std::string::npos);
}

}  // namespace
}  // namespace cp
