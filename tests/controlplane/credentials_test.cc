// Which connection and which secret a client gets.
#include "controlplane/credentials.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "controlplane/hex_text.h"
#include "controlplane/identity_text.h"
#include "controlplane/proposal_text.h"
#include "tests/controlplane/scratch_folder.h"

namespace cp {
namespace {

constexpr std::array<std::uint8_t, 4> kOurs = {192, 0, 2, 1};

IdBody body(std::string_view text) {
  const std::string octets = parse_identity(text).value();
  return {octets.begin(), octets.end()};
}

std::vector<IdPattern> patterns(std::initializer_list<const char*> texts) {
  std::vector<IdPattern> read;
  for (const char* text : texts) read.push_back(parse_id_pattern(text).value());
  return read;
}

std::vector<ike::Suite> suites(std::string_view text) { return parse_ike_proposal(text).value(); }

class CredentialsTest : public testing::Test {
 protected:
  Connection& add(const std::string& name, std::initializer_list<const char*> remote = {}) {
    Connection connection;
    connection.name = name;
    connection.id = connection_id(name);
    connection.full_handshakes = true;
    connection.remote.ids = patterns(remote);
    connection.ike_suites = suites("aes256gcm16-prfsha256-x25519");
    config_.connections.push_back(std::move(connection));
    return config_.connections.back();
  }
  void add_psk(const std::string& name, std::initializer_list<const char*> ids) {
    config_.secrets.push_back({name, patterns(ids), crypto::SecretBytes(crypto::Bytes(kOurs)), {}});
  }
  void load() {
    auto loaded = Credentials::load(config_);
    ASSERT_TRUE(loaded);
    credentials_ = std::move(*loaded);
  }
  std::string names(std::string_view id_i, std::string_view id_r = "", crypto::Bytes ours = kOurs,
                    const ike::Suite* suite = nullptr) {
    load();
    const IdBody i = body(id_i);
    const IdBody r = id_r.empty() ? IdBody() : body(id_r);
    std::string text;
    for (const Connection* connection : credentials_->candidates({ours, i, r, suite}))
      text += connection->name + " ";
    return text;
  }
  std::string psk(std::string_view local, std::string_view remote) {
    load();
    const Psk* found = credentials_->find_psk(body(local), body(remote));
    return found == nullptr ? "" : found->name;
  }

