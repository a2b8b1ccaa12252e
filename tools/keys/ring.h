// Keyring files as an operator sees them: made, shown, rotated, and single keys revoked.
//
// Every change holds the keyring's lock and replaces the file whole. A running gateway reads it
// again at HUP. No function shows or returns a secret.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "crypto/base/error.h"
#include "crypto/keyring.h"

namespace keys {

// A new file with a current and a next key. Refuses to replace an existing one: its tickets would
// die.
crypto::Status create_ring(const std::string& path, std::uint64_t now_s);

// next becomes current, current becomes previous and opens tickets for `accept_s` more.
crypto::Status rotate_ring(const std::string& path, std::uint64_t now_s, std::uint64_t accept_s);

// Removes a key, named by its eight hexadecimal digits: its tickets die at once. Refuses the
// current one.
crypto::Status revoke_key(const std::string& path, std::string_view id);

// One line for each key: id, generation, age, and how long a previous key still opens tickets.
std::string ring_text(const crypto::Keyring& ring, std::uint64_t now_s);
// The same as JSON: {"keys": [{"id", "generation", "created_s", "age_s", "retires_s"}]}.
std::string ring_json(const crypto::Keyring& ring, std::uint64_t now_s);

}  // namespace keys
