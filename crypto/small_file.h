// Small files read whole: certificates and CRLs, and keys, which nobody else may be able to read.
//
// Cold path; any thread. Symbolic links are followed, since certificate tools make them; what is
// checked is the file that was opened.
#pragma once

#include <string>
#include <vector>

#include "crypto/base/error.h"
#include "crypto/base/secret.h"

namespace crypto {

// Errors name the file: missing, unreadable, no regular file, more than `len_max` octets.
Result<std::vector<std::uint8_t>> read_file(const std::string& path, std::size_t len_max);

// Also refuses a file that group or others may read or write, or that belongs to neither the
// effective user nor root.
Result<SecretBytes> read_secret_file(const std::string& path, std::size_t len_max);

}  // namespace crypto
