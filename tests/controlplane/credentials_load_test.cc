// Credentials from files: keys, chains, authorities, CRLs, and every mistake by key and file.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "controlplane/credentials.h"
#include "controlplane/identity_text.h"
#include "tests/controlplane/scratch_folder.h"
#include "tests/support/test_pki.h"

namespace cp {
namespace {

constexpr std::array<std::uint8_t, 4> kOurs = {192, 0, 2, 1};
using Lines = std::vector<std::string>;

IdBody body(std::string_view text) {
  const std::string octets = parse_identity(text).value();
  return {octets.begin(), octets.end()};
}

// An authority, another one, an intermediate, and the certificate of a gateway.
class CredentialsLoad : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    pki_ = std::make_unique<support::TestPki>();
    pki_->make_ca("ca", "ca");
    pki_->make_ca("other", "other");
    pki_->make_ca("between", "ca");
    pki_->make({.name = "gw",
                .issuer = "between",
                .extensions = "subjectAltName=DNS:vpn.example.org,IP:192.0.2.1\n"});
    pki_->make_crl("ca");
  }
  static void TearDownTestSuite() { pki_.reset(); }
  static std::string file(const std::string& name) { return pki_->path(name); }

  Connection& certified(const std::string& name) {
    Connection connection;
    connection.name = name;
    connection.id = connection_id(name);
    connection.full_handshakes = true;
    connection.local = {.auth = AuthKind::pubkey,
                        .id = {},
                        .cert_files = {file("gw.pem"), file("between.pem")},
                        .key_file = file("gw.key")};
    connection.remote.auth = AuthKind::pubkey;
    config_.connections.push_back(std::move(connection));
    return config_.connections.back();
  }
  Lines mistakes() const {
    const auto loaded = Credentials::load(config_);
    return loaded ? Lines() : loaded.error();
  }

  static std::unique_ptr<support::TestPki> pki_;
  GatewayConfig config_;
};
std::unique_ptr<support::TestPki> CredentialsLoad::pki_;

TEST_F(CredentialsLoad, HasKeyChainAndAuthorities) {
  certified("one");
  certified("two").remote.cacert_files = {file("other.pem")};
  config_.authorities = {{"main", file("ca.pem"), {file("ca.crl.pem")}}};
  const auto loaded = Credentials::load(config_);
  ASSERT_TRUE(loaded) << loaded.error().front();
  const Credentials& credentials = **loaded;
  const Connection& one = credentials.connections()[0];
  const Connection& two = credentials.connections()[1];
  ASSERT_NE(credentials.local_key(one), nullptr);
  EXPECT_EQ(credentials.local_key(one)->chain.size(), 2u);
  ASSERT_NE(credentials.trust(one), nullptr);
  EXPECT_EQ(credentials.trust(one)->crl_count(), 1u);
  EXPECT_EQ(credentials.trust(one)->authority_hashes(),
            std::vector{pki_->certificate("ca").authority_hash()});
  EXPECT_EQ(credentials.trust(two)->authority_hashes(),
            std::vector{pki_->certificate("other").authority_hash()});
  EXPECT_EQ(credentials.certreq(kOurs).size(), 2u);
}

TEST_F(CredentialsLoad, AsksForCertificatesOnlyWhereAConnectionDoes) {
  certified("one").send_certreq = false;
  certified("two").remote.auth = AuthKind::psk;
  certified("three").local_addrs = {ike::Ip4{192, 0, 2, 7}};
  config_.authorities = {{"main", file("ca.pem"), {}}};
  const auto loaded = Credentials::load(config_);
  ASSERT_TRUE(loaded) << loaded.error().front();
  EXPECT_TRUE((*loaded)->certreq(kOurs).empty());
  EXPECT_EQ((*loaded)->certreq(ike::Ip4{192, 0, 2, 7}).size(), 1u);
  EXPECT_EQ((*loaded)->trust((*loaded)->connections()[1]), nullptr);
}

TEST_F(CredentialsLoad, OurIdentityIsOneThatTheCertificateProves) {
  certified("any");
  certified("named").local.id = body("vpn.example.org");
  const auto loaded = Credentials::load(config_);
  ASSERT_TRUE(loaded) << loaded.error().front();
  const auto names = [&](const IdBody& id_r) {
    std::string text;
    for (const Connection* c : (*loaded)->candidates({kOurs, body("a@b"), id_r}))
      text += c->name + " ";
    return text;
  };
  EXPECT_EQ(names({}), "any named ");
  EXPECT_EQ(names(body("vpn.example.org")), "any named ");
  EXPECT_EQ(names(body("192.0.2.1")), "any ");
  EXPECT_EQ(names(body("www.example.org")), "");
  const Connection& any = (*loaded)->connections()[0];
  EXPECT_EQ(identity_text((*loaded)->local_identity(any, {kOurs, {}, {}})),
            "C=CH, O=Resurge Test, CN=gw");
}

