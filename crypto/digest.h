// Hashes and HMACs in one call, for cold code. The packet path has crypto/engine.h.
//
// MD5 is here for RADIUS alone, which has nothing else: Response Authenticator (RFC 2865 §3),
// Message-Authenticator (RFC 3579 §3.2), the MS-MPPE keys (RFC 2548 §2.4). SHA-1 is here for what
// IKE names by it: keys of authorities in CERTREQ (RFC 7296 §3.7). Neither protects anything else.
// Any thread.
#pragma once

#include <array>
#include <cstdint>

#include "crypto/base/bytes.h"

namespace crypto {

using Md5Digest = std::array<std::uint8_t, 16>;
using Sha1Digest = std::array<std::uint8_t, 20>;
using Sha256Digest = std::array<std::uint8_t, 32>;

Md5Digest md5(Bytes message);
Sha1Digest sha1(Bytes message);
Sha256Digest sha256(Bytes message);

// Any key length is right, an empty one too.
Md5Digest hmac_md5(Bytes key, Bytes message);
Sha256Digest hmac_sha256(Bytes key, Bytes message);

}  // namespace crypto
