// A secret of random octets in a file of its own: made once, the same after every restart.
#pragma once

#include <string>

#include "crypto/base/error.h"
#include "crypto/base/secret.h"

namespace cp {

// Reads `len` octets, or draws and writes them when there is no such file (mode 0600). Errors name
// the file: readable by group or others, not ours, of another length, cannot be written. For the
// QCD secret (RFC 6290 §5.1): a gateway that restarts must make the same tokens.
crypto::Result<crypto::SecretBytes> load_or_make_secret(const std::string& path, std::size_t len);

}  // namespace cp
