// Identities as people write them, and the IDi/IDr bodies that tickets and deny lists hold.
//
//   "user@example.org"                ID_RFC822_ADDR   also "email:...", "rfc822:..."
//   "@gw.example.org"                 ID_FQDN          also without '@', "fqdn:...", "dns:..."
//   "192.0.2.7", "2001:db8::7"        ID_IPV4_ADDR, ID_IPV6_ADDR
//   "C=CH, O=Example, CN=user"        ID_DER_ASN1_DN   also "/C=CH/CN=user", "asn1dn:..."
//   "keyid:text", "keyid:#hex"        ID_KEY_ID        also "@#hex"
//
// The forms are those of strongSwan as far as they go. A body is type (1) | reserved (3) | octets
// (RFC 7296 §3.5). Any thread.
#pragma once

#include <string>
#include <string_view>

#include "crypto/base/bytes.h"
#include "crypto/base/error.h"

namespace cp {

inline constexpr std::size_t kIdentityLenMax = 256;  // octets behind the four of the type

// The body, with the reserved octets zero.
crypto::Result<std::string> parse_identity(std::string_view text);
// The text of a body: what parse_identity reads, or "type N: hex" for a form it does not know.
std::string identity_text(crypto::Bytes body);

}  // namespace cp
