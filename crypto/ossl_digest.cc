// Hashes and HMACs by OpenSSL. MD5 needs OpenSSL's default provider, which is what Debian loads; a
// process restricted to FIPS algorithms ends here instead of speaking RADIUS wrongly.
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <limits>

#include "crypto/base/error.h"
#include "crypto/digest.h"

namespace crypto {
namespace {

template <std::size_t N>
std::array<std::uint8_t, N> hash(const EVP_MD* md, Bytes message) {
  std::array<std::uint8_t, N> out;
  unsigned len = 0;
  CHECK(EVP_Digest(message.data(), message.size(), out.data(), &len, md, nullptr) == 1 && len == N);
  return out;
}

// OpenSSL takes a null pointer for "not given", not for "empty".
const std::uint8_t* given(Bytes octets) {
  static constexpr std::uint8_t kNothing = 0;
  return octets.empty() ? &kNothing : octets.data();
}

template <std::size_t N>
std::array<std::uint8_t, N> hmac(const EVP_MD* md, Bytes key, Bytes message) {
  CHECK(key.size() <= std::size_t{std::numeric_limits<int>::max()});
  std::array<std::uint8_t, N> out;
  unsigned len = 0;
  CHECK(HMAC(md, given(key), static_cast<int>(key.size()), given(message), message.size(),
             out.data(), &len) != nullptr);
  CHECK(len == N);
  return out;
}

}  // namespace

Md5Digest md5(Bytes message) { return hash<16>(EVP_md5(), message); }
Sha1Digest sha1(Bytes message) { return hash<20>(EVP_sha1(), message); }
Sha256Digest sha256(Bytes message) { return hash<32>(EVP_sha256(), message); }

Md5Digest hmac_md5(Bytes key, Bytes message) { return hmac<16>(EVP_md5(), key, message); }
Sha256Digest hmac_sha256(Bytes key, Bytes message) { return hmac<32>(EVP_sha256(), key, message); }

}  // namespace crypto
