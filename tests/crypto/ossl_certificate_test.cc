// Certificates: what is read out of them, and which identities they prove.
#include <gtest/gtest.h>

#include <algorithm>

#include "crypto/certificate.h"
#include "crypto/distinguished_name.h"
#include "tests/support/test_pki.h"

namespace crypto {
namespace {

using support::CertificateWish;
using support::from_hex;
using support::Octets;
using support::TestPki;
using support::to_hex;

Octets octets(std::string_view text) { return {text.begin(), text.end()}; }

class OsslCertificate : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    pki_ = std::make_unique<TestPki>();
    pki_->make_ca("ca", "ca");
    pki_->make({.name = "moon",
                .issuer = "ca",
                .extensions = "subjectAltName=DNS:moon.example.org,DNS:b.example.org,"
                              "email:Alice@Example.org,IP:192.0.2.7,IP:2001:db8::7\n",
                .more = "-md sha384"});
  }
  static void TearDownTestSuite() { pki_.reset(); }

  static Octets der_of(const std::string& name) {
    pki_->openssl("x509 -in " + name + ".pem -outform DER -out " + name + ".der");
    return pki_->read_octets(name + ".der");
  }
  static std::string refusal(Bytes der) {
    const auto certificate = Certificate::from_der(der);
    return certificate ? "" : certificate.error().text;
  }
  static std::string pem_refusal(const std::string& pem) {
    const auto certificates = Certificate::from_pem(pem);
    return certificates ? "" : certificates.error().text;
  }

  static std::unique_ptr<TestPki> pki_;
};
std::unique_ptr<TestPki> OsslCertificate::pki_;

TEST_F(OsslCertificate, IsTakenApart) {
  const Octets der = der_of("moon");
  const auto moon = Certificate::from_der(der);
  ASSERT_TRUE(moon) << moon.error().text;
  EXPECT_EQ(to_hex(moon->der()), to_hex(der));
  EXPECT_EQ(moon->subject_text(), "C=CH, O=Resurge Test, CN=moon");
  EXPECT_EQ(moon->issuer_text(), "C=CH, O=Resurge Test, CN=ca");
  EXPECT_TRUE(dn_equal(moon->issuer_der(), pki_->certificate("ca").subject_der()));
  EXPECT_EQ(moon->not_before_s(), 1735689600);  // 2025-01-01 00:00:00
  EXPECT_EQ(moon->not_after_s(), 2082758399);   // 2035-12-31 23:59:59
  EXPECT_EQ(moon->public_key().kind(), KeyKind::ecdsa_p256);
  EXPECT_FALSE(moon->is_ca());
  EXPECT_TRUE(pki_->certificate("ca").is_ca());
}

TEST_F(OsslCertificate, ShowsItsSerialNumberAsOpensslDoes) {
  pki_->openssl("x509 -in moon.pem -noout -serial -out serial");
  std::string serial = pki_->read("serial");  // "serial=5F0C...\n"
  serial = serial.substr(7, serial.size() - 8);
  std::ranges::transform(serial, serial.begin(), [](unsigned char c) { return std::tolower(c); });
  EXPECT_EQ(pki_->certificate("moon").serial_text(), serial);
}

TEST_F(OsslCertificate, HashesItsKeyForACertreq) {
  // RFC 7296 §3.7: SHA-1 over the whole SubjectPublicKeyInfo.
  pki_->openssl("x509 -in ca.pem -noout -pubkey -out ca.pub");
  pki_->openssl("pkey -pubin -in ca.pub -outform DER -out ca.spki");
  pki_->openssl("dgst -sha1 -binary -out ca.sha1 ca.spki");
  EXPECT_EQ(to_hex(pki_->certificate("ca").authority_hash()), to_hex(pki_->read_octets("ca.sha1")));
}

TEST_F(OsslCertificate, HasTheKeyOfItsPrivateKey) {
  const auto key = PrivateKey::load(pki_->path("moon.key"));
  ASSERT_TRUE(key) << key.error().text;
  EXPECT_EQ(pki_->certificate("moon").public_key(), key->public_key());
  EXPECT_FALSE(pki_->certificate("ca").public_key() == key->public_key());
}