TEST_F(CredentialsLoad, RefusesAKeyThatIsNotTheCertificates) {
  certified("c").local.key_file = file("ca.key");
  EXPECT_EQ(mistakes(), Lines{"connections.c.local.private_key: " + file("ca.key") +
                              ": is not the key of the first certificate, C=CH, O=Resurge Test, "
                              "CN=gw"});
}

TEST_F(CredentialsLoad, RefusesAnIdentityThatTheCertificateDoesNotProve) {
  certified("c").local.id = body("www.example.org");
  EXPECT_EQ(mistakes(), Lines{"connections.c.local.id: " + file("gw.pem") +
                              ": does not prove @www.example.org"});
}

TEST_F(CredentialsLoad, NamesEveryFileThatIsMissingOnce) {
  certified("c").local = {AuthKind::pubkey, {}, {"/none/c.pem"}, "/none/c.key"};
  certified("d").remote.cacert_files = {"/none/ca.pem"};
  config_.authorities = {{"main", "/none/main.pem", {"/none/main.crl"}}};
  config_.radius.servers = {{"one", ike::Ip4{10, 0, 0, 1}, 1812, "/none/radius"}};
  config_.secrets.push_back({"ike-x", {}, {}, "/none/psk"});
  const Lines lines = mistakes();
  const std::pair<std::string, std::string> expected[] = {
      {"secrets.ike-x.secret_file", "/none/psk"},
      {"radius.servers.one.secret_file", "/none/radius"},
      {"authorities.main.cacert", "/none/main.pem"},
      {"authorities.main.crls", "/none/main.crl"},
      {"connections.c.local.certs", "/none/c.pem"},
      {"connections.c.local.private_key", "/none/c.key"},
      {"connections.d.remote.cacerts", "/none/ca.pem"}};
  ASSERT_EQ(lines.size(), std::size(expected));
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto& [key, name] = expected[i];
    EXPECT_TRUE(lines[i].starts_with(key + ": ")) << lines[i];
    EXPECT_NE(lines[i].find(name + ": "), std::string::npos) << lines[i];
    EXPECT_TRUE(lines[i].ends_with(": No such file or directory")) << lines[i];
  }
}

TEST_F(CredentialsLoad, TakesWhatIsNoCertificateForAMistake) {
  certified("c").local.cert_files = {file("gw.key")};
  config_.authorities = {{"main", file("gw.pem"), {file("ca.pem")}}};
  const Lines lines = mistakes();
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_TRUE(lines[0].starts_with("authorities.main.cacert: " + file("gw.pem"))) << lines[0];
  EXPECT_TRUE(lines[1].starts_with("authorities.main.crls: " + file("ca.pem"))) << lines[1];
  EXPECT_TRUE(lines[2].starts_with("connections.c.local.certs: " + file("gw.key"))) << lines[2];
}

TEST_F(CredentialsLoad, CopiesWhatTheRadiusClientNeeds) {
  const ScratchFolder folder;
  config_.radius = {.servers = {{"one", ike::Ip4{10, 0, 0, 1}, 1645, folder.write("s", "abc")}},
                    .timeout_ms = 700,
                    .tries = 2};
  ASSERT_EQ(chmod(folder.file("s").c_str(), 0600), 0);
  const auto loaded = Credentials::load(config_);
  ASSERT_TRUE(loaded);
  for (int again = 0; again < 2; ++again) {
    const RadiusSettings settings = (*loaded)->radius();
    EXPECT_EQ(settings.timeout_ms, 700u);
    EXPECT_EQ(settings.tries, 2u);
    ASSERT_EQ(settings.servers.size(), 1u);
    EXPECT_EQ(settings.servers[0].port, 1645);
    EXPECT_EQ(settings.servers[0].secret.size(), 3u);
  }
}

TEST_F(CredentialsLoad, LoadsTheExampleOfRoadWarriors) {
  const ScratchFolder folder;
  std::filesystem::copy("docs/examples/roadwarrior.toml", folder.file("gw.toml"));
  const auto bring = [&](const char* from, const char* to) {
    std::filesystem::copy(file(from), folder.file(to));
  };
  bring("ca.pem", "ca.pem");
  bring("ca.crl.pem", "ca.crl");
  bring("gw.pem", "gateway.pem");
  bring("gw.key", "gateway.key");
  const auto config = load_config(folder.file("gw.toml"));
  ASSERT_TRUE(config) << config.error().front();
  const auto loaded = Credentials::load(*config);
  ASSERT_TRUE(loaded) << loaded.error().front();
  const IdBody root = body("root@example.org");
  const auto candidates = (*loaded)->candidates({kOurs, root, {}});
  ASSERT_EQ(candidates.size(), 2u);
  EXPECT_EQ(candidates[0]->name, "admins");
  EXPECT_EQ(candidates[1]->name, "staff");
}

}  // namespace
}  // namespace cp