  GatewayConfig config_;
  std::unique_ptr<const Credentials> credentials_;
};

TEST_F(CredentialsTest, ANamedClientGoesBeforeAPatternBeforeEverybody) {
  add("everybody");
  add("domain", {"*@example.org"});
  add("alice", {"bob@example.net", "alice@example.org"});
  EXPECT_EQ(names("alice@example.org"), "alice domain everybody ");
  EXPECT_EQ(names("carol@example.org"), "domain everybody ");
  EXPECT_EQ(names("carol@example.net"), "everybody ");
  EXPECT_EQ(names("bob@example.net"), "alice everybody ");
}

TEST_F(CredentialsTest, TheOrderOfTheFileDecidesBetweenEquals) {
  add("first", {"*@example.org"});
  add("second", {"*@example.org"});
  EXPECT_EQ(names("a@example.org"), "first second ");
}

TEST_F(CredentialsTest, IdrChoosesAmongOurIdentities) {
  add("any");
  add("one").local.id = body("one.example.org");
  add("two").local.id = body("two.example.org");
  EXPECT_EQ(names("a@example.org", "two.example.org"), "two any ");
  EXPECT_EQ(names("a@example.org", "three.example.org"), "any ");
  EXPECT_EQ(names("a@example.org"), "any one two ");
}

TEST_F(CredentialsTest, ResumptionOnlyConnectionsAuthenticateNobody) {
  add("tickets").full_handshakes = false;
  EXPECT_EQ(names("a@example.org"), "");
  EXPECT_TRUE(credentials_->ike_suites(kOurs).empty());
}

TEST_F(CredentialsTest, AnotherAddressOfOursIsAnotherConnection) {
  add("here").local_addrs = {ike::Ip4{192, 0, 2, 1}, ike::Ip6{0x20}};
  add("there").local_addrs = {ike::Ip4{192, 0, 2, 2}};
  EXPECT_EQ(names("a@example.org"), "here ");
  EXPECT_EQ(names("a@example.org", "", ike::Ip6{0x20}), "here ");
  EXPECT_EQ(names("a@example.org", "", ike::Ip4{192, 0, 2, 3}), "");
}

TEST_F(CredentialsTest, TheSuiteOfTheIkeSaMustBeAllowed) {
  add("weak").ike_suites = suites("aes128gcm16-prfsha256-modp2048");
  add("strong");
  const ike::Suite strong = suites("aes256gcm16-prfsha256-x25519")[0];
  EXPECT_EQ(names("a@example.org", "", kOurs, &strong), "strong ");
  EXPECT_EQ(credentials_->ike_suites(kOurs).size(), 2u);
}

TEST_F(CredentialsTest, OurIdentityIsNamedElseAskedForElseTheAddress) {
  add("named").local.id = body("gw.example.org");
  add("open");
  load();
  const Connection& named = credentials_->connections()[0];
  const Connection& open = credentials_->connections()[1];
  const IdBody asked = body("vpn.example.org");
  EXPECT_EQ(credentials_->local_identity(named, {kOurs, {}, asked}), body("gw.example.org"));
  EXPECT_EQ(credentials_->local_identity(open, {kOurs, {}, asked}), asked);
  EXPECT_EQ(credentials_->local_identity(open, {kOurs, {}, {}}), body("192.0.2.1"));
  const ike::Ip6 ours6{0x20, 1};
  EXPECT_EQ(credentials_->local_identity(open, {ours6, {}, {}}), body("2001::"));
}

TEST_F(CredentialsTest, ASecretOfBothGoesBeforeTheRemoteOnesBeforeEverybodys) {
  add_psk("everybody", {});
  add_psk("ours", {"gw.example.org"});
  add_psk("domain", {"*@example.org"});
  add_psk("alice", {"alice@example.org", "bob@example.org"});
  add_psk("both", {"gw.example.org", "alice@example.org"});
  EXPECT_EQ(psk("gw.example.org", "alice@example.org"), "both");
  EXPECT_EQ(psk("other.example.org", "alice@example.org"), "alice");  // also hers, and first
  EXPECT_EQ(psk("gw.example.org", "bob@example.org"), "alice");
  EXPECT_EQ(psk("gw.example.org", "carol@example.org"), "domain");
  EXPECT_EQ(psk("gw.example.org", "carol@example.net"), "ours");
  EXPECT_EQ(psk("other.example.org", "carol@example.net"), "everybody");
}

TEST_F(CredentialsTest, ASecretOfUsAndAnotherClientIsNotForThisOne) {
  add_psk("alice", {"gw.example.org", "alice@example.org"});
  EXPECT_EQ(psk("gw.example.org", "bob@example.org"), "");
  EXPECT_EQ(psk("gw.example.org", "alice@example.org"), "alice");
}

TEST_F(CredentialsTest, SecretsComeFromTheirFiles) {
  const ScratchFolder folder;
  config_.secrets.push_back({"ike-file", {}, {}, folder.write("psk", "0x0102\n")});
  ASSERT_EQ(chmod(folder.file("psk").c_str(), 0600), 0);
  load();
  const IdBody anybody = body("a@example.org");
  EXPECT_EQ(hex_text(credentials_->find_psk(anybody, anybody)->secret.reveal()), "0102");
}

TEST_F(CredentialsTest, NamesKeyAndFileOfEveryMistake) {
  config_.secrets.push_back({"ike-one", {}, {}, "/nonexistent/psk"});
  config_.secrets.push_back({"ike-two", {}, {}, "/"});
  EXPECT_EQ(Credentials::load(config_).error(),
            (std::vector<std::string>{"secrets.ike-one.secret_file: /nonexistent/psk: cannot be "
                                      "opened: No such file or directory",
                                      "secrets.ike-two.secret_file: /: is not a regular file"}));
}

TEST_F(CredentialsTest, FindsConnectionsByTheirId) {
  add("one");
  load();
  EXPECT_EQ(credentials_->connection(connection_id("one"))->name, "one");
  EXPECT_EQ(credentials_->connection(connection_id("two")), nullptr);
}

}  // namespace
}  // namespace cp
