// The trust store: which chains hold, and the reasons why others do not.
#include <gtest/gtest.h>

#include "crypto/trust_store.h"
#include "tests/support/test_pki.h"

namespace crypto {
namespace {

using support::kCaExtensions;
using support::kPkiNow;
using support::TestPki;
using support::to_hex;

std::string text_of(const Status& status) { return status ? "" : status.error().text; }
std::string about(const std::string& name, const std::string& why) {
  return "certificate \"C=CH, O=Resurge Test, CN=" + name + "\": " + why;
}

class OsslTrustStore : public ::testing::Test {
 protected:
  // root -> inner -> leaf; root -> direct; other is nobody's authority.
  static void SetUpTestSuite() {
    pki_ = std::make_unique<TestPki>();
    pki_->make_ca("root", "root");
    pki_->make_ca("inner", "root");
    pki_->make_ca("other", "other");
    pki_->make({.name = "leaf", .issuer = "inner"});
    pki_->make({.name = "direct", .issuer = "root"});
  }
  static void TearDownTestSuite() { pki_.reset(); }

  static TrustStore store_of(const std::string& authority) {
    TrustStore store;
    EXPECT_EQ(text_of(store.add_ca_file(pki_->path(authority + ".pem"))), "");
    return store;
  }
  struct Question {
    std::string leaf;
    std::vector<std::string> intermediates = {};
    CrlPolicy policy = CrlPolicy::off;
    std::int64_t now_s = kPkiNow;
  };
  static std::string verdict(const TrustStore& store, const Question& question) {
    return text_of(store.verify(pki_->certificate(question.leaf),
                                pki_->certificates(question.intermediates), question.policy,
                                question.now_s));
  }
  // Of a leaf that the root has issued with these extensions.
  static std::string verdict_on(const std::string& name, const std::string& extensions) {
    pki_->make({.name = name, .issuer = "root", .extensions = extensions});
    return verdict(store_of("root"), {.leaf = name});
  }

