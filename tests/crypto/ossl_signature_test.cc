// Keys and signatures: what openssl signs we verify and the other way round; weak keys are refused.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <map>

#include "crypto/signature.h"
#include "tests/support/openssl_cli.h"

namespace crypto {
namespace {

using support::Octets;
using support::OpensslFolder;
using support::to_hex;

constexpr std::array kKinds = {"RSA:2048", "P-256", "P-384", "P-521", "Ed25519"};
const Octets kMessage = {'o', 'c', 't', 'e', 't', 's'};

std::vector<SignatureAlgorithm> algorithms_of(KeyKind kind) {
  std::vector<SignatureAlgorithm> found;
  for (std::size_t i = 0; i < kSignatureAlgorithmCount; ++i)
    if (can_use(kind, static_cast<SignatureAlgorithm>(i)))
      found.push_back(static_cast<SignatureAlgorithm>(i));
  return found;
}

class OsslSignature : public ::testing::Test {
 protected:
  // Keys take a while to make, so the tests share them.
  static void SetUpTestSuite() {
    folder_ = std::make_unique<OpensslFolder>();
    for (const std::string kind : kKinds) {
      folder_->make_key(file_of(kind), kind);
      folder_->openssl("pkey -pubout -in " + file_of(kind) + " -out pub-" + file_of(kind));
    }
    folder_->write("message", {reinterpret_cast<const char*>(kMessage.data()), kMessage.size()});
  }
  static void TearDownTestSuite() { folder_.reset(); }

  static std::string file_of(std::string kind) {
    for (char& c : kind)
      if (c == ':') c = '-';
    return kind + ".pem";
  }
  static PrivateKey key_of(const std::string& kind) {
    Result<PrivateKey> key = PrivateKey::load(folder_->path(file_of(kind)));
    EXPECT_TRUE(key) << key.error().text;
    return std::move(*key);
  }
  static std::string refusal(const std::string& file) {
    const Result<PrivateKey> key = PrivateKey::load(folder_->path(file));
    return key ? "" : key.error().text;
  }
  static Result<PublicKey> public_of(const std::string& file) {
    folder_->openssl("pkey -pubin -in " + file + " -outform DER -out public.der");
    return PublicKey::from_spki(folder_->read_octets("public.der"));
  }
  // Options of "openssl pkeyutl" for an algorithm.
  static std::string options_of(SignatureAlgorithm algorithm) {
    if (algorithm == SignatureAlgorithm::ed25519) return "-rawin";
    const std::string name = signature_algorithm_name(algorithm);
    std::string options = "-rawin -digest " + name.substr(name.rfind('-') + 1);
    if (name.starts_with("rsa-pss"))
      options += " -pkeyopt rsa_padding_mode:pss -pkeyopt rsa_pss_saltlen:digest";
    return options;
  }