TEST_F(OsslCertificate, ProvesItsSubject) {
  // RFC 7296 §3.5, ID_DER_ASN1_DN.
  const Certificate moon = pki_->certificate("moon");
  const auto proves = [&](std::string_view text) {
    return moon.matches_identity(NameKind::dn, *dn_from_text(text));
  };
  EXPECT_TRUE(proves("C=CH, O=Resurge Test, CN=moon"));
  EXPECT_TRUE(proves("C=CH, O=resurge test, CN=MOON"));
  EXPECT_FALSE(proves("C=CH, O=Resurge Test, CN=sun"));
  EXPECT_FALSE(proves("CN=moon"));
  EXPECT_FALSE(moon.matches_identity(NameKind::dn, octets("C=CH, O=Resurge Test, CN=moon")));
  EXPECT_FALSE(moon.matches_identity(NameKind::dn, {}));
}

TEST_F(OsslCertificate, ProvesItsAlternativeNames) {
  const Certificate moon = pki_->certificate("moon");
  const auto proves = [&](NameKind kind, std::string_view name) {
    return moon.matches_identity(kind, octets(name));
  };
  EXPECT_TRUE(proves(NameKind::fqdn, "moon.example.org"));
  EXPECT_TRUE(proves(NameKind::fqdn, "B.Example.ORG"));
  EXPECT_FALSE(proves(NameKind::fqdn, "sun.example.org"));
  EXPECT_FALSE(proves(NameKind::fqdn, "example.org"));
  EXPECT_FALSE(proves(NameKind::fqdn, "moon.example.org."));
  EXPECT_FALSE(proves(NameKind::fqdn, std::string_view("moon.example.org\0", 17)));
  EXPECT_FALSE(proves(NameKind::fqdn, "Alice@Example.org"));
  EXPECT_FALSE(proves(NameKind::fqdn, ""));
  EXPECT_FALSE(proves(NameKind::fqdn, "moon"));  // the CN is no name of a host (RFC 4945 §5.1.2)
  EXPECT_TRUE(proves(NameKind::rfc822, "Alice@example.ORG"));
  EXPECT_FALSE(proves(NameKind::rfc822, "alice@Example.org"));
  EXPECT_FALSE(proves(NameKind::rfc822, "Alice@example.com"));
  EXPECT_FALSE(proves(NameKind::rfc822, "Example.org"));
  EXPECT_FALSE(proves(NameKind::rfc822, "moon.example.org"));
  EXPECT_TRUE(moon.matches_identity(NameKind::ip4, from_hex("c0000207")));
  EXPECT_FALSE(moon.matches_identity(NameKind::ip4, from_hex("c0000208")));
  EXPECT_FALSE(moon.matches_identity(NameKind::ip4, from_hex("c00002")));
  EXPECT_TRUE(moon.matches_identity(NameKind::ip6, from_hex("20010db8000000000000000000000007")));
  EXPECT_FALSE(moon.matches_identity(NameKind::ip6, from_hex("20010db8000000000000000000000008")));
}

TEST_F(OsslCertificate, HasNoWildcards) {
  pki_->make({.name = "star", .issuer = "ca", .extensions = "subjectAltName=DNS:*.example.org\n"});
  const Certificate star = pki_->certificate("star");
  EXPECT_FALSE(star.matches_identity(NameKind::fqdn, octets("a.example.org")));
  EXPECT_TRUE(star.matches_identity(NameKind::fqdn, octets("*.example.org")));
}

TEST_F(OsslCertificate, WithoutNamesProvesNone) {
  pki_->make({.name = "bare", .issuer = "ca", .extensions = "basicConstraints=CA:FALSE\n"});
  EXPECT_FALSE(pki_->certificate("bare").matches_identity(NameKind::fqdn, octets("bare")));
  pki_->make({.name = "empty",
              .issuer = "ca",
              .extensions = "subjectAltName=critical,DNS:e.example.org\n",
              .subject = "/"});
  const Certificate empty = pki_->certificate("empty");
  EXPECT_EQ(empty.subject_text(), "");
  EXPECT_FALSE(empty.matches_identity(NameKind::dn, from_hex("3000")));
  EXPECT_TRUE(empty.matches_identity(NameKind::fqdn, octets("e.example.org")));
}

TEST_F(OsslCertificate, RefusesWhatIsCutOrHasMoreBehind) {
  Octets der = der_of("moon");
  for (std::size_t len = 0; len < der.size(); ++len)
    ASSERT_EQ(refusal(Bytes(der).first(len)), "the certificate is malformed") << len;
  der.push_back(0);
  EXPECT_EQ(refusal(der), "the certificate is malformed");
  EXPECT_EQ(refusal(Octets(kCertificateMax + 1, 0x30)),
            "the certificate has more than 16384 octets");
}

