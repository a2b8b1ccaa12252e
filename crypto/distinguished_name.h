// Distinguished names: between text as configurations write it and the DER octets of ID payloads.
//
// Text and encoding follow strongSwan, so that one and the same line in both configurations is one
// and the same identity. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "crypto/base/bytes.h"
#include "crypto/base/error.h"

namespace crypto {

inline constexpr std::size_t kNameDerMax = 4096;  // octets of a Name that is read or written

// "C=CH, O=Example, CN=moon" to a DER Name. Parts are parted by commas (or begin with slashes:
// "/C=CH/CN=moon"); a comma, a plus or a backslash in a value is written behind a backslash. A part
// is known by its name without regard to case (C, ST, L, O, OU, CN, DC, UID, SN, G, I, T, STREET,
// serialNumber, dnQualifier, E or emailAddress ...) or is a dotted OID. Values are PrintableString
// where the characters allow and UTF8String otherwise, emailAddress and DC are IA5String. Errors
// say which part is wrong.
Result<std::vector<std::uint8_t>> dn_from_text(std::string_view text);

// The way back, for logs and comparisons by eye. Characters that are not printable are written as
// \xx, so what a peer sends cannot forge a line of a log. Octets that are no Name give an error.
Result<std::string> dn_to_text(Bytes der);

// True when both are Names with the same parts in the same order: the kind of string, the case of
// letters and repeated spaces make no difference (RFC 5280 §7.1). False when one is malformed.
bool dn_equal(Bytes a, Bytes b);

}  // namespace crypto
