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

// "C=CH, O=Example, CN=moon" to a DER Name. Parts are parted by commas or, in a text that begins
// with a slash, by slashes: "/C=CH/O=Example, Inc./CN=moon"; there is no escape character. A part
// is known by its name without regard to case (C, ST, L, O, OU, CN, DC, UID, SN, G, E ...: the
// table in the .cc) or is a dotted OID. Values lose spaces at both ends; they are PrintableString
// where the characters allow and UTF8String otherwise, e-mail addresses are IA5String. Errors say
// which part is wrong: unknown, without '=' or without a value, not UTF-8, too many or too long.
Result<std::vector<std::uint8_t>> dn_from_text(std::string_view text);

// The way back, for logs. Commas and backslashes inside of values and whatever is not printable
// ASCII are written as \xx, so what a peer sends cannot forge a part or a line. An error when the
// octets are no Name.
Result<std::string> dn_to_text(Bytes der);

// True when both are Names with the same parts in the same order: the kind of string, the case of
// letters and repeated spaces make no difference (RFC 5280 §7.1). False when one is malformed.
bool dn_equal(Bytes a, Bytes b);

// The same for a pattern: a part of it whose value is "*" stands for any value of that part. A "*"
// in `name` is no pattern.
bool dn_matches(Bytes pattern, Bytes name);

}  // namespace crypto
