// Whole configurations: the documented minimum, all mistakes at once, the files in docs/examples.
#include "controlplane/config.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

#include "crypto/keyring.h"
#include "dataplane/spi_codec.h"
#include "tests/controlplane/scratch_folder.h"

namespace cp {
namespace {

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

// The documented minimum, without the comment at its top.
std::string minimal() {
  const std::string text = text_of("docs/examples/minimal.toml");
  return text.substr(text.find("\nsecrets") + 1);
}

std::vector<std::string> errors_of(std::string_view text) {
  std::vector<std::string> lines;
  const auto config = parse_config(text);
  if (!config)
    for (const ConfigError& error : config.error()) lines.push_back(error_line("gw.toml", error));
  return lines;
}

TEST(Config, TakesTheMinimum) {
  const std::string text = minimal();
  const auto config = parse_config(text);
  ASSERT_TRUE(config) << errors_of(text).front();
  EXPECT_EQ(config->workers.outside.device, "net_vhost0,iface=/run/resurge.sock");
  EXPECT_EQ(config->workers.worker_count, 1u);
  EXPECT_EQ(config->workers.child.pool4.count, 65534u);
  ASSERT_EQ(config->workers.connections.size(), 1u);
  EXPECT_EQ(config->workers.connections[0].name, "roadwarrior");
  EXPECT_FALSE(config->workers.connections[0].ike_suites.empty());
  EXPECT_FALSE(config->workers.child.esp_suites.empty());
  ASSERT_EQ(config->connections.size(), 1u);
  EXPECT_TRUE(config->connections[0].full_handshakes);
  EXPECT_EQ(config->connections[0].remote.auth, AuthKind::psk);
  EXPECT_TRUE(config->connections[0].remote.ids.empty());
}

TEST(Config, TheMinimumHasTenLinesAtMost) {
  std::istringstream lines(minimal());
  int count = 0;
  for (std::string line; std::getline(lines, line);) count += !line.empty();
  EXPECT_LE(count, 10);
}

TEST(Config, ReportsAllMistakesInTheOrderOfTheFile) {
  const std::vector<std::string> expected = {
      "gw.toml:2:11: dpdk.workers: expected a number from 1 to 255",
      "gw.toml:4:10: outside.device: expected a text",
      "gw.toml:5:1: outside.adresses: unknown key; did you mean \"addresses\"?",
      "gw.toml:7:12: tickets.lifetime: expected a duration such as \"90s\", \"15m\", \"12h\" or "
      "\"7d\", "
      "not \"1 day\"",
      "gw.toml:9:8: pools.ipv4: the range \"10.0.0.2-10.0.0.1\" ends before it begins",
  };
  const auto lines = errors_of(
      "[dpdk]\nworkers = 0\n[outside]\ndevice = 1\nadresses = '192.0.2.1'\n[tickets]\n"
      "lifetime = '1 day'\n[pools]\nipv4 = '10.0.0.2-10.0.0.1'\n");
  for (const std::string& line : expected)
    EXPECT_NE(std::ranges::find(lines, line), lines.end()) << line;
  // Besides: outside.addresses, tickets.keyring, tickets.state_dir, connections and pools.
  EXPECT_NE(
      std::ranges::find(lines, "gw.toml:3:1: outside.addresses: is missing and has no default"),
      lines.end());
  EXPECT_GE(lines.size(), 9u);
}

TEST(Config, NamesThePlaceOfASyntaxError) {
  const auto lines = errors_of("[outside]\ndevice = \"net\naddresses = 1\n");
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_TRUE(lines[0].starts_with("gw.toml:2:")) << lines[0];
}

TEST(Config, NamesMistakesThatConcernTheWhole) {
  const auto with = [](std::string_view from, std::string_view to) {
    std::string text = minimal();
    return errors_of(text.replace(text.find(from), from.size(), to));
  };
  EXPECT_EQ(with("pools.ipv4 = \"10.0.0.0/16\"", "pools = {}"),
            std::vector<std::string>{
                "gw.toml:2:9: pools: expected ipv4, ipv6 or both: clients need addresses"});
  EXPECT_EQ(with("[connections.roadwarrior]", "[connections]"),
            std::vector<std::string>{
                "gw.toml:12:1: connections: expected at least one section [connections.NAME]"});
  EXPECT_EQ(with("[connections.roadwarrior]", "[conections.roadwarrior]"),
            (std::vector<std::string>{
                "gw.toml:1:1: connections: is missing and has no default",
                "gw.toml:12:2: conections: unknown section; did you mean \"connections\"?"}));
  EXPECT_EQ(with("[outside]", "[child]\nlocal_ts = \"::/0\"\n[outside]"),
            std::vector<std::string>{});
  EXPECT_EQ(with("[outside]", "outside = 1\n[outside]").size(), 1u);
  EXPECT_EQ(with("[outside]", "[inside]\naddresses = '10.0.1.1/24'\n[outside]"),
            std::vector<std::string>{
                "gw.toml:2:1: pools: expected pools without 10.0.1.1, our own address"});
  EXPECT_EQ(with("[outside]",
                 "[inside]\ndevice = 'net_vhost0,iface=/run/resurge.sock'\n"
                 "addresses = '10.9.1.1/24'\n[outside]"),
            std::vector<std::string>{"gw.toml:4:1: inside: expected another device than that of "
                                     "[outside], or another vlan on it"});
}

TEST(Config, WantsRoomForIp6) {
  const auto with = [](unsigned mtu) {
    return errors_of(
        "pools.ipv6 = 'fd00::/112'\n[outside]\ndevice = 'd'\naddresses = '192.0.2.1'\nmtu = " +
        std::to_string(mtu) + "\n[tickets]\nkeyring = 'k'\nstate_dir = 's'\n[connections.a]\n");
  };
  EXPECT_EQ(with(1401), std::vector<std::string>{});
  EXPECT_EQ(with(1400), std::vector<std::string>{
                            "gw.toml:2:1: outside: expected an mtu of at least 1401 with an IPv6 "
                            "pool: packets of 1280 octets must fit a tunnel"});
}

TEST(Config, RefusesAnEmptyTextBySection) {
  EXPECT_EQ(errors_of(""),
            (std::vector<std::string>{"gw.toml:1:1: connections: is missing and has no default",
                                      "gw.toml:1:1: outside: is missing and has no default",
                                      "gw.toml:1:1: pools: is missing and has no default",
                                      "gw.toml:1:1: tickets: is missing and has no default"}));
}

TEST(Config, LoadsFilesAndSaysWhyNot) {
  const auto missing = load_config("/nonexistent/gw.toml");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error(),
            std::vector<std::string>{
                "/nonexistent/gw.toml: cannot be opened: No such file or directory"});
  EXPECT_EQ(load_config("/").error(), std::vector<std::string>{"/: is not a regular file"});
}

TEST(Config, EveryExampleIsRight) {
  int examples = 0;
  for (const auto& entry : std::filesystem::directory_iterator("docs/examples")) {
    if (entry.path().extension() != ".toml") continue;
    ++examples;
    const auto config = load_config(entry.path());
    EXPECT_TRUE(config) << (config ? "" : config.error().front());
    if (config) {
      EXPECT_NE(config_summary(*config), "");
    }
  }
  EXPECT_GE(examples, 6);
}

TEST(Config, TheReferenceShowsTheMinimum) {
  EXPECT_NE(text_of("docs/configuration.md").find(minimal()), std::string::npos);
}

// Every key that the code asks for has its row in the reference.
TEST(Config, TheReferenceHasEveryKey) {
  const std::string reference = text_of("docs/configuration.md");
  const std::string code = text_of("controlplane/config_sections.cc") +
                           text_of("controlplane/config_connections.cc") +
                           text_of("controlplane/config_secrets.cc");
  const std::regex asks(R"re((?:in_?|section)(?:\.\w+(?:<[^>]*>)?\(|, )\s*"(\w+)")re");
  int keys = 0;
  for (std::sregex_iterator at(code.begin(), code.end(), asks), end; at != end; ++at, ++keys) {
    const std::string row = "\n| `" + (*at)[1].str() + "` |";
    EXPECT_NE(reference.find(row), std::string::npos) << (*at)[1];
  }
  EXPECT_GT(keys, 80);
}

TEST(Config, AFileWithSecretsIsItsOwnersAlone) {
  const ScratchFolder folder;
  const std::string path =
      folder.write("gw.toml", minimal() + "[secrets.ike-more]\nsecret = 'open sesame'\n");
  ASSERT_EQ(chmod(path.c_str(), 0600), 0);
  EXPECT_TRUE(load_config(path));
  ASSERT_EQ(chmod(path.c_str(), 0640), 0);
  EXPECT_EQ(load_config(path).error(),
            std::vector{path + ": holds secrets, and group or others may read or write it; "
                               "expected mode 0600, not 0640"});
  // Without a secret in it, everybody may read it.
  folder.write("gw.toml", minimal());
  EXPECT_TRUE(load_config(path));
}

TEST(Config, SyntaxErrorsQuoteNoSecret) {
  for (const char* value :
       {"sesame", "tsesame", "123sesame", "0xsesame", "'sesame", "\"sesame\\q\""}) {
    const auto lines = errors_of(minimal() + "[secrets.ike-x]\nsecret = " + value + "\n");
    ASSERT_EQ(lines.size(), 1u) << value;
    EXPECT_EQ(lines[0].find("sesa"), std::string::npos) << lines[0];
    EXPECT_TRUE(lines[0].starts_with("gw.toml:14:")) << lines[0];
  }
}

TEST(Config, FilesStandBesideTheConfiguration) {
  const auto config = load_config("docs/examples/roadwarrior.toml");
  ASSERT_TRUE(config) << config.error().front();
  EXPECT_EQ(config->authorities[0].cacert_file, "docs/examples/ca.pem");
  EXPECT_EQ(config->authorities[0].crl_files[0], "docs/examples/ca.crl");
  EXPECT_EQ(config->connections[0].local.cert_files[0], "docs/examples/gateway.pem");
  EXPECT_EQ(config->connections[0].local.key_file, "docs/examples/gateway.key");
  EXPECT_EQ(config->keyring.path, "/var/lib/resurge/keyring");
  const auto radius = load_config("docs/examples/eap-radius.toml");
  ASSERT_TRUE(radius) << radius.error().front();
  EXPECT_EQ(radius->radius.servers[0].secret_file, "docs/examples/radius.secret");
}

TEST(Config, ConnectionIdIsFnv1a) {
  EXPECT_EQ(connection_id(""), 0x811c9dc5u);
  EXPECT_EQ(connection_id("a"), 0xe40c292cu);
  EXPECT_EQ(connection_id("foobar"), 0xbf9cf968u);
}

// The control plane sees dataplane/api only; what it repeats of the tables must not drift.
static_assert(kWorkersMax == dp::kWorkersMax);
static_assert(kSessionsMax == dp::kSlotsMax);
static_assert(kPreviousKeysMax + 2 == crypto::kSnapshotKeysMax);

}  // namespace
}  // namespace cp
