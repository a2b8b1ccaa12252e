// [secrets], [authorities], [radius] and [control]: values that arrive, mistakes that are named.
#include <gtest/gtest.h>

#include "controlplane/config_sections.h"
#include "controlplane/secret_text.h"
#include "tests/controlplane/section.h"

namespace cp {
namespace {

TEST(ConfigSecrets, TakeIdentitiesTextsAndFiles) {
  Section section(
      "[ike-one]\nid = ['gw.example.org', '*@example.org']\nsecret = 'open sesame'\n"
      "[ike2]\nsecret = '0x00ff'\n[ike3]\nsecret_file = '/f'");
  std::vector<SecretConfig> secrets;
  read_secrets(section.reader(), secrets);
  EXPECT_EQ(section.first_error(), "");
  ASSERT_EQ(secrets.size(), 3u);
  EXPECT_EQ(secrets[0].name, "ike-one");
  EXPECT_EQ(secrets[0].ids.size(), 2u);
  EXPECT_EQ(text_of(secrets[0].secret), "open sesame");
  EXPECT_EQ(secrets[1].secret.size(), 2u);
  EXPECT_EQ(secrets[2].file, "/f");
  EXPECT_TRUE(secrets[2].secret.empty());
}

TEST(ConfigSecrets, NameMistakesButNoSecret) {
  expect_mistakes(
      {{"[eap-x]\nsecret = 'hidden'",
        "f:2:1: s.eap-x: expected a name that begins with \"ike\": other secrets have other places "
        "(private_key of a connection, the servers of [radius])"},
       {"[ike-x]", "f:2:1: s.ike-x.secret: is missing: expected secret or secret_file"},
       {"[ike-x]\nsecret = ''", "f:3:10: s.ike-x.secret: expected a secret of 1 to 512 octets"},
       {"[ike-x]\nsecret = 1234", "f:3:10: s.ike-x.secret: expected a text"},
       {"[ike-x]\nsecret = '0xhidden'", "f:3:10: s.ike-x.secret: expected hexadecimal digits"},
       {"[ike-x]\nsecret = '0s!hidden'", "f:3:10: s.ike-x.secret: expected Base64 digits"},
       {"[ike-x]\nsecret = 'hidden'\nsecret_file = 'f'",
        "f:4:15: s.ike-x.secret_file: expected either secret or secret_file"},
       {"[ike-x]\nsecret = 'hidden'\nids = 'a'",
        "f:4:1: s.ike-x.ids: unknown key; did you mean \"id\"?"}},
      [](Section& section) {
        std::vector<SecretConfig> secrets;
        read_secrets(section.reader(), secrets);
      });
}

TEST(ConfigAuthorities, NameFiles) {
  Section section("[a]\ncacert = 'ca'\ncrls = ['x', 'y']\n[b]\ncrls = 1");
  std::vector<AuthorityConfig> authorities;
  read_authorities(section.reader(), authorities);
  ASSERT_EQ(authorities.size(), 2u);
  EXPECT_EQ(authorities[0].cacert_file, "ca");
  EXPECT_EQ(authorities[0].crl_files.size(), 2u);
  ASSERT_EQ(section.errors().size(), 2u);
  EXPECT_EQ(section.first_error(), "f:4:1: s.b.cacert: is missing and has no default");
  EXPECT_EQ(error_line("f", section.errors()[1]),
            "f:5:8: s.b.crls: expected a text or a list of texts");
}

TEST(ConfigRadius, TakesServersInTheirOrder) {
  Section section(
      "timeout = '500ms'\ntries = 2\nnas_identifier = 'gw'\n[servers.z]\naddress = '10.0.0.1'\n"
      "secret_file = 's'\n[servers.a]\naddress = '2001:db8::1'\nport = 1645\nsecret_file = 't'");
  RadiusConfig radius;
  read_radius(section.reader(), radius);
  EXPECT_EQ(section.first_error(), "");
  EXPECT_EQ(radius.timeout_ms, 500u);
  EXPECT_EQ(radius.tries, 2u);
  EXPECT_EQ(radius.nas_identifier, "gw");
  ASSERT_EQ(radius.servers.size(), 2u);
  EXPECT_EQ(radius.servers[0].name, "z");
  EXPECT_EQ(radius.servers[0].port, 1812);
  EXPECT_EQ(radius.servers[1].port, 1645);
  EXPECT_EQ(radius.servers[1].secret_file, "t");
}

TEST(ConfigRadius, NamesMistakes) {
  expect_mistakes(
      {{"", "f:1:1: s.servers: is missing and has no default"},
       {"servers = {}", "f:2:11: s.servers: expected 1 to 16 sections [radius.servers.NAME]"},
       {"tries = 0", "f:2:9: s.tries: expected a number from 1 to 16"},
       {"timeout = '1ms'",
        "f:2:11: s.timeout: expected a duration from 100ms to 1m in whole milliseconds, not "
        "\"1ms\""},
       {"[servers.a]\nsecret_file = 's'",
        "f:2:1: s.servers.a.address: is missing and has no default"},
       {"[servers.a]\naddress = 'radius.example.org'",
        "f:3:11: s.servers.a.address: expected an IPv4 or IPv6 address, not "
        "\"radius.example.org\""}},
      [](Section& section) {
        RadiusConfig radius;
        read_radius(section.reader(), radius);
      });
}

TEST(ConfigControl, TakesSocketModeAndGroup) {
  Section section("socket = '/s'\nmode = '0660'\ngroup = 'vpnops'");
  ControlConfig control;
  read_control(section.reader(), control);
  EXPECT_EQ(section.first_error(), "");
  EXPECT_EQ(control.socket, "/s");
  EXPECT_EQ(control.mode, 0660u);
  EXPECT_EQ(control.group, "vpnops");
  expect_mistakes(
      {{"mode = '0666'", "f:2:8: s.mode: expected \"0600\" or \"0660\", not \"0666\""},
       {"mode = 600", "f:2:8: s.mode: expected a text"},
       {"group = 'x'",
        "f:2:9: s.group: expected mode = \"0660\" beside it: with 0600 no group gets in"}},
      [](Section& wrong) {
        ControlConfig other;
        read_control(wrong.reader(), other);
      });
}

}  // namespace
}  // namespace cp