  static std::unique_ptr<OpensslFolder> folder_;
};
std::unique_ptr<OpensslFolder> OsslSignature::folder_;

TEST_F(OsslSignature, KnowsTheKindOfAKey) {
  EXPECT_EQ(key_of("RSA:2048").kind(), KeyKind::rsa);
  EXPECT_EQ(key_of("RSA:2048").public_key().bits(), 2048u);
  EXPECT_EQ(key_of("P-256").kind(), KeyKind::ecdsa_p256);
  EXPECT_EQ(key_of("P-384").kind(), KeyKind::ecdsa_p384);
  EXPECT_EQ(key_of("P-521").kind(), KeyKind::ecdsa_p521);
  EXPECT_EQ(key_of("Ed25519").kind(), KeyKind::ed25519);
}

TEST_F(OsslSignature, IsVerifiedByOpenssl) {
  for (const std::string kind : kKinds) {
    const PrivateKey key = key_of(kind);
    for (const SignatureAlgorithm algorithm : algorithms_of(key.kind())) {
      SCOPED_TRACE(kind + " " + signature_algorithm_name(algorithm));
      const auto signature = key.sign(algorithm, kMessage);
      ASSERT_TRUE(signature) << signature.error().text;
      folder_->write("sig", {reinterpret_cast<const char*>(signature->data()), signature->size()});
      EXPECT_NO_THROW(
          folder_->openssl("pkeyutl -verify -in message -sigfile sig -pubin -inkey pub-" +
                           file_of(kind) + " " + options_of(algorithm)));
    }
  }
}

TEST_F(OsslSignature, VerifiesWhatOpensslSigned) {
  for (const std::string kind : kKinds) {
    const Result<PublicKey> key = public_of("pub-" + file_of(kind));
    ASSERT_TRUE(key) << key.error().text;
    for (const SignatureAlgorithm algorithm : algorithms_of(key->kind())) {
      SCOPED_TRACE(kind + " " + signature_algorithm_name(algorithm));
      folder_->openssl("pkeyutl -sign -in message -out sig -inkey " + file_of(kind) + " " +
                       options_of(algorithm));
      Octets signature = folder_->read_octets("sig");
      EXPECT_TRUE(key->verify(algorithm, kMessage, signature));
      EXPECT_FALSE(key->verify(algorithm, Octets(6, 'x'), signature));
      signature[signature.size() / 2] ^= 1;
      EXPECT_FALSE(key->verify(algorithm, kMessage, signature));
    }
  }
}

TEST_F(OsslSignature, IsBoundToItsAlgorithm) {
  for (const std::string kind : {"RSA:2048", "P-256"}) {
    const PrivateKey key = key_of(kind);
    for (const SignatureAlgorithm made_with : algorithms_of(key.kind())) {
      const auto signature = key.sign(made_with, kMessage);
      for (const SignatureAlgorithm algorithm : algorithms_of(key.kind()))
        EXPECT_EQ(key.public_key().verify(algorithm, kMessage, *signature), algorithm == made_with);
    }
  }
}

TEST_F(OsslSignature, RefusesAnAlgorithmOfAnotherKind) {
  const PrivateKey key = key_of("P-256");
  const auto refused = key.sign(SignatureAlgorithm::ed25519, kMessage);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().text, "an ECDSA P-256 key cannot sign with ed25519");
  const auto signature = key.sign(SignatureAlgorithm::ecdsa_sha256, kMessage);
  EXPECT_FALSE(key.public_key().verify(SignatureAlgorithm::rsa_pkcs1_sha256, kMessage, *signature));
}

TEST_F(OsslSignature, HasAFixedLengthInRawForm) {
  // RFC 4754 §3: r | s, each as long as the order of the curve.
  const std::map<std::string, std::size_t> lengths = {{"P-256", 64}, {"P-384", 96}, {"P-521", 132}};
  for (const auto& [kind, len] : lengths) {
    const PrivateKey key = key_of(kind);
    for (int round = 0; round < 20; ++round) {  // some r or s begins with zeroes
      auto raw = key.sign(SignatureAlgorithm::ecdsa_sha512, kMessage, EcdsaForm::raw);
      ASSERT_TRUE(raw);
      EXPECT_EQ(raw->size(), len);
      const auto verify = [&](EcdsaForm form) {
        return key.public_key().verify(SignatureAlgorithm::ecdsa_sha512, kMessage, *raw, form);
      };
      EXPECT_TRUE(verify(EcdsaForm::raw));
      EXPECT_FALSE(verify(EcdsaForm::der));
      raw->push_back(0);
      EXPECT_FALSE(verify(EcdsaForm::raw));
    }
    // r = s = 0 verifies for every message where it is not refused (CVE-2022-21449).
    EXPECT_FALSE(key.public_key().verify(SignatureAlgorithm::ecdsa_sha512, kMessage, Octets(len, 0),
                                         EcdsaForm::raw));
  }
  const PrivateKey rsa = key_of("RSA:2048");
  EXPECT_EQ(rsa.sign(SignatureAlgorithm::rsa_pss_sha256, kMessage, EcdsaForm::raw)->size(), 256u);
}

TEST_F(OsslSignature, RefusesSignaturesOfOtherLengths) {
  for (const std::string kind : kKinds) {
    const PrivateKey key = key_of(kind);
    const SignatureAlgorithm algorithm = algorithms_of(key.kind()).front();
    Octets signature = *key.sign(algorithm, kMessage);
    const auto verify = [&] { return key.public_key().verify(algorithm, kMessage, signature); };
    ASSERT_TRUE(verify());
    signature.push_back(0);
    EXPECT_FALSE(verify()) << kind;
    signature.resize(signature.size() - 2);
    EXPECT_FALSE(verify()) << kind;
    signature.clear();
    EXPECT_FALSE(verify()) << kind;
    signature.resize(kSignatureMax + 1);
    EXPECT_FALSE(verify()) << kind;
  }
}

TEST_F(OsslSignature, SignsAnEmptyMessage) {
  const PrivateKey key = key_of("Ed25519");
  const auto signature = key.sign(SignatureAlgorithm::ed25519, {});
  ASSERT_TRUE(signature);
  EXPECT_TRUE(key.public_key().verify(SignatureAlgorithm::ed25519, {}, *signature));
}

TEST_F(OsslSignature, ReadsTheOlderFormsOfPem) {
  folder_->openssl("pkey -traditional -in RSA-2048.pem -out old.pem");
  ASSERT_TRUE(folder_->read("old.pem").starts_with("-----BEGIN RSA PRIVATE KEY"));
  chmod(folder_->path("old.pem").c_str(), 0600);
  const auto rsa = PrivateKey::load(folder_->path("old.pem"));
  ASSERT_TRUE(rsa) << rsa.error().text;
  EXPECT_EQ(rsa->public_key(), key_of("RSA:2048").public_key());

  folder_->openssl("ecparam -name prime256v1 -genkey -out old-ec.pem");
  const std::string text = folder_->read("old-ec.pem");
  ASSERT_TRUE(text.starts_with("-----BEGIN EC PARAMETERS")) << text.substr(0, 40);
  const auto ec = PrivateKey::parse(text);
  ASSERT_TRUE(ec) << ec.error().text;
  EXPECT_EQ(ec->kind(), KeyKind::ecdsa_p256);
  EXPECT_FALSE(ec->public_key() == key_of("P-256").public_key());
  EXPECT_FALSE(ec->public_key() == key_of("RSA:2048").public_key());
}

TEST_F(OsslSignature, RefusesAKeyFileThatOthersMayRead) {
  folder_->write("open.pem", folder_->read("P-256.pem"));
  chmod(folder_->path("open.pem").c_str(), 0640);
  EXPECT_EQ(refusal("open.pem"), folder_->path("open.pem") +
                                     " is open to group or others: run chmod 600 on it, and think "
                                     "of a new key");
  chmod(folder_->path("open.pem").c_str(), 0600);
  EXPECT_EQ(refusal("open.pem"), "");
}

TEST_F(OsslSignature, RefusesFilesWithoutAUsableKey) {
  const auto parsed = [](const std::string& text) {
    const auto key = PrivateKey::parse(text);
    return key ? "" : key.error().text;
  };
  EXPECT_EQ(refusal("absent.pem"),
            "cannot open " + folder_->path("absent.pem") + ": No such file or directory");
  EXPECT_EQ(parsed(""), "there is no private key in PEM form");
  EXPECT_EQ(parsed(folder_->read("pub-P-256.pem")), "there is no private key in PEM form");
  std::string cut = folder_->read("P-256.pem");
  cut.resize(cut.size() / 2);
  EXPECT_EQ(parsed(cut), "there is no private key in PEM form");
  folder_->openssl("pkcs8 -topk8 -in P-256.pem -out locked.pem -passout pass:secret");
  EXPECT_EQ(parsed(folder_->read("locked.pem")),
            "the private key is encrypted: store it without a passphrase");
  folder_->openssl("rsa -aes128 -traditional -in RSA-2048.pem -out locked.pem -passout pass:word");
  EXPECT_EQ(parsed(folder_->read("locked.pem")),
            "the private key is encrypted: store it without a passphrase");
}

TEST_F(OsslSignature, RefusesWeakAndStrangeKeys) {
  const auto text_of = [](const std::string& kind) {
    folder_->make_key("strange.pem", kind);
    const auto key = PrivateKey::parse(folder_->read("strange.pem"));
    return key ? "" : key.error().text;
  };
  EXPECT_EQ(text_of("RSA:1024"), "the RSA key has 1024 bits; 2048 to 8192 are accepted");
  EXPECT_EQ(text_of("Ed448"), "the key is neither RSA nor ECDSA nor Ed25519");
  EXPECT_EQ(text_of("X25519"), "the key is neither RSA nor ECDSA nor Ed25519");
  folder_->openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1 -out strange.pem");
  EXPECT_EQ(PrivateKey::parse(folder_->read("strange.pem")).error().text,
            "the curve of the ECDSA key is not P-256, P-384 or P-521");
  folder_->openssl(
      "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit "
      "-out strange.pem");
  EXPECT_EQ(PrivateKey::parse(folder_->read("strange.pem")).error().text,
            "the curve of the ECDSA key is not given by its name");
}

TEST_F(OsslSignature, RefusesAKeyWhoseHalvesDoNotFit) {
  // ECPrivateKey (RFC 5915 §3): 30 77 02 01 01 04 20, then the private key.
  folder_->openssl("ec -in P-256.pem -outform DER -out halves.der");
  Octets der = folder_->read_octets("halves.der");
  der[20] ^= 1;
  folder_->write("halves.der", {reinterpret_cast<const char*>(der.data()), der.size()});
  folder_->openssl("base64 -in halves.der -out halves.txt");
  const auto key =
      PrivateKey::parse("-----BEGIN EC PRIVATE KEY-----\n" + folder_->read("halves.txt") +
                        "-----END EC PRIVATE KEY-----\n");
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().text, "the halves of the private key do not fit");
}

