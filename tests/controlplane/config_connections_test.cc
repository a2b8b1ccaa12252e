// [child] and [connections.NAME]: values that arrive, defaults, and mistakes that are named.
#include <gtest/gtest.h>

#include <algorithm>

#include "controlplane/config_sections.h"
#include "controlplane/identity_text.h"
#include "controlplane/proposal_text.h"
#include "controlplane/value_text.h"
#include "ike/proposal.h"
#include "tests/controlplane/section.h"

namespace cp {
namespace {

TEST(ConfigChild, HasDefaultsForEverything) {
  Section section("");
  dp::ChildConfig child;
  Connection defaults;
  read_child(section.reader(), child, defaults);
  EXPECT_EQ(section.first_error(), "");
  EXPECT_FALSE(child.esp_suites.empty());
  ASSERT_EQ(child.local_ts.count, 2u);
  EXPECT_EQ(child.local_ts.items[0], parse_selector("0.0.0.0/0").value());
  EXPECT_EQ(child.local_ts.items[1], parse_selector("::/0").value());
  EXPECT_EQ(defaults.child_rekey_time_s, 3600u);
  EXPECT_EQ(defaults.child_life_time_s, 3960u);
}

TEST(ConfigChild, TakesEveryKey) {
  Section section(
      "esp_proposals = ['aes256gcm16-esn', 'aes128gcm16-esn-noesn']\nlocal_ts = '10.0.0.0/8'\n"
      "dns = ['10.0.0.53', '2001:db8::53']\nrekey_time = '10m'\nlife_time = '15m'\n"
      "rekey_bytes = 1_000_000_000_000\nrekey_packets = 7");
  dp::ChildConfig child;
  Connection defaults;
  read_child(section.reader(), child, defaults);
  EXPECT_EQ(section.first_error(), "");
  ASSERT_EQ(child.esp_suites.size(), 3u);
  EXPECT_EQ(esp_suite_text(child.esp_suites[2]), "aes128gcm16-noesn");
  EXPECT_EQ(child.local_ts.count, 1u);
  ASSERT_EQ(child.dns4.size(), 1u);
  ASSERT_EQ(child.dns6.size(), 1u);
  EXPECT_EQ(defaults.child_rekey_time_s, 600u);
  EXPECT_EQ(defaults.child_life_time_s, 900u);
  EXPECT_EQ(defaults.child_rekey_bytes, 1'000'000'000'000u);
  EXPECT_EQ(defaults.child_rekey_packets, 7u);
}

TEST(ConfigChild, WorkersGetSuitesWithoutKe) {
  Section section("esp_proposals = ['aes256gcm16-x25519-ecp384', 'aes128gcm16-x25519']");
  dp::ChildConfig child;
  Connection defaults;
  read_child(section.reader(), child, defaults);
  ASSERT_EQ(child.esp_suites.size(), 2u);
  for (const ike::Suite& suite : child.esp_suites) EXPECT_EQ(suite.ke, ike::KeId::none);
}

TEST(ConfigChild, NamesMistakes) {
  expect_mistakes(
      {{"esp_proposals = []",
        "f:2:17: s.esp_proposals: expected at least one proposal, or leave the key out"},
       {"esp_proposals = 'des'",
        "f:2:17: s.esp_proposals: proposal \"des\": \"des\" is not an algorithm known here"},
       {"local_ts = []", "f:2:12: s.local_ts: expected 1 to 16 prefixes or ranges"},
       {"local_ts = '10.0.0.1/8'",
        "f:2:12: s.local_ts: \"10.0.0.1/8\" has bits set behind its prefix length"},
       {"rekey_time = '31d'",
        "f:2:14: s.rekey_time: expected a duration from 0 to 30d in whole seconds, not \"31d\""},
       {"life_time = '1h'",
        "f:2:13: s.life_time: expected a life_time longer than the "
        "rekey_time of 1h"},
       {"rekey_bytes = '1G'",
        "f:2:15: s.rekey_bytes: expected a number from 0 to 9223372036854775807"},
       {"rekey_packets = -1",
        "f:2:17: s.rekey_packets: expected a number from 0 to 9223372036854775807"},
       {"dns = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5']",
        "f:2:7: s.dns: expected at most 4 servers of one family"}},
      [](Section& section) {
        dp::ChildConfig child;
        Connection defaults;
        read_child(section.reader(), child, defaults);
      });
}

// A gateway with everything that a connection may ask for.
GatewayConfig gateway() {
  GatewayConfig config;
  config.workers.outside.ip4 = {ike::Ip4{192, 0, 2, 1}};
  config.workers.outside.ip6 = {std::get<ike::Ip6>(parse_address("2001:db8::1").value())};
  config.workers.child.pool4.count = 1;
  config.secrets.emplace_back();
  config.authorities.emplace_back();
  config.radius.servers.emplace_back();
  return config;
}

Connection defaults() {
  Section section("");
  dp::ChildConfig child;
  Connection read;
  read_child(section.reader(), child, read);
  return read;
}

void read_into(Section& section, GatewayConfig& config) {
  read_connections(section.reader(), defaults(), config);
}

Connection only(std::string_view text) {
  Section section(text);
  GatewayConfig config = gateway();
  read_into(section, config);
  EXPECT_EQ(section.first_error(), "") << text;
  return config.connections.at(0);
}

TEST(ConfigConnections, TakesNameFormAndProposals) {
  Section section(
      "[road]\nauth_form = 'rfc'\nproposals = 'aes256gcm16-prfsha384-ecp384'\n[old]\nauth_form = "
      "'libreswan'");
  GatewayConfig config;
  read_into(section, config);
  EXPECT_EQ(section.first_error(), "");
  const auto& connections = config.workers.connections;
  ASSERT_EQ(connections.size(), 2u);
  EXPECT_EQ(connections[0].name, "road");
  EXPECT_EQ(connections[0].id, connection_id("road"));
  EXPECT_EQ(connections[0].auth_form, ike::AuthFormPolicy::rfc);
  ASSERT_EQ(connections[0].ike_suites.size(), 1u);
  EXPECT_EQ(connections[1].auth_form, ike::AuthFormPolicy::libreswan);
  EXPECT_GT(connections[1].ike_suites.size(), 1u);
  ASSERT_EQ(config.connections.size(), 2u);
  EXPECT_FALSE(config.connections[0].full_handshakes) << "there is no secret";
}

TEST(ConfigConnections, TakesEveryKey) {
  const Connection c = only(
      "[c]\nversion = 2\nlocal_addrs = ['192.0.2.1', '2001:db8::1']\nmobike = false\n"
      "fragmentation = false\nencap = true\nchildless = 'never'\nunique = 'keep'\n"
      "send_cert = 'always'\nsend_certreq = false\npools = 'ipv4'\nrekey_time = '1h'\n"
      "reauth_time = '2h'\nover_time = '1m'\ndpd_delay = '0'\nrevoke_tickets_on_delete = true\n"
      "[c.local]\nauth = 'pubkey'\nid = 'gw.example.org'\ncerts = ['a', 'b']\nprivate_key = 'k'\n"
      "[c.remote]\nauth = 'pubkey'\nid = ['*@example.org', 'bob']\ncacerts = 'ca'\n"
      "revocation = 'strict'\n[c.children.x]\nrekey_time = '10m'\nlocal_ts = '10.0.0.0/8'");
  EXPECT_TRUE(c.full_handshakes);
  EXPECT_EQ(c.local_addrs.size(), 2u);
  EXPECT_FALSE(c.mobike || c.fragmentation || c.childless || c.send_certreq || c.pool6);
  EXPECT_TRUE(c.encap && c.pool4 && c.revoke_tickets_on_delete && c.tickets);
  EXPECT_EQ(c.unique, Unique::keep);
  EXPECT_EQ(c.send_cert, SendCert::always);
  EXPECT_EQ(c.rekey_time_s, 3600u);
  EXPECT_EQ(c.reauth_time_s, 7200u);
  EXPECT_EQ(c.over_time_s, 60u);
  EXPECT_EQ(c.dpd_delay_s, 0u);
  EXPECT_EQ(c.local.auth, AuthKind::pubkey);
  EXPECT_EQ(identity_text(c.local.id), "@gw.example.org");
  EXPECT_EQ(c.local.cert_files, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(c.local.key_file, "k");
  EXPECT_EQ(c.remote.ids.size(), 2u);
  EXPECT_EQ(c.remote.cacert_files, std::vector<std::string>{"ca"});
  EXPECT_EQ(c.remote.revocation, crypto::CrlPolicy::strict);
  EXPECT_EQ(c.child_rekey_time_s, 600u);
  EXPECT_EQ(c.child_life_time_s, 660u);
  EXPECT_EQ(c.local_ts.count, 1u);
}

TEST(ConfigConnections, ASecretMakesAnEmptyConnectionWelcomeEverybody) {
  const Connection c = only("[c]");
  EXPECT_TRUE(c.full_handshakes);
  EXPECT_EQ(c.local.auth, AuthKind::psk);
  EXPECT_EQ(c.remote.auth, AuthKind::psk);
  EXPECT_TRUE(c.remote.ids.empty() && c.local.id.empty());
  EXPECT_TRUE(c.pool4 && c.pool6);
  EXPECT_EQ(c.over_time_s, 24u * 60);
}

TEST(ConfigConnections, ASilentSideDoesAsTheOther) {
  EXPECT_EQ(only("[c.remote]\nauth = 'psk'").local.auth, AuthKind::psk);
  EXPECT_EQ(only("[c.local]\nauth = 'pubkey'\ncerts = 'c'\nprivate_key = 'k'").remote.auth,
            AuthKind::pubkey);
  EXPECT_EQ(only("[c]\nlocal = {certs = 'c', private_key = 'k'}\nremote = {auth = 'eap-radius'}")
                .local.auth,
            AuthKind::pubkey);
}

TEST(ConfigConnections, AnyIsNobodyInParticular) {
  const Connection c = only("[c]\nlocal = {id = '%any'}\nremote = {id = '%any'}");
  EXPECT_TRUE(c.local.id.empty());
  EXPECT_EQ(best_match(c.remote.ids, IdBody{2, 0, 0, 0, 'x'}), IdMatch::any);
}

TEST(ConfigConnections, ChildrenRekeyWithTheKeOfTheirProposals) {
  const Connection demanded = only("[c.children.x]\nesp_proposals = 'aes256gcm16-ecp384'");
  ASSERT_EQ(demanded.child_suites.size(), 1u);
  EXPECT_EQ(demanded.child_suites[0].ke, ike::KeId::ecp_384);
  ASSERT_EQ(demanded.esp_suites.size(), 1u);
  EXPECT_EQ(demanded.esp_suites[0].ke, ike::KeId::none);
  const Connection open = only(
      "[c]\nproposals = 'aes256gcm16-prfsha256-x25519-ecp256'\n"
      "children = {x = {esp_proposals = 'aes256gcm16'}}");
  ASSERT_EQ(open.child_suites.size(), 3u);
  EXPECT_EQ(open.child_suites[0].ke, ike::KeId::curve25519);
  EXPECT_EQ(open.child_suites[2].ke, ike::KeId::none);
}

TEST(ConfigConnections, WithoutTicketsWorkersDoNotKnowIt) {
  Section section("[a]\ntickets = false\n[b]");
  GatewayConfig config = gateway();
  read_into(section, config);
  EXPECT_EQ(section.first_error(), "");
  EXPECT_EQ(config.connections.size(), 2u);
  ASSERT_EQ(config.workers.connections.size(), 1u);
  EXPECT_EQ(config.workers.connections[0].name, "b");
}

TEST(ConfigConnections, WorkersHearWhatItsClientsGetWhereThatDiffers) {
  Section section(
      "[a]\n[b.children.x]\nlocal_ts = '10.0.0.0/8'\n[c]\npools = []\n"
      "[d.children.x]\nesp_proposals = 'aes256gcm16-x25519'");
  GatewayConfig config = gateway();
  const Connection common = defaults();
  config.workers.child.esp_suites.assign(ike::default_esp_suites().begin(),
                                         ike::default_esp_suites().end());
  config.workers.child.local_ts = common.local_ts;
  read_connections(section.reader(), common, config);
  EXPECT_EQ(section.first_error(), "");
  EXPECT_FALSE(config.workers.connections.at(0).child);
  EXPECT_EQ(&config.workers.child_of(0), &config.workers.child);
  EXPECT_EQ(config.workers.child_of(1).local_ts.count, 1u);
  EXPECT_EQ(config.workers.child_of(1).pool4.count, 1u);
  EXPECT_EQ(config.workers.child_of(2).pool4.count, 0u);
  ASSERT_EQ(config.workers.child_of(3).esp_suites.size(), 1u);
  EXPECT_EQ(config.workers.child_of(3).esp_suites[0].ke, ike::KeId::none);
}

TEST(ConfigConnections, RefusesTwoNamesWithOneId) {
  // Two words with the same FNV-1a hash of 32 bits.
  ASSERT_EQ(connection_id("costarring"), connection_id("liquid"));
  Section section("[costarring]\n[liquid]\n");
  GatewayConfig config;
  read_into(section, config);
  EXPECT_EQ(section.first_error(),
            "f:2:1: s.liquid: expected another name: tickets cannot tell it from \"costarring\"");
}

TEST(ConfigConnections, NamesMistakes) {
  expect_mistakes(
      {{"road = 1", "f:2:8: s.road: expected a section: [s.road]"},
       {"[road]\nauth_form = 'both'",
        "f:3:13: s.road.auth_form: expected \"auto\", \"rfc\" or \"libreswan\", not \"both\""},
       {"[road]\nproposal = 'x'",
        "f:3:1: s.road.proposal: unknown key; did you mean \"proposals\"?"},
       {"[c]\nversion = 1", "f:3:11: s.c.version: expected 2: IKEv1 is not spoken here"},
       {"[c]\nlocal_addrs = '192.0.2.9'",
        "f:3:15: s.c.local_addrs: expected addresses that stand in outside.addresses"},
       {"[c]\nmobike = 'yes'", "f:3:10: s.c.mobike: expected true or false, without quotes"},
       {"[c]\nchildless = 'force'",
        "f:3:13: s.c.childless: expected \"allow\" or \"never\", not \"force\""},
       {"[c]\nunique = 'yes'",
        "f:3:10: s.c.unique: expected \"no\", \"never\", \"keep\" or \"replace\", not \"yes\""},
       {"[c]\nsend_cert = 'no'",
        "f:3:13: s.c.send_cert: expected \"ifasked\", \"always\" or \"never\", not \"no\""},
       {"[c]\npools = 'ipv6'", "f:3:9: s.c.pools: \"ipv6\" does not stand in [pools]"},
       {"[c]\nrekey_time = 60",
        "f:3:14: s.c.rekey_time: expected a duration as a text, e.g. \"90s\" or \"24h\""},
       {"[c.children.a]\n[c.children.b]",
        "f:3:1: s.c.children.b: expected one child: clients of a connection get the same Child "
        "SA"},
       {"[c]\nlocal = 1", "f:3:9: s.c.local: expected a section: [s.c.local]"},
       {"[c.local]\nauth = 'rsa'",
        "f:3:8: s.c.local.auth: expected \"psk\" or \"pubkey\", not \"rsa\""},
       {"[c.local]\nid = '*@example.org'\nprivate_key = 'k'",
        "f:4:15: s.c.local.private_key: expected auth = \"pubkey\" beside it"},
       {"[c.local]\nauth = 'pubkey'\ncerts = 'c'",
        "f:2:1: s.c.local.private_key: is missing: with auth = \"pubkey\" we prove ourselves with "
        "it"},
       {"[c.remote]\nauth = 'eap'",
        "f:3:8: s.c.remote.auth: expected \"psk\", \"pubkey\" or \"eap-radius\", not \"eap\""},
       {"[c.remote]\nauth = 'pubkey'",
        "f:2:1: s.c.local: is missing: expected a section with certs and private_key, because "
        "clients are shown a certificate"},
       {"[c.remote]\nid = 'a b'",
        "f:3:6: s.c.remote.id: expected an identity such as \"user@example.org\", "
        "\"@gw.example.org\", an address or \"keyid:...\", not \"a b\""},
       {"[c.remote]\nrevocation = 'strict'",
        "f:3:14: s.c.remote.revocation: expected auth = \"pubkey\" beside it"},
       {"[c.remote]\nauth = 'psk'\neap_id = 'x'",
        "f:4:10: s.c.remote.eap_id: expected auth = \"eap-radius\" beside it"},
       // RFC 7296 §2.16: the responder MUST be authenticated by a public key signature.
       {"[c.remote]\nauth = 'eap-radius'\n[c.local]\nauth = 'psk'",
        "f:4:1: s.c.local: expected auth = \"pubkey\": clients that use EAP must see a "
        "certificate"}},
      [](Section& section) {
        GatewayConfig config = gateway();
        read_into(section, config);
      });
}

TEST(ConfigConnections, NamesWhatOtherSectionsLack) {
  const auto first = [](std::string_view text, auto change) {
    Section section(text);
    GatewayConfig config = gateway();
    change(config);
    read_into(section, config);
    return section.first_error();
  };
  EXPECT_EQ(first("[c.remote]\nauth = 'psk'", [](GatewayConfig& c) { c.secrets.clear(); }),
            "f:1:1: s.c.remote: expected a secret for auth = \"psk\": a section "
            "[secrets.ike-NAME]");
  EXPECT_EQ(first("[c.local]\ncerts = 'c'\nprivate_key = 'k'\nauth = 'pubkey'",
                  [](GatewayConfig& c) { c.authorities.clear(); }),
            "f:1:1: s.c.remote: expected an authority for auth = \"pubkey\": cacerts, or a "
            "section [authorities.NAME]");
  EXPECT_EQ(first("[c]\nlocal = {certs = 'c', private_key = 'k'}\nremote = {auth = 'eap-radius'}",
                  [](GatewayConfig& c) { c.radius.servers.clear(); }),
            "f:3:10: s.c.remote: expected a server for auth = \"eap-radius\": a section "
            "[radius.servers.NAME]");
}

}  // namespace
}  // namespace cp
