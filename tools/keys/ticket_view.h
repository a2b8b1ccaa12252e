// A ticket as text: its outer header always, its state when the keyring has its key. SK_d is never
// shown.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/base/bytes.h"
#include "crypto/base/error.h"
#include "crypto/keyring.h"

namespace keys {

// The octets of a ticket given on a command line: a file (raw, hexadecimal or Base64), or the text
// itself.
crypto::Result<std::vector<std::uint8_t>> read_ticket(const std::string& given);
// Hexadecimal or Base64.
crypto::Result<std::vector<std::uint8_t>> parse_ticket_text(std::string_view text);

// `ring` may be null. An error when the octets are no ticket of ours or do not open with their key.
crypto::Result<std::string> ticket_text(crypto::Bytes ticket, const crypto::Keyring* ring,
                                        std::uint64_t now_s);

}  // namespace keys
