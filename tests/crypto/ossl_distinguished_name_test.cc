// Distinguished names: text to DER and back, and comparison.
#include <gtest/gtest.h>

#include <type_traits>

#include "crypto/distinguished_name.h"

namespace crypto {
namespace {

TEST(OsslDistinguishedName, GivesOctetsOrAnError) {
  static_assert(std::is_same_v<decltype(dn_from_text({})), Result<std::vector<std::uint8_t>>>);
}

}  // namespace
}  // namespace crypto
