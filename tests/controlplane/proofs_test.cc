// Certificates and signatures in IKE_AUTH: RFC 7427, RFC 7296 §2.15.
#include "controlplane/proofs.h"

#include <gtest/gtest.h>

#include "tests/controlplane/ike_client.h"
#include "tests/controlplane/plane_rig.h"
#include "tests/controlplane/psk_test.h"
#include "tests/support/test_pki.h"

namespace cp {
namespace {

constexpr const char* kLeaf = "basicConstraints=CA:FALSE\nauthorityKeyIdentifier=keyid\n";

class Proofs : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    pki_ = new support::TestPki;
    pki_->make_ca("ca", "ca");
    pki_->make_ca("other-ca", "other-ca");
    pki_->make({.name = "gw",
                .issuer = "ca",
                .extensions = std::string(kLeaf) + "subjectAltName=DNS:gw.example.org\n"});
    pki_->make({.name = "client",
                .issuer = "ca",
                .extensions = std::string(kLeaf) + "subjectAltName=email:client@example.org\n"});
    pki_->make({.name = "revoked",
                .issuer = "ca",
                .extensions = std::string(kLeaf) + "subjectAltName=email:client@example.org\n"});
    pki_->make({.name = "stranger",
                .issuer = "other-ca",
                .extensions = std::string(kLeaf) + "subjectAltName=email:client@example.org\n"});
    pki_->revoke("revoked", "ca");
    pki_->make_crl("ca");
  }
  static void TearDownTestSuite() { delete pki_; }

  std::string config() {
    return "[connections.rw.local]\nauth = 'pubkey'\nid = 'gw.example.org'\ncerts = '" +
           pki_->path("gw.pem") + "'\nprivate_key = '" + pki_->path("gw.key") +
           "'\n[connections.rw.remote]\nauth = 'pubkey'\ncacerts = '" + pki_->path("ca.pem") +
           "'\n[authorities.ca]\ncacert = '" + pki_->path("ca.pem") + "'\ncrls = '" +
           pki_->path("ca.crl.pem") + "'\n";
  }
  // Connects with that certificate; the error notify, or 0.
  std::uint16_t connect(const std::string& name) {
    PlaneRig rig(config());
    rig.pass_ms((static_cast<std::uint64_t>(support::kPkiNow) - kRigStartS) * 1000);
    auto key = crypto::PrivateKey::load(pki_->path(name + ".key"));
    EXPECT_TRUE(key);
    client.key = &*key;
    const auto cert = pki_->certificate(name);
    client.certs = {Octets(cert.der().begin(), cert.der().end())};
    const dp::PeerPath path = rig_path();
    if (!client.take_sa_init(rig.exchange(client.sa_init(), path).at(0))) return 0xffff;
    EXPECT_TRUE(client.sa_init_answer.has_certreq);
    const auto answers = rig.exchange(client.auth(), path);
    const auto opened = client.open(answers);
    log = rig.log_text();
    if (const std::uint16_t error = client.error_of(opened)) return error;
    return client.take_auth(answers) ? 0 : 0xffff;
  }

  static inline support::TestPki* pki_ = nullptr;
  IkeClient client;
  std::string log;
};

TEST_F(Proofs, TakeAClientCertificateAndShowOurs) {
  EXPECT_EQ(connect("client"), 0) << log;
  EXPECT_EQ(client.auth_answer.auth.method, ike::AuthMethod::digital_signature);
  EXPECT_EQ(client.auth_answer.cert_count, 1u);
}

TEST_F(Proofs, RefuseACertificateOfAnotherAuthority) {
  EXPECT_EQ(connect("stranger"), number(ike::Notify::authentication_failed));
}

TEST_F(Proofs, RefuseARevokedCertificate) {
  EXPECT_EQ(connect("revoked"), number(ike::Notify::authentication_failed));
  EXPECT_NE(log.find("revoked"), std::string::npos) << log;
}

TEST_F(Proofs, RefuseAnIdentityThatTheCertificateDoesNotProve) {
  client.identity = "other@example.org";
  EXPECT_EQ(connect("client"), number(ike::Notify::authentication_failed));
  EXPECT_NE(log.find("does not prove this identity"), std::string::npos) << log;
}

TEST_F(Proofs, RefuseASignatureOfAnotherKey) {
  const auto other = pki_->certificate("client");
  EXPECT_EQ(connect("client"), 0);
  IkeClient thief(3);
  client.spi_i = thief.spi_i;
  PlaneRig rig(config());
  rig.pass_ms((static_cast<std::uint64_t>(support::kPkiNow) - kRigStartS) * 1000);
  auto key = crypto::PrivateKey::load(pki_->path("stranger.key"));
  ASSERT_TRUE(key);
  thief.key = &*key;
  thief.certs = {Octets(other.der().begin(), other.der().end())};
  ASSERT_TRUE(thief.take_sa_init(rig.exchange(thief.sa_init(), rig_path()).at(0)));
  const auto opened = thief.open(rig.exchange(thief.auth(), rig_path()));
  EXPECT_EQ(thief.error_of(opened), number(ike::Notify::authentication_failed));
}

TEST_F(Proofs, RefuseAClientWithoutACertificate) {
  PlaneRig rig(config());
  auto key = crypto::PrivateKey::load(pki_->path("client.key"));
  ASSERT_TRUE(key);
  client.key = &*key;
  ASSERT_TRUE(client.take_sa_init(rig.exchange(client.sa_init(), rig_path()).at(0)));
  const auto opened = client.open(rig.exchange(client.auth(), rig_path()));
  EXPECT_EQ(client.error_of(opened), number(ike::Notify::authentication_failed));
}

}  // namespace
}  // namespace cp
