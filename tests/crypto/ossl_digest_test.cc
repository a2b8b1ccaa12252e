// Hashes and HMACs against the numbers of their RFCs.
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "crypto/digest.h"
#include "tests/support/hex.h"

namespace crypto {
namespace {

using support::Octets;
using support::to_hex;

Octets octets(std::string_view text) { return {text.begin(), text.end()}; }

TEST(OsslDigest, HashesAsTheStandardsSay) {
  // RFC 1321 §A.5, RFC 3174 §7.3, FIPS 180-2 appendix B.1.
  EXPECT_EQ(to_hex(md5({})), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(to_hex(md5(octets("abc"))), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(to_hex(sha1(octets("abc"))), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(to_hex(sha1({})), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  EXPECT_EQ(to_hex(sha256(octets("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(OsslDigest, AuthenticatesAsTheStandardsSay) {
  // RFC 2202 §2, cases 1, 2 and 6; RFC 4231 §4.2, §4.3 and §4.7.
  const Octets fed = octets("what do ya want for nothing?");
  const Octets long_key_text = octets("Test Using Larger Than Block-Size Key - Hash Key First");
  EXPECT_EQ(to_hex(hmac_md5(Octets(16, 0x0b), octets("Hi There"))),
            "9294727a3638bb1c13f48ef8158bfc9d");
  EXPECT_EQ(to_hex(hmac_md5(octets("Jefe"), fed)), "750c783e6ab0b503eaa86e310a5db738");
  EXPECT_EQ(to_hex(hmac_md5(Octets(80, 0xaa), long_key_text)), "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd");
  EXPECT_EQ(to_hex(hmac_sha256(Octets(20, 0x0b), octets("Hi There"))),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(to_hex(hmac_sha256(octets("Jefe"), fed)),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(to_hex(hmac_sha256(Octets(131, 0xaa), long_key_text)),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(OsslDigest, TakesAnEmptyKeyAndAnEmptyMessage) {
  EXPECT_EQ(to_hex(hmac_md5({}, {})), "74e6f7298a9c2d168935f58c001bad88");
  EXPECT_EQ(to_hex(hmac_sha256({}, {})),
            "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

}  // namespace
}  // namespace crypto