TEST_F(OsslCertificate, RefusesMalformedExtensions) {
  pki_->make({.name = "badname", .issuer = "ca", .extensions = "subjectAltName=DER:3005820161\n"});
  EXPECT_EQ(refusal(der_of("badname")),
            "certificate \"C=CH, O=Resurge Test, CN=badname\": an extension is malformed or there "
            "twice");
  pki_->make({.name = "badbasic", .issuer = "ca", .extensions = "basicConstraints=DER:3001\n"});
  EXPECT_EQ(refusal(der_of("badbasic")),
            "certificate \"C=CH, O=Resurge Test, CN=badbasic\": an extension is malformed or there "
            "twice");
}

TEST_F(OsslCertificate, RefusesWeakKeys) {
  pki_->make({.name = "weak", .issuer = "ca", .key_kind = "RSA:1024"});
  EXPECT_EQ(refusal(der_of("weak")),
            "certificate \"C=CH, O=Resurge Test, CN=weak\": the RSA key has 1024 bits; 2048 to "
            "8192 are accepted");
}

TEST_F(OsslCertificate, ComesFromPemWithTextBetween) {
  const std::string moon = pki_->read("moon.pem");
  const std::string ca = pki_->read("ca.pem");
  const auto both = Certificate::from_pem("a remark\n" + moon + "\n" + pki_->read("moon.key") + ca);
  ASSERT_TRUE(both) << both.error().text;
  ASSERT_EQ(both->size(), 2u);
  EXPECT_EQ((*both)[1].subject_text(), "C=CH, O=Resurge Test, CN=ca");
}

TEST_F(OsslCertificate, RefusesPemThatIsNotWhole) {
  const std::string moon = pki_->read("moon.pem");
  EXPECT_EQ(pem_refusal(""), "there is no certificate in it");
  EXPECT_EQ(pem_refusal(pki_->read("moon.key")), "there is no certificate in it");
  EXPECT_EQ(pem_refusal(moon + moon.substr(0, moon.size() / 2)), "PEM block 2 is cut or malformed");
  EXPECT_EQ(pem_refusal(moon + "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"),
            "certificate number 2: the certificate is malformed");
  std::string many;
  for (std::size_t i = 0; i <= kPemCertificatesMax; ++i)
    many += "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
  EXPECT_EQ(pem_refusal(many), "there are more than 512 PEM blocks");
}

TEST_F(OsslCertificate, IsLoadedFromPemAndDer) {
  der_of("moon");
  for (const char* file : {"moon.pem", "moon.der"}) {
    const auto loaded = Certificate::load(pki_->path(file));
    ASSERT_TRUE(loaded) << loaded.error().text;
    EXPECT_EQ(loaded->front().subject_text(), "C=CH, O=Resurge Test, CN=moon");
  }
  const auto refused = [&](const std::string& file) {
    return Certificate::load(pki_->path(file)).error().text;
  };
  EXPECT_EQ(refused("absent"),
            "cannot open " + pki_->path("absent") + ": No such file or directory");
  EXPECT_EQ(refused("moon.ext"), pki_->path("moon.ext") + ": the certificate is malformed");
  EXPECT_EQ(refused("moon.key"), pki_->path("moon.key") + ": there is no certificate in it");
}

TEST_F(OsslCertificate, CarriesTheIdentifiersThatWeWrite) {
  // What openssl puts into a certificate is what RFC 7427 puts before a signature.
  const auto carries = [&](const char* name, SignatureAlgorithm algorithm) {
    const Octets der = der_of(name);
    return !std::ranges::search(der, algorithm_identifier(algorithm)).empty();
  };
  EXPECT_TRUE(carries("moon", SignatureAlgorithm::ecdsa_sha384));
  EXPECT_FALSE(carries("moon", SignatureAlgorithm::ecdsa_sha256));
  pki_->make({.name = "pss",
              .issuer = "pss",
              .key_kind = "RSA:2048",
              .more = "-md sha512 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:64"});
  EXPECT_TRUE(carries("pss", SignatureAlgorithm::rsa_pss_sha512));
  pki_->make(
      {.name = "edwards", .issuer = "edwards", .key_kind = "Ed25519", .more = "-md default"});
  EXPECT_TRUE(carries("edwards", SignatureAlgorithm::ed25519));
}

}  // namespace
}  // namespace crypto
