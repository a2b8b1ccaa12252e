// Tests of AUTH of full handshakes: octets, shared keys, the framing of signatures.
#include "ike/auth_octets.h"

#include <gtest/gtest.h>

#include <utility>

#include "crypto/prf_plus.h"
#include "crypto/signature.h"
#include "tests/ike/messages.h"
#include "tests/support/vectors.h"

namespace ike {
namespace {

using support::hex_at;
using support::text_at;

// RFC 7296 §2.15, CORE-39, CORE-40: against libreswan, which authenticated with these values.
TEST(AuthOctets, GiveThePskAuthOfLibreswan) {
  for (const char* name :
       {"libreswan/libreswan-resume-kat.json", "libreswan/libreswan-resume-kat-rw-psk.json",
        "libreswan/libreswan-resume-kat-rw-psk-encap.json"}) {
    const auto file = support::load_vectors(name);
    const auto& sa = file.at("original_sa");
    const std::string psk_text = text_at(file, "psk");
    const Octets psk(psk_text.begin(), psk_text.end());
    for (const bool responder : {false, true}) {
      const Octets message =
          hex_at(sa.at(responder ? "ike_sa_init_response" : "ike_sa_init_request"), "octets");
      const Octets nonce = hex_at(sa, responder ? "Ni" : "Nr");
      const Octets sk_p = hex_at(sa.at("keys_from_log"), responder ? "SK_pr" : "SK_pi");
      const Octets id = hex_at(sa, responder ? "idr_body" : "idi_body");
      std::string sent;
      for (const auto& p :
           sa.at(responder ? "ike_auth_response_last_fragment" : "ike_auth_request").at("inner"))
        if (text_at(p, "type") == "AUTH") sent = text_at(p, "body").substr(8);
      for (const auto& engine : engines()) {
        SCOPED_TRACE(std::string(name) + " " + engine->name());
        Octets octets(auth_octets_max(message.size()));
        octets.resize(write_auth_octets(*engine,
                                        {.sk_p = sk_p,
                                         .real_message = message,
                                         .peer_nonce = nonce,
                                         .id_body = id,
                                         .int_auth = {}},
                                        octets));
        ASSERT_FALSE(octets.empty());
        Octets auth(32);
        shared_key_auth(*engine, crypto::Prf::hmac_sha256, psk, octets, auth.data());
        EXPECT_EQ(to_hex(auth), sent);
        EXPECT_TRUE(verify_shared_key_auth(*engine, crypto::Prf::hmac_sha256, psk, octets, auth));
        octets[0] ^= 1;
        EXPECT_FALSE(verify_shared_key_auth(*engine, crypto::Prf::hmac_sha256, psk, octets, auth));
      }
    }
  }
}

TEST(AuthOctets, StandBehindEachOther) {  // RFC 7296 §2.15, RFC 9242
  const auto engine = crypto::make_ossl_engine();
  for (const crypto::Prf prf :
       {crypto::Prf::hmac_sha256, crypto::Prf::hmac_sha384, crypto::Prf::hmac_sha512}) {
    const Octets sk_p = filled(crypto::prf_len(prf), 5);
    const Octets message = filled(100, 1), nonce = filled(32, 2), id = filled(9, 3),
                 int_auth = filled(kIntAuthMax, 4);
    const AuthInput input{prf, sk_p, message, nonce, id, int_auth};
    Octets maced(crypto::prf_len(prf));
    crypto::prf_once(*engine, prf, sk_p, id, maced.data());
    const std::string expected = to_hex(message) + to_hex(nonce) + to_hex(maced) + to_hex(int_auth);
    Octets out(expected.size() / 2);
    ASSERT_EQ(write_auth_octets(*engine, input, out), out.size());
    EXPECT_EQ(to_hex(out), expected);
    EXPECT_EQ(write_auth_octets(*engine, input, crypto::MutBytes(out).first(out.size() - 1)), 0u);
  }
}

TEST(SharedKeyAuth, DependsOnEveryInput) {
  const auto engine = crypto::make_ossl_engine();
  const Octets octets = filled(200, 7);
  Octets auth(48);
  shared_key_auth(*engine, crypto::Prf::hmac_sha384, filled(64, 1), octets, auth.data());
  const auto verifies = [&](crypto::Prf prf, const Octets& secret, crypto::Bytes value) {
    return verify_shared_key_auth(*engine, prf, secret, octets, value);
  };
  EXPECT_TRUE(verifies(crypto::Prf::hmac_sha384, filled(64, 1), auth));
  EXPECT_FALSE(verifies(crypto::Prf::hmac_sha384, filled(64, 2), auth)) << "MSK";
  EXPECT_FALSE(verifies(crypto::Prf::hmac_sha256, filled(64, 1), auth));
  EXPECT_FALSE(verifies(crypto::Prf::hmac_sha384, filled(64, 1), crypto::Bytes(auth).first(47)));
  EXPECT_FALSE(verifies(crypto::Prf::hmac_sha384, filled(64, 1), {}));
}

TEST(SignatureAuth, ReadsBack) {  // RFC 7427 §3
  const Octets signature = filled(64, 9);
  const Octets algorithm = from_hex("300506032b6570");
  Octets data(200);
  data.resize(write_signature_auth(algorithm, signature, data));
  EXPECT_EQ(data.size(), 1 + algorithm.size() + signature.size());
  SignatureView view;
  ASSERT_TRUE(parse_signature_auth(data, view));
  EXPECT_EQ(to_hex(view.algorithm), to_hex(algorithm));
  EXPECT_EQ(to_hex(view.signature), to_hex(signature));
}

TEST(SignatureAuth, RefusesWhatIsMalformed) {
  SignatureView view;
  for (const char* data : {"", "00", "0030", "0230", "023005", "ff3005010203"})
    EXPECT_FALSE(parse_signature_auth(from_hex(data), view)) << data;
  EXPECT_TRUE(parse_signature_auth(from_hex("0230050a"), view));
  Octets out(300);
  EXPECT_EQ(write_signature_auth({}, filled(8, 1), out), 0u);
  EXPECT_EQ(write_signature_auth(filled(8, 1), {}, out), 0u);
  EXPECT_EQ(write_signature_auth(filled(256, 1), filled(8, 1), out), 0u);
  EXPECT_EQ(write_signature_auth(filled(255, 1), filled(44, 1), out), 300u);
  EXPECT_EQ(write_signature_auth(filled(255, 1), filled(45, 1), out), 0u);
}

// RFC 7427 §3: the AUTH payloads that libreswan sent.
TEST(SignatureAuth, ReadsWhatLibreswanSends) {
  using enum crypto::SignatureAlgorithm;
  for (const auto& [name, expected] :
       {std::pair{"libreswan/libreswan-resume-kat-rw-rsa.json", rsa_pss_sha512},
        std::pair{"libreswan/libreswan-resume-kat-rw-ec.json", ecdsa_sha256}}) {
    const auto file = support::load_vectors(name);
    for (const auto& p : file.at("original_sa").at("ike_auth_request").at("inner")) {
      if (text_at(p, "type") != "AUTH") continue;
      const Octets body = hex_at(p, "body");
      SignatureView view;
      ASSERT_TRUE(parse_signature_auth(crypto::Bytes(body).subspan(4), view));
      EXPECT_EQ(crypto::parse_algorithm_identifier(view.algorithm), expected) << name;
    }
  }
}

}  // namespace
}  // namespace ike
