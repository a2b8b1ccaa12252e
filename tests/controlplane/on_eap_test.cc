// EAP inside IKE_AUTH, with a RADIUS server that the test is: RFC 7296 §2.16.
#include <gtest/gtest.h>
#include <spdlog/sinks/null_sink.h>
#include <sys/stat.h>

#include <fstream>

#include "controlplane/handlers.h"
#include "tests/controlplane/psk_test.h"
#include "tests/support/radius_peer.h"
#include "tests/support/test_pki.h"

namespace cp {
namespace {

using support::RadiusAnswerBuilder;

const std::string kSecret = "a shared secret";
std::string config(const support::TestPki& pki) {
  return "[connections.rw.local]\nauth = 'pubkey'\nid = 'gw.example.org'\ncerts = '" +
         pki.path("gw.pem") + "'\nprivate_key = '" + pki.path("gw.key") +
         "'\n[connections.rw.remote]\nauth = 'eap-radius'\n"
         "[radius.servers.one]\naddress = '127.0.0.1'\nsecret_file = '" +
         pki.path("radius.secret") + "'\n";
}

Octets eap(std::uint8_t code, std::uint8_t id, const std::string& body) {
  Octets packet{code, id, 0, static_cast<std::uint8_t>(4 + body.size())};
  packet.insert(packet.end(), body.begin(), body.end());
  return packet;
}

class OnEap : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    pki_ = new support::TestPki;
    pki_->make({.name = "gw",
                .issuer = "gw",
                .extensions = "basicConstraints=CA:FALSE\nsubjectAltName=DNS:gw.example.org\n"});
    std::ofstream(pki_->path("radius.secret")) << kSecret << "\n";
    ASSERT_EQ(::chmod(pki_->path("radius.secret").c_str(), 0600), 0);
  }
  static void TearDownTestSuite() { delete pki_; }
  OnEap() {
    RadiusSettings settings{.servers = {}, .timeout_ms = 1000, .tries = 1, .sockets = 1};
    const Octets secret(kSecret.begin(), kSecret.end());
    settings.servers.push_back({.name = "r",
                                .address = server.address(),
                                .port = server.port(),
                                .secret = crypto::SecretBytes(secret)});
    rig = std::make_unique<PlaneRig>(config(*pki_), "",
                                     RadiusClient::open(std::move(settings), log).value());
    client.asks_eap = true;
  }
  // The first two messages and the first answer to IKE_AUTH: our identity request.
  void begin() {
    ASSERT_TRUE(client.take_sa_init(rig->exchange(client.sa_init(), path).at(0)));
    for (int i = 0; i < intermediates; ++i)
      ASSERT_TRUE(client.take_intermediate(rig->exchange(client.intermediate().at(0), path)));
    const auto answers = rig->exchange(client.auth(), path);
    ASSERT_EQ(answers.size(), 1u);
    last_answers = answers;
  }
  // Until the SA is established.
  void connect() {
    begin();
    ASSERT_TRUE(client.take_eap(last_answers));
    EXPECT_TRUE(client.auth_answer.has_auth);  // our proof comes with the first EAP request
    const auto challenge = round(eap(2, identifier(), "\001alice"), RadiusCode::access_challenge,
                                 eap(1, 20, "\032hi"));
    ASSERT_TRUE(client.take_eap(challenge));
    EXPECT_FALSE(client.auth_answer.has_auth);
    Octets msk(64);
    for (std::size_t i = 0; i < msk.size(); ++i) msk[i] = static_cast<std::uint8_t>(i);
    const auto success =
        round(eap(2, 20, "\032yes"), RadiusCode::access_accept, eap(3, 20, ""), msk);
    ASSERT_TRUE(client.take_eap(success));
    EXPECT_EQ(Octets(client.auth_answer.eap.begin(), client.auth_answer.eap.end()), eap(3, 20, ""));
    ASSERT_TRUE(client.take_auth(rig->exchange(client.last_auth(msk), path))) << rig->log_text();
    const IkeSa* sa = rig->sa(client.spi_r);
    ASSERT_NE(sa, nullptr);
    EXPECT_EQ(sa->state, SaState::established);
    EXPECT_EQ(sa->children.size(), 1u);
    EXPECT_EQ(sa->eap_identity, Octets({'a', 'l', 'i', 'c', 'e'}));
    EXPECT_FALSE(client.auth_answer.ticket.empty());
  }
  std::uint8_t identifier() const { return client.auth_answer.eap[1]; }
  // The client's packet goes to the server, whose answer comes back to the client.
  std::vector<Octets> round(const Octets& packet, RadiusCode code, const Octets& reply,
                            const Octets& msk = {}) {
    EXPECT_TRUE(rig->exchange(client.eap_response(packet), path).empty());  // RADIUS is asked first
    const auto question = server.receive();
    EXPECT_TRUE(question);
    if (!question) return {};
    RadiusAnswerBuilder builder(code, question->exchange(kSecret));
    builder.eap(reply);
    if (!msk.empty()) builder.msk(msk);
    server.send(*question, builder.sign());
    RadiusClient& radius = *rig->plane().radius();
    radius.on_readable(radius.fds().front(), rig->now().ms);
    const std::size_t before = rig->sent.size();
    rig->serve();
    std::vector<Octets> answers;
    for (std::size_t i = before; i < rig->sent.size(); ++i) answers.push_back(rig->sent[i].message);
    return answers;
  }

