// The trust store: which chains hold, and the reasons why others do not.
#include <gtest/gtest.h>

#include <type_traits>

#include "crypto/trust_store.h"

namespace crypto {
namespace {

TEST(OsslTrustStore, IsMovedNotCopied) {
  static_assert(!std::is_copy_constructible_v<TrustStore>);
  static_assert(!std::is_copy_constructible_v<Certificate>);
}

}  // namespace
}  // namespace crypto