TEST_F(OsslSignature, RefusesMalformedPublicKeys) {
  folder_->openssl("pkey -pubin -in pub-P-256.pem -outform DER -out public.der");
  Octets spki = folder_->read_octets("public.der");
  ASSERT_TRUE(PublicKey::from_spki(spki));
  EXPECT_EQ(to_hex(PublicKey::from_spki(spki)->spki()), to_hex(spki));
  const std::string malformed = "the public key is malformed or of an unknown kind";
  for (std::size_t len = 0; len < spki.size(); ++len)
    EXPECT_EQ(PublicKey::from_spki(Bytes(spki).first(len)).error().text, malformed);
  Octets longer = spki;
  longer.push_back(0);
  EXPECT_EQ(PublicKey::from_spki(longer).error().text, malformed);
  spki.back() ^= 1;  // the point leaves the curve
  EXPECT_EQ(PublicKey::from_spki(spki).error().text, malformed);
  EXPECT_EQ(PublicKey::from_spki(Octets(5000, 0)).error().text, "the public key is too long");
}

TEST_F(OsslSignature, RefusesRsaExponentsThatProveNothing) {
  // libreswan aborted on an exponent of 0 (CVE-2026-77207); 1 makes every message its signature.
  folder_->openssl("pkey -pubin -in pub-RSA-2048.pem -outform DER -out public.der");
  Octets spki = folder_->read_octets("public.der");
  ASSERT_EQ(to_hex(Bytes(spki).last(5)), "0203010001");
  const std::string expected = "the public exponent of the RSA key is even, 1, or above 2^33";
  spki.back() = 0;  // 65536
  EXPECT_EQ(PublicKey::from_spki(spki).error().text, expected);
  // An exponent of one octet: the boxes around it get two octets shorter.
  for (const std::size_t at : {3u, 22u, 27u}) spki[at] = static_cast<std::uint8_t>(spki[at] - 2);
  for (const std::uint8_t exponent : Octets{0, 1, 2}) {
    spki.resize(spki.size() - (exponent == 0 ? 5 : 3));
    spki.insert(spki.end(), {2, 1, exponent});
    EXPECT_EQ(PublicKey::from_spki(spki).error().text, expected) << +exponent;
  }
  spki.back() = 3;
  EXPECT_TRUE(PublicKey::from_spki(spki));
}

}  // namespace
}  // namespace crypto