  static std::unique_ptr<TestPki> pki_;
};
std::unique_ptr<TestPki> OsslTrustStore::pki_;

TEST_F(OsslTrustStore, AcceptsAChainToAnAuthority) {
  const TrustStore store = store_of("root");
  EXPECT_EQ(verdict(store, {.leaf = "direct"}), "");
  EXPECT_EQ(verdict(store, {.leaf = "leaf", .intermediates = {"inner"}}), "");
  // Order and what does not belong to it make no difference.
  EXPECT_EQ(verdict(store, {.leaf = "leaf", .intermediates = {"direct", "other", "inner"}}), "");
}

TEST_F(OsslTrustStore, RefusesWhatNoAuthorityHasIssued) {
  EXPECT_EQ(verdict(store_of("other"), {.leaf = "direct"}),
            about("direct", "no trusted authority has issued it"));
  EXPECT_EQ(verdict(store_of("root"), {.leaf = "leaf"}),
            about("leaf", "no trusted authority has issued it"));
  EXPECT_EQ(verdict(store_of("root"), {.leaf = "other"}),
            about("other", "it is self-signed and not trusted"));
  EXPECT_EQ(verdict(TrustStore(), {.leaf = "direct"}),
            about("direct", "no trusted authority has issued it"));
}

TEST_F(OsslTrustStore, RefusesAnAuthorityOfTheSameNameWithAnotherKey) {
  TestPki twin;
  twin.make_ca("root", "root");
  TrustStore store;
  ASSERT_TRUE(store.add_ca_file(twin.path("root.pem")));
  EXPECT_EQ(verdict(store, {.leaf = "direct"}), about("direct", "its signature is wrong"));
}

TEST_F(OsslTrustStore, RefusesAWrongSignature) {
  pki_->openssl("x509 -in direct.pem -outform DER -out direct.der");
  support::Octets der = pki_->read_octets("direct.der");
  der.back() ^= 1;
  auto broken = Certificate::from_der(der);
  ASSERT_TRUE(broken) << broken.error().text;
  EXPECT_EQ(text_of(store_of("root").verify(*broken, {}, CrlPolicy::off, kPkiNow)),
            about("direct", "its signature is wrong"));
}

TEST_F(OsslTrustStore, TrustsAnAuthorityThatIsNotSelfSigned) {
  EXPECT_EQ(verdict(store_of("inner"), {.leaf = "leaf"}), "");
  EXPECT_EQ(verdict(store_of("inner"), {.leaf = "direct"}),
            about("direct", "no trusted authority has issued it"));
}

TEST_F(OsslTrustStore, LooksAtTheTime) {
  const TrustStore store = store_of("root");
  EXPECT_EQ(verdict(store, {.leaf = "direct", .now_s = 2082758398}), "");
  EXPECT_EQ(verdict(store, {.leaf = "direct", .now_s = 2082758401}),
            about("root", "it has expired"));
  EXPECT_EQ(verdict(store, {.leaf = "direct", .now_s = 1735689599}),
            about("root", "it is not yet valid"));
  pki_->make({.name = "old", .issuer = "root", .end = "20251231235959Z"});
  pki_->make({.name = "young", .issuer = "root", .begin = "20260101000001Z"});
  EXPECT_EQ(verdict(store, {.leaf = "old"}), about("old", "it has expired"));
  EXPECT_EQ(verdict(store, {.leaf = "young"}), about("young", "it is not yet valid"));
}

TEST_F(OsslTrustStore, RefusesALeafThatIssues) {
  pki_->write("direct.cnf", pki_->read("root.cnf"));
  pki_->openssl("req -new -config root.cnf -key leaf.key -subj '/CN=child' -out child.csr");
  pki_->openssl(
      "x509 -req -in child.csr -CA direct.pem -CAkey direct.key -days 3650 -set_serial 7 "
      "-out child.pem");
  const std::int64_t now_s = pki_->certificate("child").not_before_s();
  EXPECT_EQ(
      verdict(store_of("root"), {.leaf = "child", .intermediates = {"direct"}, .now_s = now_s}),
      about("direct", "it is no CA, but has issued a certificate"));
}

TEST_F(OsslTrustStore, ObeysPathLengths) {
  pki_->make_ca("narrow", "root");
  pki_->make({.name = "narrow",
              .issuer = "root",
              .extensions = std::string(kCaExtensions) + "basicConstraints=critical,CA:TRUE,"
                                                         "pathlen:0\n"});
  pki_->make_ca("deeper", "narrow");
  pki_->make({.name = "deepest", .issuer = "deeper"});
  pki_->make({.name = "shallow", .issuer = "narrow"});
  const TrustStore store = store_of("root");
  EXPECT_EQ(verdict(store, {.leaf = "shallow", .intermediates = {"narrow"}}), "");
  EXPECT_NE(verdict(store, {.leaf = "deepest", .intermediates = {"narrow", "deeper"}})
                .find("path length constraint exceeded"),
            std::string::npos);
}

TEST_F(OsslTrustStore, LimitsTheChain) {
  std::vector<std::string> between;
  std::string issuer = "root";
  for (const std::string name : {"c1", "c2", "c3", "c4", "c5", "c6", "c7"}) {
    pki_->make_ca(name, issuer);
    between.push_back(name);
    issuer = name;
  }
  pki_->make({.name = "eight", .issuer = "c6"});
  pki_->make({.name = "nine", .issuer = "c7"});
  const TrustStore store = store_of("root");
  static_assert(kChainMax == 8);
  EXPECT_EQ(verdict(store, {.leaf = "eight", .intermediates = between}), "");
  EXPECT_NE(verdict(store, {.leaf = "nine", .intermediates = between})
                .find("the chain has more than 8 certificates"),
            std::string::npos);
}

TEST_F(OsslTrustStore, LimitsWhatAPeerSends) {
  std::vector<std::string> many(kIntermediatesMax, "other");
  const TrustStore store = store_of("root");
  EXPECT_EQ(verdict(store, {.leaf = "direct", .intermediates = many}), "");
  many.push_back("other");
  EXPECT_EQ(verdict(store, {.leaf = "direct", .intermediates = many}),
            "there are more than 16 certificates beside \"C=CH, O=Resurge Test, CN=direct\"");
}

TEST_F(OsslTrustStore, RefusesWeakHashes) {
  pki_->make({.name = "sha1", .issuer = "root", .more = "-md sha1"});
  EXPECT_EQ(verdict(store_of("root"), {.leaf = "sha1"}),
            about("sha1", "it is signed with a weak hash"));
}

TEST_F(OsslTrustStore, LooksAtTheUsageOfTheLeaf) {
  // RFC 4945 §5.1.3.2 and §5.1.3.12.
  EXPECT_EQ(verdict_on("ku1", "keyUsage=critical,digitalSignature\n"), "");
  EXPECT_EQ(verdict_on("ku2", "keyUsage=nonRepudiation\n"), "");
  EXPECT_EQ(verdict_on("ku3", "keyUsage=keyEncipherment\n"),
            about("ku3", "its keyUsage does not allow signatures"));
  const std::string wrong = "its extendedKeyUsage is for something else than IKE";
  EXPECT_EQ(verdict_on("eku1", "extendedKeyUsage=serverAuth\n"), "");
  EXPECT_EQ(verdict_on("eku2", "extendedKeyUsage=clientAuth,codeSigning\n"), "");
  EXPECT_EQ(verdict_on("eku3", "extendedKeyUsage=1.3.6.1.5.5.7.3.17\n"), "");
  EXPECT_EQ(verdict_on("eku4", "extendedKeyUsage=anyExtendedKeyUsage\n"), "");
  EXPECT_EQ(verdict_on("eku7", "extendedKeyUsage=1.3.6.1.5.5.8.2.2\n"), "");
  EXPECT_EQ(verdict_on("eku5", "extendedKeyUsage=codeSigning\n"), about("eku5", wrong));
  EXPECT_EQ(verdict_on("eku6", "extendedKeyUsage=critical,emailProtection,1.2.3.4\n"),
            about("eku6", wrong));
}

TEST_F(OsslTrustStore, RefusesCriticalExtensionsThatItDoesNotKnow) {
  EXPECT_EQ(verdict_on("critical", "1.2.3.4=critical,DER:0500\n"),
            about("critical", "unhandled critical extension"));
  EXPECT_EQ(verdict_on("lenient", "1.2.3.4=DER:0500\n"), "");
}

TEST_F(OsslTrustStore, ObeysNameConstraints) {
  pki_->make_ca("fenced", "root");
  pki_->make({.name = "fenced",
              .issuer = "root",
              .extensions = std::string(kCaExtensions) +
                            "nameConstraints=critical,permitted;DNS:example.org\n"});
  pki_->make(
      {.name = "inside", .issuer = "fenced", .extensions = "subjectAltName=DNS:a.example.org\n"});
  pki_->make(
      {.name = "outside", .issuer = "fenced", .extensions = "subjectAltName=DNS:a.example.com\n"});
  const TrustStore store = store_of("root");
  EXPECT_EQ(verdict(store, {.leaf = "inside", .intermediates = {"fenced"}}), "");
  EXPECT_EQ(verdict(store, {.leaf = "outside", .intermediates = {"fenced"}}),
            about("outside", "permitted subtree violation"));
}

TEST_F(OsslTrustStore, TakesCaFilesWithSeveral) {
  pki_->write("bundle.pem", pki_->read("root.pem") + "# another\n" + pki_->read("other.pem") +
                                pki_->read("root.pem"));
  const TrustStore store = store_of("bundle");
  ASSERT_EQ(store.authorities().size(), 2u);
  EXPECT_EQ(store.authorities()[1].subject_text(), "C=CH, O=Resurge Test, CN=other");
  EXPECT_EQ(verdict(store, {.leaf = "direct"}), "");
}

TEST_F(OsslTrustStore, RefusesCaFilesThatAreNone) {
  TrustStore store;
  const auto refusal = [&](const std::string& file) {
    return text_of(store.add_ca_file(pki_->path(file)));
  };
  EXPECT_EQ(
      refusal("direct.pem"),
      pki_->path("direct.pem") + ": certificate \"C=CH, O=Resurge Test, CN=direct\" is no CA");
  EXPECT_EQ(refusal("direct.key"), pki_->path("direct.key") + ": there is no certificate in it");
  EXPECT_EQ(refusal("absent"),
            "cannot open " + pki_->path("absent") + ": No such file or directory");
  EXPECT_TRUE(store.authorities().empty());
}

TEST_F(OsslTrustStore, FindsTheAuthorityThatACertreqNames) {
  TrustStore store = store_of("root");
  ASSERT_TRUE(store.add_ca(pki_->certificate("other")));
  const std::vector<AuthorityHash> hashes = store.authority_hashes();
  ASSERT_EQ(hashes.size(), 2u);
  EXPECT_EQ(to_hex(hashes[0]), to_hex(pki_->certificate("root").authority_hash()));
  ASSERT_NE(store.find_authority(hashes[1]), nullptr);
  EXPECT_EQ(store.find_authority(hashes[1])->subject_text(), "C=CH, O=Resurge Test, CN=other");
  EXPECT_EQ(store.find_authority(pki_->certificate("direct").authority_hash()), nullptr);
  EXPECT_EQ(store.find_authority({}), nullptr);
}

TEST_F(OsslTrustStore, VerifiesEveryKindOfKey) {
  for (const std::string kind : {"RSA:2048", "P-384", "P-521", "Ed25519"}) {
    TestPki pki;
    pki.make({.name = "ca",
              .issuer = "ca",
              .extensions = kCaExtensions,
              .key_kind = kind,
              .more = kind == "Ed25519" ? "-md default" : ""});
    pki.make({.name = "leaf",
              .issuer = "ca",
              .key_kind = kind,
              .more = kind == "Ed25519" ? "-md default" : ""});
    TrustStore store;
    ASSERT_TRUE(store.add_ca(pki.certificate("ca")));
    EXPECT_EQ(text_of(store.verify(pki.certificate("leaf"), {}, CrlPolicy::off, kPkiNow)), "")
        << kind;
  }
}

// CRLs. Every test makes a store of its own; the lists are made once.
class OsslTrustStoreCrl : public OsslTrustStore {
 protected:
  static void SetUpTestSuite() {
    OsslTrustStore::SetUpTestSuite();
    pki_->make({.name = "gone", .issuer = "root"});
    pki_->revoke("gone", "root");
    pki_->make_crl("root");
    pki_->make_crl("inner");
  }
  static TrustStore store_with(const std::vector<std::string>& crls) {
    TrustStore store = store_of("root");
    for (const std::string& crl : crls) EXPECT_EQ(text_of(store.add_crl_file(pki_->path(crl))), "");
    return store;
  }
};

TEST_F(OsslTrustStoreCrl, AreIgnoredWhenThePolicySaysSo) {
  EXPECT_EQ(verdict(store_with({"root.crl.pem"}), {.leaf = "gone"}), "");
}

TEST_F(OsslTrustStoreCrl, RefuseWhatIsRevoked) {
  const TrustStore store = store_with({"root.crl.pem"});
  EXPECT_EQ(store.crl_count(), 1u);
  for (const CrlPolicy policy : {CrlPolicy::ifcrl, CrlPolicy::strict}) {
    EXPECT_EQ(verdict(store, {.leaf = "gone", .policy = policy}), about("gone", "it is revoked"));
    EXPECT_EQ(verdict(store, {.leaf = "direct", .policy = policy}), "");
  }
}

TEST_F(OsslTrustStoreCrl, MayBeMissingUnlessStrict) {
  const Question leaf{.leaf = "leaf", .intermediates = {"inner"}, .policy = CrlPolicy::ifcrl};
  const Question strictly{.leaf = "leaf", .intermediates = {"inner"}, .policy = CrlPolicy::strict};
  EXPECT_EQ(verdict(store_with({}), leaf), "");
  EXPECT_EQ(verdict(store_with({}), strictly), about("leaf", "there is no CRL of its issuer"));
  EXPECT_EQ(verdict(store_with({"root.crl.pem"}), leaf), "");
  EXPECT_EQ(verdict(store_with({"root.crl.pem"}), strictly),
            about("leaf", "there is no CRL of its issuer"));
  EXPECT_EQ(verdict(store_with({"inner.crl.pem"}), strictly),
            about("inner", "there is no CRL of its issuer"));
  EXPECT_EQ(verdict(store_with({"inner.crl.pem", "root.crl.pem"}), strictly), "");
}

TEST_F(OsslTrustStoreCrl, AreNotWantedAboveTheTrustedAuthority) {
  TrustStore store = store_of("inner");
  ASSERT_TRUE(store.add_crl_file(pki_->path("inner.crl.pem")));
  EXPECT_EQ(verdict(store, {.leaf = "leaf", .policy = CrlPolicy::strict}), "");
  // Nor can the list of somebody who is not trusted here change anything.
  ASSERT_TRUE(store.add_crl_file(pki_->path("root.crl.pem")));
  EXPECT_EQ(verdict(store, {.leaf = "leaf", .policy = CrlPolicy::strict}), "");
}

TEST_F(OsslTrustStoreCrl, CountNothingWhenOld) {
  pki_->make_crl("root", "20250101000000Z", "20250201000000Z");
  pki_->write("old.crl.pem", pki_->read("root.crl.pem"));
  pki_->make_crl("root", "20260201000000Z", "20270201000000Z");
  pki_->write("young.crl.pem", pki_->read("root.crl.pem"));
  pki_->make_crl("root");
  for (const CrlPolicy policy : {CrlPolicy::ifcrl, CrlPolicy::strict}) {
    EXPECT_EQ(verdict(store_with({"old.crl.pem"}), {.leaf = "direct", .policy = policy}),
              about("direct", "the CRL of its issuer has expired"));
    EXPECT_EQ(verdict(store_with({"young.crl.pem"}), {.leaf = "direct", .policy = policy}),
              about("direct", "the CRL of its issuer is not yet valid"));
  }
  // One that is valid beside it counts.
  EXPECT_EQ(verdict(store_with({"old.crl.pem", "root.crl.pem"}),
                    {.leaf = "direct", .policy = CrlPolicy::strict}),
            "");
}

TEST_F(OsslTrustStoreCrl, CountNothingFromAnotherSigner) {
  TestPki twin;
  twin.make_ca("root", "root");
  twin.make_crl("root");
  pki_->write("twin.crl.pem", twin.read("root.crl.pem"));
  EXPECT_NE(verdict(store_with({"twin.crl.pem"}), {.leaf = "direct", .policy = CrlPolicy::strict}),
            "");
}

TEST_F(OsslTrustStoreCrl, ComeFromPemAndDer) {
  pki_->openssl("crl -in root.crl.pem -outform DER -out root.crl");
  pki_->write("both.crl.pem", pki_->read("root.crl.pem") + pki_->read("inner.crl.pem"));
  EXPECT_EQ(verdict(store_with({"root.crl"}), {.leaf = "gone", .policy = CrlPolicy::ifcrl}),
            about("gone", "it is revoked"));
  EXPECT_EQ(store_with({"both.crl.pem"}).crl_count(), 2u);
}

TEST_F(OsslTrustStoreCrl, AreRefusedWhenMalformed) {
  TrustStore store;
  const auto refusal = [&](const std::string& file) {
    return text_of(store.add_crl_file(pki_->path(file)));
  };
  EXPECT_EQ(refusal("absent"),
            "cannot open " + pki_->path("absent") + ": No such file or directory");
  EXPECT_EQ(refusal("root.pem"), pki_->path("root.pem") + ": there is no CRL in it");
  pki_->write("noise", "noise");
  EXPECT_EQ(refusal("noise"), pki_->path("noise") + ": the CRL is malformed");
  pki_->write("cut", pki_->read("root.crl.pem").substr(0, 200));
  EXPECT_EQ(refusal("cut"), pki_->path("cut") + ": PEM block 1 is cut or malformed");
}

}  // namespace
}  // namespace crypto
