// Tests of the resumed AUTH value; the known answers are in the transcript tests.
#include "ike/auth_value.h"

#include <gtest/gtest.h>

#include "crypto/prf_plus.h"
#include "tests/ike/messages.h"

namespace ike {
namespace {

TEST(AuthValue, SignedOctetsAreMessageNonceAndMacedId) {  // RFC 7296 §2.15
  Octets out(64);
  const std::size_t len =
      write_signed_octets(from_hex("0102"), from_hex("030405"), from_hex("06"), out.data());
  EXPECT_EQ(to_hex(crypto::Bytes(out).first(len)), "010203040506");
}

TEST(AuthValue, FormsAreWhatTheirFormulasSay) {  // RFC 5723 §4.3.3
  const Octets message = filled(300, 1);
  const Octets nonce = filled(32, 2);
  const Octets id = from_hex("0200000061");
  for (const auto& engine : engines()) {
    for (const crypto::Prf prf :
         {crypto::Prf::hmac_sha256, crypto::Prf::hmac_sha384, crypto::Prf::hmac_sha512}) {
      const Octets key = filled(crypto::prf_len(prf), 7);
      Octets maced(crypto::prf_len(prf));
      crypto::prf_once(*engine, prf, key, id, maced.data());
      Octets octets(message.size() + nonce.size() + maced.size());
      write_signed_octets(message, nonce, maced, octets.data());
      Octets expected(crypto::prf_len(prf));
      Octets got(crypto::prf_len(prf));
      crypto::prf_once(*engine, prf, key, octets, expected.data());
      auth_value(*engine, prf, AuthForm::rfc, key, message, nonce, id, got.data());
      EXPECT_EQ(to_hex(got), to_hex(expected));
      crypto::prf_once(*engine, prf, key, message, expected.data());
      auth_value(*engine, prf, AuthForm::libreswan, key, message, nonce, id, got.data());
      EXPECT_EQ(to_hex(got), to_hex(expected));
    }
  }
}

TEST(AuthValue, ReservedOctetsOfTheIdentityCount) {  // R5723-64
  const auto engine = crypto::make_ossl_engine();
  Octets a(32);
  Octets b(32);
  const auto value = [&](const char* id, Octets& out) {
    auth_value(*engine, crypto::Prf::hmac_sha256, AuthForm::rfc, filled(32, 7), filled(40, 1),
               filled(32, 2), from_hex(id), out.data());
  };
  value("0200000061", a);
  value("0201020361", b);
  EXPECT_NE(a, b);
}

}  // namespace
}  // namespace ike
