// Fuzzes the AlgorithmIdentifier in front of a signature: what is accepted is one of ours.
#include <algorithm>

#include "crypto/signature.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t len) {
  const crypto::Bytes der(octets, len);
  const auto algorithm = crypto::parse_algorithm_identifier(der);
  if (!algorithm) return 0;
  const crypto::Bytes own = crypto::algorithm_identifier(*algorithm);
  CHECK(crypto::parse_algorithm_identifier(own) == algorithm);
  // Another form of the same: NULL parameters left out (three places), a trailer written out.
  CHECK(len + 3 * 2 >= own.size() && len <= own.size() + 5);
  // Nothing may stand behind it, and nothing may be missing.
  CHECK(!crypto::parse_algorithm_identifier(der.first(len - 1)));
  return 0;
}
