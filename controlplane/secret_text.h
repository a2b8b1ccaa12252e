// Pre-shared keys as swanctl.conf writes them, and files that only their owner may read.
//
//   "any text"    its octets        "0x68656c6c6f"   hexadecimal        "0saGVsbG8="   Base64
//
// No error here holds a part of what was read. Any thread.
#pragma once

#include <string>
#include <string_view>

#include "crypto/base/error.h"
#include "crypto/base/secret.h"

namespace cp {

inline constexpr std::size_t kSecretLenMax = 512;  // octets of a pre-shared key

crypto::Result<crypto::SecretBytes> parse_secret(std::string_view text);

// A whole file. Errors name it: missing, no regular file, longer than `len_max`; with `keep_out`
// also one that group or others may read or write.
enum class KeepOut : bool { no, yes };
crypto::Result<crypto::SecretBytes> read_file(const std::string& path, std::size_t len_max,
                                              KeepOut keep_out);
// Ok unless group or others may read or write the file.
crypto::Status check_private(const std::string& path);

// A file that holds one secret in a line, in the notation above. Errors name the file.
crypto::Result<crypto::SecretBytes> load_secret(const std::string& path);

// The octets of a text that is a secret.
inline std::string_view text_of(const crypto::SecretBytes& secret) {
  return {static_cast<const char*>(static_cast<const void*>(secret.reveal().data())),
          secret.size()};
}

}  // namespace cp