  static inline support::TestPki* pki_ = nullptr;
  spdlog::logger log{"test", std::make_shared<spdlog::sinks::null_sink_mt>()};
  support::RadiusServerSocket server;
  std::unique_ptr<PlaneRig> rig;
  IkeClient client;
  int intermediates = 0;
  std::vector<Octets> last_answers;
  dp::PeerPath path = rig_path();
};

TEST_F(OnEap, ConnectsWithTheKeyOfTheMethod) { connect(); }

TEST_F(OnEap, CoversIkeIntermediateInBothOfItsProofs) {  // RFC 9242 §3.3.2
  client.announces_intermediate = true;
  intermediates = 2;
  connect();
}

// Somebody types: 60 s for a round, counted from its beginning.
TEST_F(OnEap, WaitsAMinuteForEachRound) {
  begin();
  ASSERT_TRUE(client.take_eap(last_answers));
  rig->pass_ms(59'999);
  rig->serve();
  EXPECT_EQ(rig->sas().size(), 1u);
  ASSERT_TRUE(client.take_eap(round(eap(2, identifier(), "\001alice"), RadiusCode::access_challenge,
                                    eap(1, 20, "\032hi"))));
  rig->pass_ms(59'999);
  rig->serve();
  EXPECT_EQ(rig->sas().size(), 1u);
  rig->pass_ms(1);
  rig->serve();
  EXPECT_EQ(rig->sas().size(), 0u);
  EXPECT_EQ(rig->counters().half_open_expired, 1u);
}

TEST_F(OnEap, RefusesWhomTheServerRejects) {
  begin();
  ASSERT_TRUE(client.take_eap(last_answers));
  const auto opened = client.open(round(eap(2, identifier(), "\001alice"),
                                        RadiusCode::access_reject, eap(4, identifier(), "")));
  EXPECT_EQ(client.error_of(opened), number(ike::Notify::authentication_failed));
  EXPECT_EQ(rig->sas().size(), 0u);
}

TEST_F(OnEap, RefusesAnAuthWithoutTheKeyOfTheMethod) {
  begin();
  ASSERT_TRUE(client.take_eap(last_answers));
  const auto success = round(eap(2, identifier(), "\001alice"), RadiusCode::access_accept,
                             eap(3, identifier(), ""), Octets(64, 7));
  ASSERT_TRUE(client.take_eap(success));
  const auto opened = client.open(rig->exchange(client.last_auth(Octets(64, 8)), path));
  EXPECT_EQ(client.error_of(opened), number(ike::Notify::authentication_failed));
  EXPECT_EQ(rig->sas().size(), 0u);
}

TEST_F(OnEap, NamesTheCriticalPayloadThatItDoesNotKnow) {
  begin();
  ASSERT_TRUE(client.take_eap(last_answers));
  // Type 200 with the critical bit; nothing in it. RFC 7296 §2.5.
  const auto opened = client.open(rig->exchange(
      client.request(ike::Exchange::ike_auth, static_cast<ike::PayloadType>(200), {0, 0x80, 0, 4}),
      path));
  ASSERT_TRUE(opened.ok);
  EXPECT_EQ(client.error_of(opened), number(ike::Notify::unsupported_critical_payload));
  EXPECT_EQ(opened.inner.back(), 200);
  EXPECT_EQ(rig->sas().size(), 0u);
}

// IDi of a client with EAP is what it calls itself: it must not push another user out.
TEST_F(OnEap, TakesThoseForOneWhomTheServerTakesForOne) {
  const auto connect = [&](const std::string& user) {
    begin();
    ASSERT_TRUE(client.take_eap(last_answers));
    const Octets msk(64, 7);
    const auto success = round(eap(2, identifier(), "\001" + user), RadiusCode::access_accept,
                               eap(3, identifier(), ""), msk);
    ASSERT_TRUE(client.take_eap(success));
    ASSERT_TRUE(client.take_auth(rig->exchange(client.last_auth(msk), path)));
  };
  connect("alice");
  const ike::IkeSpi alice = client.spi_r;
  client.spi_i = ike::IkeSpi(77);
  client.tx_counter = 0;
  client.initial_contact = true;
  connect("mallory");
  EXPECT_NE(rig->sa(alice), nullptr);  // RFC 7296 §2.16
  client.spi_i = ike::IkeSpi(78);
  client.tx_counter = 0;
  connect("alice");
  EXPECT_EQ(rig->sa(alice), nullptr);
}

TEST_F(OnEap, AsksTheServerOnceForARepeatedRequest) {
  begin();
  ASSERT_TRUE(client.take_eap(last_answers));
  const Octets request = client.eap_response(eap(2, identifier(), "\001alice"));
  EXPECT_TRUE(rig->exchange(request, path).empty());
  EXPECT_TRUE(rig->exchange(request, path).empty());
  EXPECT_TRUE(server.receive());
  EXPECT_FALSE(server.receive());
}

}  // namespace
}  // namespace cp
